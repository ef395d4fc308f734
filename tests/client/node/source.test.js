// source.js: how chunks become pieces of messages.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

// Of the package, whose inner files are not its users'.
const { sourceOf } = await import(pathToFileURL(join('node_modules/treduce/lib', 'source.js')));

// The pieces of at most `size` bytes of uint8 chunks that have `count`, as arrays.
async function piecesOf(data, count, size) {
  const pieces = [];
  for await (const piece of sourceOf({ data, dtype: 'uint8', shape: [count] }).pieces(size)) pieces.push(Array.from(piece));
  return pieces;
}

test('small chunks that come at once are gathered', async () => {
  async function* chunks() {
    for (let i = 0; i < 10_000; ++i) yield Uint8Array.of(i);
  }
  // A few where the machine does something else in between.
  const pieces = await piecesOf(chunks(), 10_000, 5000);
  assert.ok(pieces.length < 100, String(pieces.length));
  assert.deepEqual(pieces.flat(), Array.from({ length: 10_000 }, (_, i) => i % 256));
});

test('chunks of any size have their bytes in order', async () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);
  for (const chunkSize of [1, 3, 7, 8, 9, 50, 100]) {
    const chunks = [];
    for (let at = 0; at < 100; at += chunkSize) chunks.push(bytes.subarray(at, at + chunkSize), new Uint8Array(0));
    const pieces = await piecesOf(chunks, 100, 8);
    assert.deepEqual(pieces.flat(), Array.from(bytes));
    assert.ok(pieces.every((piece) => piece.length > 0 && piece.length <= 8));
  }
});

test('chunks may lie where the one before did', async () => {
  function* chunks() {
    const chunk = new Uint8Array(3);
    for (let i = 0; i < 3; ++i) yield chunk.fill(i);
  }
  assert.deepEqual((await piecesOf(chunks(), 9, 4)).flat(), [0, 0, 0, 1, 1, 1, 2, 2, 2]);
});

test('a chunk does not wait for one that is late', async () => {
  let release;
  async function* chunks() {
    yield Uint8Array.of(1);
    yield Uint8Array.of(2);
    await new Promise((resolve) => (release = resolve));
    yield Uint8Array.of(3);
  }
  const pieces = sourceOf({ data: chunks(), dtype: 'uint8', shape: [3] }).pieces(100);
  assert.deepEqual(Array.from((await pieces.next()).value), [1, 2]);
  release();
  assert.deepEqual(Array.from((await pieces.next()).value), [3]);
  assert.ok((await pieces.next()).done);
});

test('a chunk does not wait for many that take their time', async () => {
  let taken = 0;
  async function* chunks() {
    for (; taken < 100; ++taken) {
      for (const end = performance.now() + 1; performance.now() < end; );
      yield Uint8Array.of(1);
    }
  }
  const pieces = sourceOf({ data: chunks(), dtype: 'uint8', shape: [100] }).pieces(100);
  assert.ok((await pieces.next()).value.length < 50);
  await pieces.return();
});

test('an error while the chunks before it are sent is kept for its call', async () => {
  async function* chunks() {
    yield Uint8Array.of(1);
    await new Promise((resolve) => setTimeout(resolve, 10));
    throw new Error('mine');
  }
  const pieces = sourceOf({ data: chunks(), dtype: 'uint8', shape: [2] }).pieces(100);
  assert.deepEqual(Array.from((await pieces.next()).value), [1]);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await assert.rejects(pieces.next(), { message: 'mine' });
});

test('a chunk too many is refused before others are taken', async () => {
  let taken = 0;
  async function* chunks() {
    for (; taken < 100; ++taken) yield Uint8Array.of(1);
  }
  await assert.rejects(piecesOf(chunks(), 10, 100), { reason: 'SIZE_MISMATCH', field: 'data' });
  assert.equal(taken, 10);
});
