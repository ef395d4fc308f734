// Reads the conformance vectors and judges answers by them; tests/conformance/README.md says how.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(process.env.TREDUCE_SOURCE, 'tests/conformance/vectors');

// Bytes of a component, which of a complex number is half of it.
const COMPONENT_SIZE = {
  float64: 8, float32: 4, float16: 2, bfloat16: 2, int8: 1, int16: 2, int32: 4, int64: 8,
  uint8: 1, uint16: 2, uint32: 4, uint64: 8, bool: 1, complex64: 4, complex128: 8,
};

// All cases but those that the API cannot express.
export function* readCases() {
  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.jsonl')).sort()) {
    const [header, ...lines] = readFileSync(join(FOLDER, file), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
    if (header.format !== 'treduce-conformance/1' || header.cases !== lines.length) throw new Error(`${file}: not vectors`);
    for (const line of lines) {
      // Reduces nothing in PyTorch, and all dims here.
      const skipped = ['all', 'any'].includes(line.op) && line.params.dim?.length === 0;
      if (!skipped) yield caseOf(line);
    }
  }
}

function caseOf({ id, op, params, input, expect, or_expect, torch, accept_torch, check, error, may_refuse }) {
  const answers = [expect, or_expect, accept_torch ? torch : undefined].filter(Boolean);
  return {
    id,
    reduction: { op, ...optionsOf(op, params) },
    input: { dtype: input.dtype, shape: input.shape, data: bytesOf(input) },
    answers: answers.map((tensors) => tensors.map((tensor) => ({ ...tensor, bytes: bytesOf(tensor) }))),
    checks: Array.isArray(check) ? check : Array.from(answers[0] ?? [], () => check),
    refusal: error?.code ?? (may_refuse ? 'INVALID_ARGUMENT' : undefined),
  };
}

function bytesOf({ data }) {
  return new Uint8Array(Buffer.from(data, 'base64'));
}

function optionsOf(op, params) {
  const options = Object.entries(params).filter(([, value]) => value !== null);
  if (op === 'mode' && params.dim === null) options.push(['dim', null]);
  const number = (value) => (['inf', '-inf', 'nan'].includes(value) ? Number(value.replace('inf', 'Infinity')) : value);
  return Object.fromEntries(options.map(([name, value]) => [name, number(value)]));
}

/** Why `got`, tensors {dtype, shape, bytes}, is not a right answer; empty if it is one. */
export function mismatch(test, got) {
  if (test.answers.length === 0) return `answered, not refused with ${test.refusal}`;
  const texts = test.answers.map((want) => mismatchWith(test, got, want));
  return texts.includes('') ? '' : texts[0];
}

function mismatchWith(test, got, want) {
  if (got.length !== want.length) return `${got.length} outputs, not ${want.length}`;
  for (const [i, tensor] of got.entries()) {
    const expected = want[i];
    if (tensor.dtype !== expected.dtype || String(tensor.shape) !== String(expected.shape)) {
      return `output ${i}: ${tensor.dtype} [${tensor.shape}], not ${expected.dtype} [${expected.shape}]`;
    }
    const check = test.checks[i];
    const right = check === 'index' ? pointsAt(test, got[0], tensor) : isClose(tensor, expected, check === 'exact' ? {} : check);
    if (!right) return `output ${i}: ${components(tensor)}, not ${components(expected)} within ${JSON.stringify(check)}`;
  }
  return '';
}

// Whether each index is that of an element like the value beside it, along the one dim that is reduced.
function pointsAt({ input, reduction }, values, indices) {
  const rank = input.shape.length;
  const dim = [reduction.dim].flat()[0];
  const at = rank === 0 ? 0 : (dim + rank) % rank;
  const inner = input.shape.slice(at + 1).reduce((count, extent) => count * extent, 1);
  const extent = BigInt(rank === 0 ? 1 : input.shape[at]);
  const elements = components({ ...input, bytes: input.data });
  const found = components(values);
  return components(indices).every((index, k) => {
    if (index < 0n || index >= extent) return false;
    const element = elements[(Math.floor(k / inner) * Number(extent) + Number(index)) * inner + (k % inner)];
    return element === found[k] || (Number.isNaN(element) && Number.isNaN(found[k]));
  });
}

function isClose(got, want, { ulp = 0, abs = -1, rel = -1 }) {
  const [g, w] = [components(got), components(want)];
  if (g.length !== w.length) return false;
  const isFloat = /float|complex/.test(got.dtype);
  if (!isFloat) return g.every((value, i) => value === w[i]);
  const [gSteps, wSteps] = [steps(got), steps(want)];
  const width = got.dtype.startsWith('complex') ? 2 : 1;
  for (let i = 0; i < g.length; i += width) {
    const parts = Array.from({ length: width }, (_, part) => i + part);
    const near = parts.every((k) => {
      if (Number.isNaN(g[k]) || Number.isNaN(w[k])) return Number.isNaN(g[k]) && Number.isNaN(w[k]);
      const distance = gSteps[k] - wSteps[k];
      return (distance < 0n ? -distance : distance) <= BigInt(ulp);
    });
    const error = Math.hypot(...parts.map((k) => g[k] - w[k]));
    const size = Math.hypot(...parts.map((k) => w[k]));
    if (!near && !(Number.isFinite(error) && (error <= abs || error <= rel * size))) return false;
  }
  return true;
}

// The components as numbers, or bigints of 64-bit integers.
function components({ dtype, bytes }) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = COMPONENT_SIZE[dtype];
  return Array.from({ length: bytes.byteLength / size }, (_, i) => component(view, dtype, i * size));
}

function component(view, dtype, at) {
  switch (dtype) {
    case 'float64':
    case 'complex128':
      return view.getFloat64(at, true);
    case 'float32':
    case 'complex64':
      return view.getFloat32(at, true);
    case 'bfloat16':
      return new Float32Array(Uint32Array.of(view.getUint16(at, true) << 16).buffer)[0];
    case 'float16':
      return halfOf(view.getUint16(at, true));
    case 'int8':
      return view.getInt8(at);
    case 'int16':
      return view.getInt16(at, true);
    case 'int32':
      return view.getInt32(at, true);
    case 'int64':
      return view.getBigInt64(at, true);
    case 'uint16':
      return view.getUint16(at, true);
    case 'uint32':
      return view.getUint32(at, true);
    case 'uint64':
      return view.getBigUint64(at, true);
    default:
      return view.getUint8(at);
  }
}

// By the definition of binary16.
function halfOf(bits) {
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

// Integers in the order of the floats, neighbours one apart; both zeros are 0.
function steps({ dtype, bytes }) {
  const size = COMPONENT_SIZE[dtype];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = { 2: (at) => BigInt(view.getUint16(at, true)), 4: (at) => BigInt(view.getUint32(at, true)), 8: (at) => view.getBigUint64(at, true) };
  const magnitude = (1n << BigInt(8 * size - 1)) - 1n;
  return Array.from({ length: bytes.byteLength / size }, (_, i) => {
    const bits = read[size](i * size);
    return bits > magnitude ? -(bits & magnitude) : bits;
  });
}
