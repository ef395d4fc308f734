// PyTorch's semantics through the client: right answers, the same bits whether they are sent whole or streamed.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connect } from 'treduce';

import { Server } from './server.js';
import { mismatch, readCases } from './vectors.js';

let server;
let clients;

before(async () => {
  server = await Server.start();
  // One sends messages, the other streams everything, in chunks at odd places.
  clients = [connect(server.address), connect(server.address, { unaryLimit: 0, chunkBytes: 61 })];
});

after(async () => {
  clients.forEach((client) => client.close());
  await server.stop();
});

// The outputs as tensors {dtype, shape, bytes}, or the code of the refusal.
async function answer(client, { input, reduction }) {
  try {
    const [result] = await client.reduce(input, [reduction], { timeout: 60_000 });
    const tensors = 'dtype' in result ? [result] : Object.values(result);
    return tensors.map(({ dtype, shape, data }) => ({
      dtype,
      shape,
      bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    }));
  } catch (error) {
    if (error.code === undefined) throw error;
    return error.code;
  }
}

test('all vectors', async () => {
  let answered = 0;
  let refused = 0;
  const failures = [];
  for (const vector of readCases()) {
    const [whole, streamed] = await Promise.all(clients.map((client) => answer(client, vector)));
    assert.deepEqual(streamed, whole, `${vector.id}: other bits when it is streamed`);
    const isRefusal = typeof whole === 'string';
    if (isRefusal) ++refused;
    else ++answered;
    const text = !isRefusal ? mismatch(vector, whole) : whole === vector.refusal ? '' : `refused with ${whole}`;
    if (text !== '') failures.push(`${vector.id}: ${text}`);
  }
  assert.deepEqual(failures, []);
  assert.ok(answered > 6500 && refused > 100, `${answered} answered, ${refused} refused`);
});
