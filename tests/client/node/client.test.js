// What goes in and what comes out.

import assert from 'node:assert/strict';
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { inspect } from 'node:util';
import { runInNewContext } from 'node:vm';
import { connect, DTYPES, OPS, Tensor } from 'treduce';

import { Server } from './server.js';

let server;
let t;
let streaming;

before(async () => {
  server = await Server.start();
  t = connect(server.address, { timeout: 60_000 });
  streaming = connect(server.address, { timeout: 60_000, unaryLimit: 0, chunkBytes: 7 });
});

after(async () => {
  t.close();
  streaming.close();
  await server.stop();
});

const MATRIX = [[1, 5, 2], [4, 3, 6]];

describe('inputs', () => {
  test('typed arrays are 1-d tensors of their dtype', async () => {
    for (const [array, sum] of [
      [Float64Array.of(1, 2.5), 3.5], [Float32Array.of(1, 2.5), 3.5], [Int8Array.of(-1, 2), 1n], [Int16Array.of(-1, 2), 1n],
      [Int32Array.of(-1, 2), 1n], [BigInt64Array.of(-1n, 2n), 1n], [Uint8Array.of(255, 2), 257n],
      [Uint8ClampedArray.of(255, 2), 257n], [Uint16Array.of(1, 2), 3n], [Uint32Array.of(1, 2), 3n], [BigUint64Array.of(1n, 2n), 3n],
    ]) {
      for (const client of [t, streaming]) assert.equal((await client.sum(array)).item(), sum, array.constructor.name);
    }
  });

  test('a Float16Array is a tensor of float16', { skip: globalThis.Float16Array === undefined }, async () => {
    const half = Float16Array.of(1, 2.5);
    for (const client of [t, streaming]) {
      const sum = await client.sum(half, { dim: 0, keepdim: true });
      assert.deepEqual([sum.dtype, sum.data], ['float16', Float16Array.of(3.5)]);
    }
  });

  test('views start and end where they do', async () => {
    const whole = Float32Array.of(1, 2, 3, 4, 5, 6);
    assert.equal((await t.sum(whole.subarray(2, 4))).item(), 7);
    assert.equal((await streaming.sum(whole.subarray(2, 4))).item(), 7);
  });

  test('typed arrays of subclasses and other contexts are like any', async () => {
    class Samples extends Float32Array {}
    assert.equal((await t.sum(Samples.of(1, 2))).dtype, 'float32');
    assert.equal((await t.sum(runInNewContext('Int16Array.of(1, 2)'))).item(), 3n);
    assert.equal((await t.sum({ data: runInNewContext('new ArrayBuffer(8)'), dtype: 'float32' })).item(), 0);
  });

  test('nested arrays are tensors of float64, int64 or bool', async () => {
    assert.deepEqual((await t.sum(MATRIX, { dim: 0 })).toArray(), [5, 8, 8]);
    assert.equal((await t.sum([[1n], [2n]])).dtype, 'int64');
    assert.equal((await t.any([[false, true]])).item(), true);
    assert.equal((await t.sum(7)).item(), 7);
    assert.deepEqual((await t.sum([[], []], { dim: 0 })).shape, [0]);
    assert.equal((await t.sum([])).item(), 0);
  });

  test('a dtype and a shape may be given', async () => {
    assert.deepEqual((await t.amax({ data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] }, { dim: 1 })).toArray(), [2, 4]);
    assert.equal((await t.sum({ data: MATRIX, dtype: 'int16' })).item(), 21n);
    assert.equal((await t.sum({ data: Buffer.from([1, 0, 2, 0]), dtype: 'int16' })).item(), 3n);
    assert.equal((await t.sum({ data: new DataView(new ArrayBuffer(8), 4), dtype: 'float32' })).item(), 0);
    assert.equal((await t.sum({ data: Uint16Array.of(0x3f80, 0x4040), dtype: 'bfloat16' })).item(), 4);
    assert.equal((await t.sum({ data: Uint16Array.of(0x3c00, 0x0001), dtype: 'float16', shape: [2] })).item(), 1);
    assert.deepEqual((await t.sum({ data: Float32Array.of(1, 2, 3, 4), dtype: 'complex64' })).item(), [4, 6]);
    assert.deepEqual((await t.sum({ data: [[1, 2], [3, 4]], dtype: 'complex128' })).item(), [4, 6]);
    assert.equal((await t.all({ data: Uint8Array.of(1, 2), dtype: 'bool' })).item(), true);
    assert.equal((await t.all({ data: [NaN, 0.5], dtype: 'bool' })).item(), true);
    assert.equal((await t.sum({ data: 7n, dtype: 'int8', shape: [1] })).item(), 7n);
  });

  test('numbers in nested arrays are rounded to 16-bit floats', async () => {
    const bits = async (dtype, ...values) => {
      const { data } = await t.amax({ data: values.map((value) => [value]), dtype }, { dim: 1 });
      return Array.from(new Uint16Array(data.buffer, data.byteOffset, data.length));
    };
    // Of halves the even one, subnormals, overflow; a second rounding, by way of float32, would go to 0x3c00.
    assert.deepEqual(
      await bits('float16', 1.5, -(2 ** -24), 2049, 2051, 2 ** -24, 2 ** -25, 65519.99, 65520, -Infinity, 1 + 2 ** -11 + 2 ** -40),
      [0x3e00, 0x8001, 0x6800, 0x6802, 0x0001, 0, 0x7bff, 0x7c00, 0xfc00, 0x3c01],
    );
    assert.deepEqual(
      await bits('bfloat16', 1.5, 257, 259, 2 ** -133, 2 ** -134, 3.4e38, -1e300, NaN, 1 + 2 ** -8 + 2 ** -40),
      [0x3fc0, 0x4380, 0x4382, 0x0001, 0, 0x7f80, 0xff80, 0x7fc0, 0x3f81],
    );
  });

  test('a result goes in again', async () => {
    const rows = await t.sum(MATRIX, { dim: 1, keepdim: true });
    assert.deepEqual(rows.shape, [2, 1]);
    assert.equal((await t.sum(rows)).item(), 21);
    for (const dtype of DTYPES.filter((each) => each !== 'bool')) {
      const data = dtype.startsWith('complex') ? [[1, 2], [3, 4]] : [1, 2];
      const tensor = await t.sum({ data: [data], dtype }, { dim: 0 });
      const again = await t.sum({ data: [tensor.toArray()], dtype: tensor.dtype }, { dim: 0 });
      assert.deepEqual([again.dtype, again.toArray()], [tensor.dtype, tensor.toArray()], dtype);
    }
    assert.deepEqual((await t.sum({ data: [[], []], dtype: 'complex64' }, { dim: 0 })).shape, [0]);
  });

  test('chunks stream from iterators and files', async () => {
    async function* chunks() {
      for (let i = 0; i < 100; ++i) yield new Float64Array(1000).fill(i);
    }
    const streamed = { data: chunks(), dtype: 'float64', shape: [100, 1000] };
    assert.equal((await t.mean(streamed)).item(), 49.5);
    assert.equal((await t.sum({ data: [Float32Array.of(1), Buffer.alloc(4)][Symbol.iterator](), dtype: 'float32', shape: [2] })).item(), 1);

    const halves = [Float32Array.of(1, 2), Float32Array.of(3, 4).buffer];
    for (const data of [halves, new Set(halves), ReadableStream.from?.(halves), new Blob(halves).stream()]) {
      if (data) assert.deepEqual((await t.sum({ data, dtype: 'float32', shape: [2, 2] }, { dim: 0 })).toArray(), [4, 6]);
    }

    const folder = mkdtempSync('/tmp/treduce-');
    const file = join(folder, 'x.raw');
    writeFileSync(file, new Float32Array(300_000).fill(2));
    assert.equal((await t.sum({ data: createReadStream(file), dtype: 'float32', shape: [300, 1000] })).item(), 600_000);
    rmSync(folder, { recursive: true });
  });

  test('large tensors stream by themselves, there and back', async () => {
    const data = new Float32Array(3 << 20).fill(1); // 12 MiB, more than the server takes in one message
    const sums = await t.sum({ data, shape: [1, data.length] }, { dim: 0 });
    assert.deepEqual(sums.shape, [data.length]);
    assert.ok(sums.data.every((value) => value === 1));
    // A small tensor whose results are large.
    const bytes = new Uint8Array(1_500_000).fill(3);
    const wide = await t.sum({ data: bytes, shape: [1, bytes.length] }, { dim: 0 });
    assert.ok(wide.data.length === bytes.length && wide.data.every((value) => value === 3n));
  });
});

describe('ops', () => {
  test('there is a method for each, with its options', async () => {
    const description = await t.describe();
    assert.deepEqual(description.ops.map((op) => op.name), OPS);
    assert.deepEqual(description.ops[0].dtypes, DTYPES);
    assert.deepEqual([description.devices[0].name, description.devices[0].working], ['cpu', true]);
    for (const op of OPS) {
      const method = op.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
      const options = op.includes('quantile') ? { q: 0.5 } : {};
      const [answer] = await t.reduce(MATRIX, [{ op, ...options }]);
      assert.deepEqual(await t[method](MATRIX, options), answer, op);
    }
  });

  test('several outputs come by name', async () => {
    const { values, indices } = await t.max(MATRIX, { dim: 1 });
    assert.deepEqual([values.toArray(), indices.toArray()], [[5, 6], [1n, 2n]]);
    const { std, mean } = await t.stdMean(MATRIX, { correction: 0 });
    assert.equal(mean.item(), 3.5);
    assert.equal(std.item(), Math.sqrt(35 / 12));
    const { output, inverseIndices, counts } = await t.unique([3, 1, 3], { returnInverse: true, returnCounts: true });
    assert.deepEqual([output.toArray(), inverseIndices.toArray(), counts.toArray()], [[1, 3], [1n, 0n, 1n], [1n, 2n]]);
    for (const options of [undefined, { dim: null }, { dim: [] }]) assert.equal((await t.max(MATRIX, options)).item(), 6);
    const mode = await t.mode(MATRIX);
    assert.deepEqual([mode.values.shape, (await t.mode(MATRIX, { dim: null })).values.shape], [[2], []]);
  });

  test('options have PyTorch’s meanings', async () => {
    assert.equal((await t.var(MATRIX)).item(), 3.5);
    assert.equal((await t.vectorNorm(MATRIX, { ord: Infinity })).item(), 6);
    assert.deepEqual((await t.quantile(MATRIX, { q: [0, 1], dim: [0, 1], interpolation: 'nearest' })).toArray(), [1, 6]);
    assert.equal((await t.sum(Int8Array.of(1), { dtype: 'float64' })).dtype, 'float64');
    assert.equal((await t.sum(MATRIX, { dim: undefined, keepdim: undefined })).item(), 21);
  });

  test('several reductions are answered together', async () => {
    const answers = await t.reduce(MATRIX, ['sum', { op: 'amax', dim: -1 }, { op: 'argmin' }]);
    assert.deepEqual(answers.map((answer) => answer.toArray()), [21, [5, 6], 0n]);
    assert.deepEqual([answers.executionInfo.backend, answers.executionInfo.device], ['cpu', 'cpu']);
    assert.equal(answers.executionInfo.receivedBytes, 48);
    assert.ok(answers.executionInfo.computeTime > 0);
  });
});

describe('tensors', () => {
  test('show what they are', async () => {
    assert.equal(inspect(await t.sum(MATRIX, { dim: 0 })), 'Tensor(float64, [3]) [ 5, 8, 8 ]');
    assert.equal(inspect(new Tensor('int8', [2000], new Int8Array(2000))), 'Tensor(int8, [2000]) 2000 elements');
    assert.equal(inspect(new Tensor('int8', [3_000_000, 0], new Int8Array())), 'Tensor(int8, [3000000, 0]) 0 elements');
    assert.match(inspect(t), /^<treduce.Client of unix:.*>$/);
    assert.throws(() => new Tensor('int8', [2], Int8Array.of(1, 2)).item(), { reason: 'SIZE_MISMATCH' });
    assert.equal(JSON.stringify(new Tensor('int64', [1], BigInt64Array.of(5n))), '{"dtype":"int64","shape":[1],"data":["5"]}');
  });
});
