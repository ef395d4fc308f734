// wire.js against the proto: bytes that Protobuf reads and writes as well.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

const require = createRequire(import.meta.url);
const protobuf = require('protobufjs');
// Of the package, whose inner files are not its users'.
const inner = (file) => import(pathToFileURL(join('node_modules/treduce/lib', file)));
const wire = await inner('wire.js');
const { DTYPES } = await inner('dtypes.js');
const { INTERPOLATIONS, OPS, reductionOf } = await inner('ops.js');

const root = new protobuf.Root();
root.resolvePath = (origin, path) => (path.startsWith('google/protobuf/') ? path : join(process.env.TREDUCE_SOURCE, 'proto', path));
root.loadSync(['treduce/v1/treduce.proto', 'google/rpc/status.proto', 'google/rpc/error_details.proto']);
const type = (name) => root.lookupType(name);

function encode(name, value) {
  const Type = type(name);
  return Buffer.from(Type.encode(Type.fromObject(value)).finish());
}

test('enums are those of the proto', () => {
  for (const [name, names] of [['Op', OPS], ['Dtype', DTYPES], ['Interpolation', INTERPOLATIONS]]) {
    const { values } = root.lookupEnum(`treduce.v1.${name}`);
    const expected = Object.fromEntries(names.map((each, i) => [`${name.toUpperCase()}_${each.toUpperCase()}`, i + 1]));
    assert.deepEqual({ ...expected, [`${name.toUpperCase()}_UNSPECIFIED`]: 0 }, { ...values });
  }
});

test('specs are read by Protobuf', () => {
  const reductions = [
    'sum',
    { op: 'sum', dim: [0, -1], keepdim: true, dtype: 'float64' },
    { op: 'var', dim: 300, correction: 0.5 },
    { op: 'vector_norm', ord: -Infinity, dtype: 'complex128' },
    { op: 'quantile', q: 0.25, interpolation: 'nearest' },
    { op: 'nanquantile', q: [0, 0.5, 1], dim: -1 },
    { op: 'unique', returnInverse: true, dim: 2 },
    { op: 'unique_consecutive', returnCounts: true },
  ].map(reductionOf);
  const shape = [3, 0, 1, 2 ** 40, 127, 128];
  const message = Buffer.concat([wire.encodeSpec('float32', shape, reductions, 'cuda:1'), ...wire.encodePayload(Buffer.from('abc'))]);
  const Request = type('treduce.v1.ReduceRequest');
  const request = Request.toObject(Request.decode(message), { longs: Number, enums: String });
  assert.equal(String(request.data), 'abc');
  assert.equal(request.spec.dtype, 'DTYPE_FLOAT32');
  assert.deepEqual(request.spec.shape, shape);
  assert.equal(request.spec.device, 'cuda:1');
  assert.deepEqual(request.spec.reductions, [
    { op: 'OP_SUM' },
    { op: 'OP_SUM', dim: [0, -1], keepdim: true, dtype: 'DTYPE_FLOAT64' },
    { op: 'OP_VAR', dim: [300], variance: { correction: 0.5 } },
    { op: 'OP_VECTOR_NORM', dtype: 'DTYPE_COMPLEX128', norm: { ord: -Infinity } },
    { op: 'OP_QUANTILE', quantile: { scalar: 0.25, interpolation: 'INTERPOLATION_NEAREST' } },
    { op: 'OP_NANQUANTILE', dim: [-1], quantile: { list: { values: [0, 0.5, 1] } } },
    { op: 'OP_UNIQUE', dim: [2], unique: { returnInverse: true } },
    { op: 'OP_UNIQUE_CONSECUTIVE', unique: { returnCounts: true } },
  ]);
});

test('replies of Protobuf are read', () => {
  const tensors = [
    { dtype: 'DTYPE_FLOAT64', shape: [2, 300], data: Buffer.from('12345678') },
    { dtype: 'DTYPE_INT64', shape: [], data: Buffer.from('87654321') },
  ];
  const executionInfo = { backend: 'BACKEND_CPU', queueTime: { nanos: 5000 }, computeTime: { seconds: 2 }, receivedBytes: 2 ** 40, device: 'cpu' };
  const reply = wire.decodeReply(encode('treduce.v1.ReduceResponse', { results: [{ tensors }, { tensors: [] }], executionInfo }));
  assert.deepEqual(reply.results[0].map(({ dtype, shape, data }) => [dtype, shape, String(data)]), [
    ['float64', [2, 300], '12345678'],
    ['int64', [], '87654321'],
  ]);
  assert.deepEqual(reply.results[1], []);
  assert.deepEqual(reply.executionInfo, { backend: 'cpu', device: 'cpu', queueTime: 0.005, receiveTime: 0, computeTime: 2000, receivedBytes: 2 ** 40 });
  const chunk = wire.decodeStreamMessage(encode('treduce.v1.ReduceStreamResponse', { chunk: Buffer.from('xyz') }));
  assert.equal(String(chunk.chunk), 'xyz');
});

test('details of errors are read, and only those', () => {
  const any = (name, value) => ({ type_url: `type.googleapis.com/${name}`, value: encode(name, value) });
  const status = encode('google.rpc.Status', {
    code: 8,
    message: 'full',
    details: [
      any('google.rpc.ErrorInfo', { reason: 'CALLS_EXHAUSTED', domain: 'treduce', metadata: { limit: '5', other: 'x' } }),
      any('google.rpc.RetryInfo', { retryDelay: { nanos: 20_000_000 } }),
    ],
  });
  assert.deepEqual(wire.decodeErrorDetails(status), { reason: 'CALLS_EXHAUSTED', field: '', limit: '5', retryDelay: 20 });
  assert.deepEqual(wire.decodeErrorDetails(Buffer.from('\xff\xff', 'latin1')), { reason: '', field: '', limit: '' });
});

test('what is cut short is malformed', () => {
  const whole = encode('treduce.v1.ReduceResponse', { results: [{ tensors: [{ dtype: 1, shape: [1], data: Buffer.alloc(8) }] }] });
  for (let length = 1; length < whole.length; ++length) {
    assert.throws(() => wire.decodeReply(whole.subarray(0, length)), { name: 'InternalError', reason: 'MALFORMED_RESPONSE' });
  }
});
