// Typical mistakes: each is refused, by the client before anything is sent or in the server's words, and named.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ArgumentError, connect, RequestError, ResourceExhaustedError, TreduceError } from 'treduce';

import { Server } from './server.js';

let server;
let t;

before(async () => {
  server = await Server.start();
  t = connect(server.address, { timeout: 60_000 });
});

after(async () => {
  t.close();
  await server.stop();
});

const MATRIX = [[1, 5, 2], [4, 3, 6]];
const CIRCLE = [];
CIRCLE.push(CIRCLE);

function chunks(...items) {
  return { data: items[Symbol.iterator](), dtype: 'float64', shape: [2] };
}

const MISTAKES = [
  ['a dim out of range', () => t.sum(MATRIX, { dim: 2 }), RequestError, 'DIM_OUT_OF_RANGE', 'reductions[0].dim'],
  ['a dim twice', () => t.sum(MATRIX, { dim: [0, -2] }), RequestError, 'DUPLICATE_DIM', 'reductions[0].dim'],
  ['a dim that is none', () => t.sum(MATRIX, { dim: 'rows' }), ArgumentError, '', 'dim'],
  ['a dim that is no integer', () => t.sum(MATRIX, { dim: 0.5 }), ArgumentError, '', 'dim'],
  ['no dims for all', () => t.all(MATRIX, { dim: [] }), ArgumentError, '', 'dim'],
  ['an option misspelt', () => t.sum(MATRIX, { keepDim: true }), ArgumentError, 'OPTIONS_MISMATCH', 'keepDim'],
  ['an option of another op', () => t.sum(MATRIX, { correction: 0 }), ArgumentError, 'OPTIONS_MISMATCH', 'correction'],
  ['an inherited name as option', () => t.reduce(MATRIX, [{ op: 'sum', toString: 1 }]), ArgumentError, 'OPTIONS_MISMATCH', 'toString'],
  ['a dim for options', () => t.sum(MATRIX, 0), ArgumentError, '', 'options'],
  ['dims for options', () => t.sum(MATRIX, [0, 1]), ArgumentError, '', 'options'],
  ['null for options', () => t.reduce(MATRIX, ['sum'], null), ArgumentError, '', 'options'],
  ['an option of a call misspelt', () => t.reduce(MATRIX, ['sum'], { timout: 5 }), ArgumentError, 'OPTIONS_MISMATCH', 'timout'],
  ['an option of an op for the call', () => t.reduce(MATRIX, ['sum'], { dim: 0 }), ArgumentError, 'OPTIONS_MISMATCH', 'dim'],
  ['keepdim that is no boolean', () => t.sum(MATRIX, { keepdim: 1 }), ArgumentError, '', 'keepdim'],
  ['a dtype that is none', () => t.sum(MATRIX, { dtype: 'double' }), ArgumentError, 'UNKNOWN_DTYPE', 'dtype'],
  ['no q', () => t.quantile(MATRIX), ArgumentError, '', 'q'],
  ['q out of range', () => t.quantile(MATRIX, { q: 2 }), RequestError, 'Q_OUT_OF_RANGE', 'reductions[0].options.quantile.q'],
  ['an interpolation that is none', () => t.quantile(MATRIX, { q: 1, interpolation: 'cubic' }), ArgumentError, 'UNKNOWN_INTERPOLATION', 'interpolation'],
  ['an op that is none', () => t.reduce(MATRIX, ['total']), ArgumentError, 'UNKNOWN_OP', 'op'],
  ['reductions that are no array', () => t.reduce(MATRIX, 'sum'), ArgumentError, '', 'reductions'],
  ['no reductions', () => t.reduce(MATRIX, []), RequestError, 'NO_REDUCTIONS', 'reductions'],
  ['the mean of integers', () => t.mean(Int32Array.of(1)), RequestError, 'UNSUPPORTED_DTYPE', 'dtype'],
  ['the max of nothing', () => t.max([]), RequestError, 'EMPTY_REDUCTION', 'reductions[0].dim'],
  ['text', () => t.sum('1'), ArgumentError, '', 'tensor'],
  ['null', () => t.sum(null), ArgumentError, '', 'tensor'],
  ['an object', () => t.sum({ values: [1] }), ArgumentError, '', 'tensor'],
  ['text in an array', () => t.sum(['1']), ArgumentError, '', 'tensor'],
  ['bigints among numbers', () => t.sum([1, 2n]), ArgumentError, '', 'tensor'],
  ['a ragged array', () => t.sum([[1], [2, 3]]), ArgumentError, '', 'tensor'],
  ['an array that contains itself', () => t.sum(CIRCLE), ArgumentError, '', 'tensor'],
  ['an array with holes', () => t.sum([1, , 3]), ArgumentError, '', 'tensor'],
  ['an array of nothing but holes', () => t.sum(new Array(2 ** 32 - 1)), ArgumentError, '', 'tensor'],
  ['holes that a shape leaves out', () => t.sum({ data: [1, , 3], shape: [2] }), ArgumentError, '', 'tensor'],
  ['a pair with a hole', () => t.sum({ data: [[1, , ]], dtype: 'complex64' }), ArgumentError, '', 'tensor'],
  ['fractions as int64', () => t.sum({ data: [0.5], dtype: 'int64' }), ArgumentError, '', 'tensor'],
  ['fractions as int8', () => t.sum({ data: [0.5], dtype: 'int8' }), ArgumentError, '', 'tensor'],
  ['NaN as uint32', () => t.sum({ data: [NaN], dtype: 'uint32' }), ArgumentError, '', 'tensor'],
  ['300 as int8', () => t.sum({ data: [300], dtype: 'int8' }), ArgumentError, '', 'tensor'],
  ['a bigint above int64', () => t.sum([2n ** 63n]), ArgumentError, '', 'tensor'],
  ['numbers as complex64', () => t.sum({ data: [1, 2, 3], dtype: 'complex64' }), ArgumentError, '', 'tensor'],
  ['a number of another shape', () => t.sum({ data: 7, shape: [2] }), ArgumentError, 'SIZE_MISMATCH', 'data'],
  ['bytes without a dtype', () => t.sum(Buffer.alloc(8)), ArgumentError, '', 'dtype'],
  ['a typed array of another dtype', () => t.sum({ data: new Float64Array(1), dtype: 'float32' }), ArgumentError, '', 'dtype'],
  ['bytes of half an element', () => t.sum({ data: Buffer.alloc(10), dtype: 'float32' }), ArgumentError, 'SIZE_MISMATCH', 'data'],
  ['half a complex number', () => t.sum({ data: new Float32Array(3), dtype: 'complex64' }), ArgumentError, 'SIZE_MISMATCH', 'data'],
  ['a shape of another size', () => t.sum({ data: new Float32Array(3), shape: [4] }), ArgumentError, 'SIZE_MISMATCH', 'data'],
  ['a negative extent', () => t.sum({ data: new Float32Array(3), shape: [-3] }), ArgumentError, 'NEGATIVE_EXTENT', 'shape'],
  ['chunks without a shape', () => t.sum({ data: [new Float64Array(1)].values(), dtype: 'float64' }), ArgumentError, '', 'shape'],
  ['chunks without anything', () => t.sum([new Float64Array(1)].values()), ArgumentError, '', 'tensor'],
  ['an array of typed arrays alone', () => t.sum([new Float64Array(1)]), ArgumentError, '', 'tensor'],
  ['an array of typed arrays and others', () => t.sum({ data: [new Float64Array(1), 1], dtype: 'float64', shape: [2] }), ArgumentError, '', 'data'],
  ['too many chunks', () => t.sum(chunks(new Float64Array(3))), ArgumentError, 'SIZE_MISMATCH', 'data'],
  ['too few chunks', () => t.sum(chunks(new Float64Array(1))), ArgumentError, 'SIZE_MISMATCH', 'data'],
  ['chunks of another dtype', () => t.sum(chunks(new Float32Array(4))), ArgumentError, '', 'dtype'],
  ['chunks that are none', () => t.sum(chunks('ab')), ArgumentError, '', 'data'],
  ['a device that is none', () => t.sum(MATRIX, { device: 'gpu' }), RequestError, 'UNKNOWN_DEVICE', 'device'],
  ['a device that the server has not', () => t.sum(MATRIX, { device: 'cuda:99' }), RequestError, 'NO_SUCH_DEVICE', 'device'],
  ['a device of another kind', () => t.sum(MATRIX, { device: 0 }), ArgumentError, '', 'device'],
  ['a timeout that is none', () => t.sum(MATRIX, { timeout: 'soon' }), ArgumentError, '', 'timeout'],
  ['a signal that is none', () => t.sum(MATRIX, { signal: true }), ArgumentError, '', 'signal'],
];

function codeOf(reason) {
  return reason === 'NO_SUCH_DEVICE' ? 'FAILED_PRECONDITION' : 'INVALID_ARGUMENT';
}

for (const [name, call, Kind, reason, field] of MISTAKES) {
  test(name, async () => {
    await assert.rejects(call, (error) => {
      assert.ok(error instanceof Kind && error instanceof TreduceError && error instanceof Error, error.stack);
      assert.ok(error instanceof (Kind === RequestError ? RangeError : TypeError) && !(error instanceof ResourceExhaustedError));
      assert.equal(error.name, Kind.name);
      assert.deepEqual([error.code, error.reason, error.field], [codeOf(reason), reason, field], error.message);
      assert.ok(error.message.startsWith(`${field}: `), error.message);
      return true;
    });
    // The client is as good as before.
    assert.equal((await t.sum(MATRIX)).item(), 21);
  });
}

test('errors of others are none of these', () => {
  for (const other of [new Error(), new RangeError(), new TypeError(), undefined, 'text']) assert.ok(!(other instanceof TreduceError));
});

test('a client is told where it connects to', () => {
  const wrong = ['', 'localhost', 'localhost:0', 'localhost:65536', ':1', 'a b:1', 'unix:', 'unix:a?b', 'http://localhost:1', 5, undefined];
  for (const address of wrong) {
    assert.throws(() => connect(address), { name: 'ArgumentError', reason: 'INVALID_ADDRESS' }, String(address));
  }
  for (const address of ['localhost:1', '[::1]:65535', 'unix:a b', 'unix:/tmp/a']) connect(address).close();
  assert.throws(() => connect('localhost:1', { chunkBytes: 0 }), { field: 'chunkBytes' });
  assert.throws(() => connect('localhost:1', { chunkbytes: 1 }), { reason: 'OPTIONS_MISMATCH', field: 'chunkbytes' });
  assert.throws(() => connect('localhost:1', { unaryLimit: 2 ** 40 }), { field: 'unaryLimit' });
});

test('a request larger than the server takes says so', async () => {
  // Whose first chunk comes when the server has long refused.
  const late = async function* () {
    await new Promise((resolve) => setTimeout(resolve, 10_000).unref());
  };
  await assert.rejects(t.unique({ data: late(), dtype: 'uint8', shape: [2 ** 50] }), (error) => {
    assert.ok(error instanceof ResourceExhaustedError && error instanceof TreduceError, error.stack);
    assert.deepEqual([error.code, error.reason], ['RESOURCE_EXHAUSTED', 'REQUEST_TOO_LARGE']);
    assert.ok(Number(error.limit) > 0);
    return true;
  });
});
