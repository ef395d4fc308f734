// Servers that are not there, are full, stop or die; calls that are given up.

import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { createReadStream, readdirSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, test } from 'node:test';
import { Client, credentials, status } from '@grpc/grpc-js';
import {
  ArgumentError,
  CancelledError,
  connect,
  DeadlineExceededError,
  ResourceExhaustedError,
  TreduceError,
  UnavailableError,
} from 'treduce';

import { Server } from './server.js';

let server;
let t;

beforeEach(async () => {
  server = await Server.start();
  t = connect(server.address);
});

afterEach(async () => {
  t.close();
  await server.stop();
});

// Chunks that never end until `released`.
function stuck() {
  let release;
  const released = new Promise((resolve) => (release = resolve));
  async function* chunks() {
    yield Float32Array.of(1);
    await released;
    yield Float32Array.of(2);
  }
  return { input: { data: chunks(), dtype: 'float32', shape: [2] }, release };
}

// Starts the server anew, with place for one call, which `first` takes until `release`.
async function fill() {
  await server.kill();
  await server.start('--max-calls', '1');
  t.close();
  t = connect(server.address);
  const { input, release } = stuck();
  const first = t.sum(input);
  // The place is taken once a call is refused without time to wait.
  for (;;) {
    const refused = await t.sum([1], { timeout: 5 }).then(() => false, (error) => error instanceof ResourceExhaustedError);
    if (refused) return { first, release };
  }
}

test('a server that is not there is unavailable, by its address', async () => {
  const absent = connect('unix:/tmp/treduce-absent/socket');
  await assert.rejects(absent.sum([1]), (error) => {
    assert.ok(error instanceof UnavailableError, error.stack);
    assert.match(error.message, /^unix:\/tmp\/treduce-absent\/socket: /);
    return true;
  });
  absent.close();
});

test('a client finds a server that comes back', async () => {
  assert.equal((await t.sum([1])).item(), 1);
  await server.kill();
  await assert.rejects(t.sum([1]), UnavailableError);
  await server.start();
  const deadline = Date.now() + 20_000;
  for (;;) {
    const sum = await t.sum([1]).catch((error) => assert.ok(error instanceof UnavailableError && Date.now() < deadline, error.stack));
    if (sum !== undefined) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});

test('a server that dies during a call ends it', async () => {
  const { input } = stuck();
  const sum = t.sum(input);
  setTimeout(() => server.kill(), 200);
  await assert.rejects(sum, UnavailableError);
});

test('an iterator that throws ends its call with what it threw', async () => {
  let closed = false;
  async function* chunks() {
    try {
      yield Float32Array.of(1);
      throw new Error('mine');
    } finally {
      closed = true;
    }
  }
  await assert.rejects(t.sum({ data: chunks(), dtype: 'float32', shape: [2] }), { message: 'mine' });
  assert.ok(closed);
  assert.equal((await t.sum([1])).item(), 1);
});

test('an iterator is closed when the server refuses', async () => {
  let closed = false;
  async function* chunks() {
    try {
      for (;;) yield new Float32Array(1 << 16);
    } finally {
      closed = true;
    }
  }
  await assert.rejects(t.sum({ data: chunks(), dtype: 'float32', shape: [2 ** 40] }, { dim: 3 }), { reason: 'DIM_OUT_OF_RANGE' });
  for (let i = 0; i < 100 && !closed; ++i) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(closed);
});

test('chunks are taken no faster than the server does', async () => {
  assert.equal((await t.sum([1])).item(), 1);
  server.send('SIGSTOP');
  let taken = 0;
  function* chunks() {
    while (taken++ < 64) yield new Float32Array(1 << 18).fill(1);
  }
  const sum = t.sum({ data: chunks(), dtype: 'float32', shape: [64, 1 << 18] });
  await new Promise((resolve) => setTimeout(resolve, 1000));
  assert.ok(taken > 0 && taken < 16, `${taken} MiB are on their way`);
  server.send('SIGCONT');
  assert.equal((await sum).item(), 2 ** 24);
});

test('a call ends at its timeout', async () => {
  const { input } = stuck();
  const start = Date.now();
  await assert.rejects(t.sum(input, { timeout: 200 }), DeadlineExceededError);
  assert.ok(Date.now() - start < 5000);
  await assert.rejects(t.sum([1], { timeout: 0 }), DeadlineExceededError);
  assert.equal((await t.sum([1], { timeout: Number.MAX_VALUE })).item(), 1);
  const hurried = connect(server.address, { timeout: 200 });
  await assert.rejects(hurried.sum(stuck().input), DeadlineExceededError);
  hurried.close();
});

test('a stream that has no bytes yet is closed with its call', async () => {
  const data = new PassThrough();
  await assert.rejects(t.sum({ data, dtype: 'float32', shape: [2] }, { timeout: 200 }), DeadlineExceededError);
  assert.ok(data.destroyed);
});

test('a web stream that another reads is refused', async () => {
  const data = new ReadableStream({});
  data.getReader();
  await assert.rejects(t.sum({ data, dtype: 'uint8', shape: [2] }), ArgumentError);
});

test('a web stream is cancelled with its call', async () => {
  for (const options of [{ timeout: 200 }, { signal: AbortSignal.abort() }, { dim: 1 }, { dim: 'rows' }]) {
    let cancelled = false;
    const data = new ReadableStream({ cancel: () => (cancelled = true) });
    await assert.rejects(t.sum({ data, dtype: 'float32', shape: [2] }, options));
    assert.ok(cancelled, Object.keys(options)[0]);
  }
});

test('a file is closed by a call that is refused', { timeout: 20_000 }, async () => {
  const closed = connect(server.address);
  closed.close();
  const dtype = 'uint8';
  const shape = [2];
  for (const refused of [
    (data) => t.sum({ data, dtype, shape }, { dim: 'rows' }),
    (data) => t.sum({ data, dtype, shape }, 0),
    (data) => t.sum({ data, dtype, shape }, { signal: AbortSignal.abort() }),
    (data) => t.sum({ data, dtype, shape }, { timeout: 0 }),
    (data) => t.sum({ data, dtype, shape: [-1] }),
    (data) => t.sum({ data, dtype: 'int' }),
    (data) => t.sum(data),
    (data) => t.reduce({ data, dtype, shape }, 'sum'),
    (data) => t.reduce({ data, dtype, shape }, ['total']),
    (data) => closed.sum({ data, dtype, shape }),
  ]) {
    const data = createReadStream(process.execPath);
    await new Promise((resolve) => data.once('open', resolve));
    await assert.rejects(refused(data));
    await new Promise((resolve) => (data.closed ? resolve() : data.once('close', resolve)));
    assert.ok(!openFiles().includes(process.execPath), refused.toString());
  }
});

function openFiles() {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // that of the list itself
    }
  });
}

test('a file that is not there is an error of its call, not of the process', async () => {
  for (const options of [{}, { dim: 'rows' }]) {
    const data = createReadStream('/tmp/treduce-absent/file');
    await assert.rejects(t.sum({ data, dtype: 'uint8', shape: [2] }, options), { code: options.dim ? 'INVALID_ARGUMENT' : 'ENOENT' });
    await new Promise((resolve) => (data.closed ? resolve() : data.once('close', resolve)));
  }
});

test('calls may share a signal', async () => {
  const warnings = [];
  const warn = (warning) => warnings.push(warning.name);
  process.on('warning', warn);
  const { signal } = new AbortController();
  await Promise.all(Array.from({ length: 20 }, () => t.sum([1], { signal })));
  await new Promise(setImmediate);
  process.off('warning', warn);
  assert.deepEqual(warnings, []);
  assert.deepEqual(getEventListeners(signal, 'abort'), []);
});

test('an error of an iterator stays as it is, though it be one of gRPC', async () => {
  const other = new Client('unix:/tmp/treduce-absent/socket', credentials.createInsecure());
  const call = () => other.makeServerStreamRequest('/a.B/C', (x) => x, (x) => x, Buffer.alloc(0));
  async function* chunks() {
    yield Float32Array.of(1);
    yield* call();
  }
  for (const source of [chunks, call]) {
    const error = await t.sum({ data: source(), dtype: 'float32', shape: [2] }).catch((error) => error);
    assert.ok(!(error instanceof TreduceError), error.stack);
    assert.equal(error.code, status.UNAVAILABLE);
  }
  other.close();
});

test('a request whose body makes a call that is refused can still be answered', async () => {
  const http = createServer(async (request, response) => {
    const error = await t.sum({ data: request, dtype: 'uint8', shape: [5] }, { dim: 'rows' }).catch((error) => error);
    response.writeHead(400).end(error.field);
  });
  await new Promise((resolve) => http.listen(0, resolve));
  const response = await fetch(`http://127.0.0.1:${http.address().port}`, { method: 'POST', body: 'hello' });
  assert.deepEqual([response.status, await response.text()], [400, 'dim']);
  http.close();
  http.closeAllConnections();
});

test('an iterator is closed by a call that is refused', async () => {
  let closed = 0;
  function* chunks() {
    try {
      for (;;) yield Float32Array.of(1);
    } finally {
      ++closed;
    }
  }
  const data = chunks();
  data.next();
  await assert.rejects(t.sum({ data, dtype: 'float32', shape: [1] }, { dim: 'rows' }), ArgumentError);
  assert.equal(closed, 1);
});

test('a call ends at its signal, with the signal’s reason', async () => {
  const controller = new AbortController();
  const sum = t.sum(stuck().input, { signal: controller.signal });
  const reason = new Error('enough');
  setTimeout(() => controller.abort(reason), 100);
  await assert.rejects(sum, reason);
  await assert.rejects(t.sum([1], { signal: controller.signal }), reason);
  assert.equal((await t.sum([1], { signal: new AbortController().signal })).item(), 1);
});

test('closing a client ends its calls and refuses others', async () => {
  const sum = t.sum(stuck().input);
  setTimeout(() => t.close(), 100);
  await assert.rejects(sum, CancelledError);
  await assert.rejects(t.sum([1]), { code: 'FAILED_PRECONDITION', reason: 'CLOSED' });
  t.close();
});

test('leaving its block closes a client', async () => {
  for (const end of ['dispose', 'asyncDispose']) {
    const client = connect(server.address);
    await client[Symbol[end] ?? Symbol.for(`Symbol.${end}`)]();
    await assert.rejects(client.sum([1]), { reason: 'CLOSED' });
  }
});

test('a full server is asked again within the timeout', async () => {
  const { first, release } = await fill();
  const waiting = t.sum([4], { timeout: 20_000 });
  setTimeout(release, 300);
  assert.equal((await first).item(), 3);
  assert.equal((await waiting).item(), 4);

  // What has been taken out of an iterator cannot be sent again.
  const other = stuck();
  const second = t.sum(other.input);
  await new Promise((resolve) => setTimeout(resolve, 200));
  await assert.rejects(t.sum(stuck().input), { reason: 'CALLS_EXHAUSTED' });
  other.release();
  await second;
});

test('closing a client, and its signal, end a call that waits for a full server', async () => {
  const { first, release } = await fill();
  const waiting = connect(server.address);
  const sums = [waiting.sum([1]), waiting.sum([1], { signal: AbortSignal.timeout(1000) })];
  setTimeout(() => waiting.close(), 2000);
  await assert.rejects(sums[1], { name: 'TimeoutError' });
  await assert.rejects(sums[0], CancelledError);
  release();
  await first;
});

test('many calls at once are answered each', async () => {
  const sums = await Promise.all(Array.from({ length: 200 }, (_, i) => t.sum([i, i])));
  assert.deepEqual(sums.map((sum) => sum.item()), Array.from({ length: 200 }, (_, i) => 2 * i));
});
