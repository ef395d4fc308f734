// The messages of treduce.proto as bytes, written and read by hand: a generated codec would copy each tensor into a
// message and out of it again. tests/client/node/wire.test.js holds this file to the proto.

import { DTYPES } from './dtypes.js';
import { InternalError } from './errors.js';
import { OPS } from './ops.js';

const SERVICE = '/treduce.v1.ReductionService/';
export const REDUCE = `${SERVICE}Reduce`;
export const REDUCE_STREAM = `${SERVICE}ReduceStream`;
export const DESCRIBE_SERVER = `${SERVICE}DescribeServer`;
export const HEALTH_CHECK = '/grpc.health.v1.Health/Check';

const BACKENDS = ['cpu', 'cuda'];
const NO_BYTES = Buffer.alloc(0);

// Writing.

function varint(value) {
  const bytes = [];
  if (value < 0) {
    for (let rest = BigInt.asUintN(64, BigInt(value)); ; rest >>= 7n) {
      if (rest < 128n) return Buffer.from([...bytes, Number(rest)]);
      bytes.push(Number(rest & 127n) | 128);
    }
  }
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) | 128);
  }
}

// The tag and length of a field of `length` bytes.
function head(field, length) {
  return Buffer.concat([varint((field << 3) | 2), varint(length)]);
}

function delimited(field, ...content) {
  const bytes = Buffer.concat(content);
  return Buffer.concat([head(field, bytes.length), bytes]);
}

function integer(field, value) {
  return value ? Buffer.concat([varint(field << 3), varint(Number(value))]) : NO_BYTES;
}

function integers(field, values) {
  return values.length > 0 ? delimited(field, ...values.map(varint)) : NO_BYTES;
}

function doubles(values) {
  const bytes = Buffer.alloc(8 * values.length);
  values.forEach((value, i) => bytes.writeDoubleLE(value, 8 * i));
  return bytes;
}

function double(field, value) {
  return Buffer.concat([varint((field << 3) | 1), doubles([value])]);
}

function encodeReduction({ op, dim, keepdim, dtype, correction, ord, q, interpolation, returnInverse, returnCounts }) {
  const parts = [integer(1, OPS.indexOf(op) + 1), integers(2, dim), integer(3, keepdim), integer(4, dtype)];
  if (correction !== undefined) parts.push(delimited(5, double(1, correction)));
  if (ord !== undefined) parts.push(delimited(6, double(1, ord)));
  if (q !== undefined) {
    const encoded = Array.isArray(q) ? delimited(2, delimited(1, doubles(q))) : double(1, q);
    parts.push(delimited(7, encoded, integer(3, interpolation)));
  }
  if (returnInverse || returnCounts) parts.push(delimited(8, integer(1, returnInverse), integer(2, returnCounts)));
  return Buffer.concat(parts);
}

// Field 1, a ReductionSpec, of ReduceRequest and ReduceStreamRequest alike.
export function encodeSpec(dtype, shape, reductions, device = '') {
  const encoded = reductions.map((reduction) => delimited(3, encodeReduction(reduction)));
  const where = device ? delimited(4, Buffer.from(device)) : NO_BYTES;
  return delimited(1, integer(1, DTYPES.indexOf(dtype) + 1), integers(2, shape), ...encoded, where);
}

// Field 2 of the same two messages: `data` and `chunk`.
export function encodePayload(bytes) {
  return [head(2, bytes.byteLength), bytes];
}

// Reading.

function malformed(what) {
  return new InternalError(`the server's response is malformed: ${what}`, {
    code: 'INTERNAL',
    reason: 'MALFORMED_RESPONSE',
  });
}

function readVarint(message, start) {
  let value = 0;
  let scale = 1;
  for (let at = start; at < message.length; ++at, scale *= 128) {
    value += (message[at] & 127) * scale;
    if (message[at] < 128) return [value, at + 1];
    if (at - start === 9) break;
  }
  throw malformed('a varint is cut short or too long');
}

// The fields of a message, [number, value] each. Those of bytes, text and messages stay where they lie.
function* fields(message) {
  for (let at = 0; at < message.length; ) {
    let tag;
    [tag, at] = readVarint(message, at);
    const number = Math.floor(tag / 8);
    let value;
    let end;
    switch (tag % 8) {
      case 0:
        [value, end] = readVarint(message, at);
        break;
      case 1:
        end = at + 8;
        if (end <= message.length) value = message.readDoubleLE(at);
        break;
      case 2:
        [value, at] = readVarint(message, at);
        end = at + value;
        value = message.subarray(at, end);
        break;
      case 5:
        end = at + 4; // no field that is known here
        break;
      default:
        throw malformed(`there is no wire type ${tag % 8}`);
    }
    if (end > message.length) throw malformed('a field is cut short');
    at = end;
    yield [number, value];
  }
}

function messageOf(value) {
  if (!Buffer.isBuffer(value)) throw malformed('a number where bytes should be');
  return value;
}

function textOf(value) {
  return value === undefined ? '' : messageOf(value).toString('utf8');
}

// Values of a repeated integer field, packed or single.
function integersOf(value) {
  if (!Buffer.isBuffer(value)) return [value];
  const values = [];
  for (let at = 0; at < value.length; ) {
    let next;
    [next, at] = readVarint(value, at);
    values.push(next);
  }
  return values;
}

// The name of an enum value; its number where a newer server has one more.
function nameOf(names, number) {
  return names[number - 1] ?? String(number);
}

function decodeTensor(message) {
  const tensor = { dtype: '0', shape: [], data: NO_BYTES };
  for (const [number, value] of fields(message)) {
    if (number === 1) tensor.dtype = nameOf(DTYPES, value);
    if (number === 2) tensor.shape.push(...integersOf(value));
    if (number === 3) tensor.data = messageOf(value);
  }
  return tensor;
}

function decodeResult(message) {
  return [...fields(message)].filter(([number]) => number === 1).map(([, tensor]) => decodeTensor(messageOf(tensor)));
}

// The tensors {dtype, shape, data} of each result of a ReduceResponse, or of a ResultHeader, whose data is empty.
export function decodeReply(message) {
  const reply = { results: [], executionInfo: decodeExecutionInfo(NO_BYTES) };
  for (const [number, value] of fields(message)) {
    if (number === 1) reply.results.push(decodeResult(messageOf(value)));
    if (number === 2) reply.executionInfo = decodeExecutionInfo(messageOf(value));
  }
  return reply;
}

// The one of {header, chunk, executionInfo} that a ReduceStreamResponse holds.
export function decodeStreamMessage(message) {
  for (const [number, value] of fields(message)) {
    if (number === 1) return { header: decodeReply(messageOf(value)).results };
    if (number === 2) return { chunk: messageOf(value) };
    if (number === 3) return { executionInfo: decodeExecutionInfo(messageOf(value)) };
  }
  throw malformed('a message of the stream is empty');
}

// Milliseconds.
function decodeDuration(message) {
  const { 1: seconds = 0, 2: nanos = 0 } = Object.fromEntries(message === undefined ? [] : fields(messageOf(message)));
  return seconds * 1e3 + nanos * 1e-6;
}

function decodeExecutionInfo(message) {
  const { 1: backend = 0, 2: queue, 3: receive, 4: compute, 5: receivedBytes = 0, 6: device } = Object.fromEntries(fields(message));
  return {
    backend: nameOf(BACKENDS, backend),
    device: textOf(device),
    queueTime: decodeDuration(queue),
    receiveTime: decodeDuration(receive),
    computeTime: decodeDuration(compute),
    receivedBytes,
  };
}

function decodeOp(message) {
  const op = { name: '', summary: '', dtypes: [], options: '' };
  for (const [number, value] of fields(message)) {
    if (number === 2) op.name = textOf(value);
    if (number === 3) op.summary = textOf(value);
    if (number === 4) op.dtypes.push(...integersOf(value).map((dtype) => nameOf(DTYPES, dtype)));
    if (number === 5) op.options = textOf(value);
  }
  return op;
}

// A DescribeServerResponse.
export function decodeDescription(message) {
  const description = { version: '', ops: [], limits: {}, backends: [], simd: '', threadCount: 0, devices: [] };
  for (const [number, value] of fields(message)) {
    if (number === 1) description.version = textOf(value);
    if (number === 2) description.ops.push(decodeOp(messageOf(value)));
    if (number === 3) {
      const { 1: maxUnaryBytes = 0, 2: maxDims = 0, 3: maxReductions = 0, 4: byteBudget = 0 } =
        Object.fromEntries(fields(messageOf(value)));
      description.limits = { maxUnaryBytes, maxDims, maxReductions, byteBudget };
    }
    if (number === 4) description.backends.push(...integersOf(value).map((backend) => nameOf(BACKENDS, backend)));
    if (number === 5) description.simd = textOf(value);
    if (number === 6) description.threadCount = value;
    if (number === 7) {
      const { 1: name, 2: about, 3: memoryBytes = 0, 4: working = 0 } = Object.fromEntries(fields(messageOf(value)));
      description.devices.push({ name: textOf(name), description: textOf(about), memoryBytes, working: working !== 0 });
    }
  }
  return description;
}

// Whether a HealthCheckResponse says SERVING.
export function decodeIsServing(message) {
  return Object.fromEntries(fields(message))[1] === 1;
}

// What a google.rpc.Status carries beside code and text: {reason, field, limit, retryDelay}, the latter in
// milliseconds; nothing of bytes that are none.
export function decodeErrorDetails(message) {
  const details = { reason: '', field: '', limit: '' };
  try {
    for (const [number, value] of fields(message)) {
      if (number === 3) Object.assign(details, decodeErrorDetail(messageOf(value)));
    }
  } catch (error) {
    if (!(error instanceof InternalError)) throw error;
  }
  return details;
}

// Of a google.protobuf.Any.
function decodeErrorDetail(any) {
  const { 1: url, 2: content } = Object.fromEntries(fields(any));
  const name = textOf(url).split('/').at(-1);
  if (name === 'google.rpc.RetryInfo') {
    return { retryDelay: decodeDuration(Object.fromEntries(fields(messageOf(content)))[1]) };
  }
  if (name !== 'google.rpc.ErrorInfo') return {};
  const detail = {};
  for (const [number, value] of fields(messageOf(content))) {
    if (number === 1) detail.reason = textOf(value);
    if (number !== 3) continue;
    const { 1: key, 2: text } = Object.fromEntries(fields(messageOf(value)));
    if (['field', 'limit'].includes(textOf(key))) detail[textOf(key)] = textOf(text);
  }
  return detail;
}
