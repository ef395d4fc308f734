// The dtypes of the API, and the typed arrays that hold their elements.

import { invalid } from './errors.js';

// In the order of the API's enum, whose first value is 1.
export const DTYPES = Object.freeze([
  'float64', 'float32', 'float16', 'bfloat16', 'int8', 'int16', 'int32', 'int64',
  'uint8', 'uint16', 'uint32', 'uint64', 'bool', 'complex64', 'complex128',
]);

// What elements are stored in. 16-bit floats are their bits where the runtime has no Float16Array; complex numbers are
// real parts and imaginary parts by turns.
const STORED = {
  float64: Float64Array,
  float32: Float32Array,
  float16: globalThis.Float16Array ?? Uint16Array,
  bfloat16: Uint16Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
  complex64: Float32Array,
  complex128: Float64Array,
};

// The dtype of a typed array that does not come with one, by its kind.
const OF_ARRAY = new Map([
  ...DTYPES.filter((dtype) => !['float16', 'bfloat16', 'bool', 'complex64', 'complex128'].includes(dtype)).map(
    (dtype) => [STORED[dtype].name, dtype],
  ),
  ['Float16Array', 'float16'],
  ['Uint8ClampedArray', 'uint8'],
]);

// 'Float32Array' also of one's subclass, or of another context's, as test runners have them.
function kindOf(array) {
  return array[Symbol.toStringTag];
}

export function isComplex(dtype) {
  return dtype.startsWith('complex');
}

// Bytes of one element.
export function itemSize(dtype) {
  return STORED[dtype].BYTES_PER_ELEMENT * (isComplex(dtype) ? 2 : 1);
}

// The API's number of a dtype by its name.
export function dtypeNumber(dtype, field = 'dtype') {
  const number = DTYPES.indexOf(dtype) + 1;
  if (number === 0) {
    const given = typeof dtype === 'string' ? `'${dtype}'` : String(dtype);
    throw invalid(field, `${given} is none of ${DTYPES.join(', ')}`, 'UNKNOWN_DTYPE');
  }
  return number;
}

// The dtype of a typed array by its kind; undefined for other objects, Buffers and DataViews among them.
export function dtypeOfArray(array) {
  return Buffer.isBuffer(array) ? undefined : OF_ARRAY.get(kindOf(array));
}

// Refuses a typed array for elements that it does not hold. Bytes hold any; Uint16Array the bits of 16-bit floats.
export function checkHolds(array, dtype) {
  const ofArray = dtypeOfArray(array);
  const bytes = ofArray === undefined || ofArray === 'uint8';
  const bits = kindOf(array) === 'Uint16Array' && (dtype === 'float16' || dtype === 'bfloat16');
  if (!bytes && !bits && STORED[dtype].name !== kindOf(array)) {
    throw invalid('dtype', `a ${kindOf(array)} does not hold elements of ${dtype}`);
  }
}

// The elements that lie in `bytes`, which are copied when they are not aligned.
export function elementsOf(dtype, bytes) {
  const Stored = STORED[dtype];
  const aligned = bytes.byteOffset % Stored.BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes);
  return new Stored(aligned.buffer, aligned.byteOffset, bytes.byteLength / Stored.BYTES_PER_ELEMENT);
}

// A typed array of the elements of `values`, an array of numbers, bigints, booleans or, for complex dtypes, pairs.
// Throws RangeError for one that an integer dtype does not have.
export function storedFrom(dtype, values) {
  const Stored = STORED[dtype];
  if (isComplex(dtype)) return Stored.from(values.flat());
  if (dtype === 'bool') return Stored.from(values, (value) => Number(value) !== 0);
  if (dtype === 'bfloat16') return Stored.from(values, (value) => bitsOf(Number(value), 7));
  if (dtype === 'float16' && Stored === Uint16Array) return Stored.from(values, (value) => bitsOf(Number(value), 10));
  const is64 = Stored === BigInt64Array || Stored === BigUint64Array;
  const stored = Stored.from(values, is64 ? BigInt : Number);
  if (dtype.includes('int')) {
    // Two kinds: 1n, 1 and true are the same element.
    const wrong = values.find((value, i) => stored[i] != value);
    if (wrong !== undefined) throw new RangeError(`${wrong} is no ${dtype}`);
  }
  return stored;
}

const FLOAT32 = new Float32Array(1);
const BITS32 = new Uint32Array(FLOAT32.buffer);
const FLOAT64 = new Float64Array(1);
const BITS64 = new BigUint64Array(FLOAT64.buffer);

// The bits of the 16-bit float nearest to `value`, the even one of two: a sign, an exponent and `fractionBits`.
function bitsOf(value, fractionBits) {
  const bias = 2 ** (14 - fractionBits) - 1;
  const infinity = (2 * bias + 1) << fractionBits;
  if (Number.isNaN(value)) return infinity | (1 << (fractionBits - 1));
  FLOAT64[0] = value;
  const sign = Number(BITS64[0] >> 63n) << 15;
  const exponent = Math.max(Number((BITS64[0] >> 52n) & 0x7ffn) - 1023, 1 - bias);
  const steps = Math.abs(value) / 2 ** (exponent - fractionBits);
  const rounded = steps + 2 ** 52 - 2 ** 52;
  return sign | Math.min(rounded + (exponent + bias - 1) * 2 ** fractionBits, infinity);
}

function halfToNumber(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function bfloat16ToNumber(bits) {
  BITS32[0] = bits << 16;
  return FLOAT32[0];
}

// The element `index` of `stored` elements as JavaScript has it: a number, a bigint for 64-bit integers, a boolean, or
// a pair [real, imaginary].
export function valueAt(dtype, stored, index) {
  if (isComplex(dtype)) return [stored[2 * index], stored[2 * index + 1]];
  const value = stored[index];
  if (dtype === 'bool') return value !== 0;
  if (dtype === 'bfloat16') return bfloat16ToNumber(value);
  if (dtype === 'float16' && stored instanceof Uint16Array) return halfToNumber(value);
  return value;
}
