// Tensors: what comes out, and what is made of all that goes in.

import { inspect, types } from 'node:util';

import { checkHolds, dtypeNumber, dtypeOfArray, isComplex, itemSize, storedFrom, valueAt } from './dtypes.js';
import { invalid } from './errors.js';

// Elements of one dtype in a shape, row-major. `data` is a typed array: of 16-bit floats the bits where the runtime has
// no Float16Array, of complex numbers real and imaginary parts by turns.
export class Tensor {
  constructor(dtype, shape, data) {
    this.dtype = dtype;
    this.shape = shape;
    this.data = data;
  }

  // The number of elements.
  get size() {
    return elementCount(this.shape);
  }

  // The one element: a number, a bigint for 64-bit integers, a boolean, or a pair [real, imaginary].
  item() {
    if (this.size !== 1) {
      throw invalid('item', `a tensor of ${this.size} elements cannot be converted to one`, 'SIZE_MISMATCH');
    }
    return valueAt(this.dtype, this.data, 0);
  }

  // The elements as nested arrays; those of a 0-d tensor as its item.
  toArray() {
    let at = 0;
    const nest = (dim) => {
      if (dim === this.shape.length) return valueAt(this.dtype, this.data, at++);
      return Array.from({ length: this.shape[dim] }, () => nest(dim + 1));
    };
    return nest(0);
  }

  toJSON() {
    return { dtype: this.dtype, shape: this.shape, data: Array.from(this.data, String) };
  }

  [inspect.custom](depth, options) {
    const shown = this.size > 0 && this.size <= 1000 ? inspect(this.toArray(), options) : `${this.size} elements`;
    return `Tensor(${this.dtype}, [${this.shape.join(', ')}]) ${shown}`;
  }
}

export function elementCount(shape) {
  return shape.reduce((count, extent) => count * extent, 1);
}

// Extents as the API takes them.
export function checkShape(shape) {
  if (!Array.isArray(shape)) throw invalid('shape', `expected an array of extents, got ${inspect(shape)}`);
  for (const extent of shape) {
    if (!Number.isSafeInteger(extent) || extent < 0) {
      throw invalid('shape', `${inspect(extent)} is no extent`, 'NEGATIVE_EXTENT');
    }
  }
  return shape;
}

// The bytes of an ArrayBuffer or a view of one, where they lie.
export function bytesOf(data) {
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (types.isAnyArrayBuffer(data)) return new Uint8Array(data);
  return undefined;
}

// The shape of nested arrays, which must be rectangular; pairs of numbers are elements of complex dtypes.
function shapeOfNested(values, complex) {
  const shape = [];
  // What contains itself has no end.
  for (let inner = values; Array.isArray(inner) && shape.length < 66; inner = inner[0]) shape.push(inner.length);
  if (shape.length === 66) throw invalid('tensor', 'arrays are nested deeper than the 64 dims that a tensor has');
  if (complex && shape.at(-1) !== 0) shape.pop();
  const check = (part, dim) => {
    if (dim < shape.length) {
      if (!Array.isArray(part) || part.length !== shape[dim]) throw invalid('tensor', 'nested arrays must be rectangular');
      for (const each of part) check(each, dim + 1);
    } else if (part === undefined) {
      throw invalid('tensor', 'arrays must not have holes or undefined elements');
    } else if (!complex) {
      if (Array.isArray(part)) throw invalid('tensor', 'nested arrays must be rectangular');
    } else if (!Array.isArray(part) || part.length !== 2 || ![0, 1].every((i) => typeof part[i] === 'number')) {
      throw invalid('tensor', `elements of complex dtypes must be pairs of numbers, got ${inspect(part)}`);
    }
  };
  check(values, 0);
  return shape;
}

// The dtype that PyTorch infers of such elements, but float64 for numbers, which are just that in JavaScript.
function dtypeOfValues(values) {
  const kinds = new Set(values.map((value) => typeof value));
  if (kinds.size > 1) throw invalid('tensor', `elements of several kinds: ${[...kinds].join(', ')}`);
  const [kind = 'number'] = kinds;
  const dtype = { number: 'float64', bigint: 'int64', boolean: 'bool' }[kind];
  if (dtype === undefined) throw invalid('tensor', `elements must be numbers, bigints or booleans, not ${kind}`);
  return dtype;
}

function tensorOfNested(values, dtype, given) {
  const complex = dtype !== undefined && isComplex(dtype);
  const shape = shapeOfNested(values, complex);
  const flat = values.flat(Math.max(shape.length - 1, 0));
  const inferred = complex ? dtype : dtypeOfValues(flat);
  try {
    return { dtype: dtype ?? inferred, shape: given ?? shape, bytes: bytesOf(storedFrom(dtype ?? inferred, flat)) };
  } catch (error) {
    throw invalid('tensor', error.message);
  }
}

/**
 * The dtype, shape and bytes of what users take for a tensor: a Tensor or {data, dtype, shape}; a typed array, which is
 * 1-d; a number, bigint or boolean; nested arrays of them.
 */
export function tensorOf(input) {
  const wrapped = input !== null && typeof input === 'object' && !Array.isArray(input) && !ArrayBuffer.isView(input) &&
    'data' in input;
  const { data, dtype, shape } = wrapped ? input : { data: input };
  if (dtype !== undefined) dtypeNumber(dtype);
  if (shape !== undefined) checkShape(shape);
  let tensor;
  if (Array.isArray(data)) tensor = tensorOfNested(data, dtype, shape);
  else if (['number', 'bigint', 'boolean'].includes(typeof data)) tensor = tensorOfNested([data], dtype, shape ?? []);
  else tensor = tensorOfBytes(data, dtype, shape);
  const expected = elementCount(tensor.shape) * itemSize(tensor.dtype);
  if (tensor.bytes.byteLength !== expected) {
    throw sizeMismatch(tensor.dtype, tensor.shape, `there are ${tensor.bytes.byteLength}`);
  }
  return tensor;
}

// The error of data of another size than dtype and shape have.
export function sizeMismatch(dtype, shape, got) {
  const expected = elementCount(shape) * itemSize(dtype);
  const tensor = `a tensor of shape [${shape.join(', ')}] and dtype ${dtype}`;
  return invalid('data', `${tensor} has ${expected} bytes, but ${got}`, 'SIZE_MISMATCH');
}

function tensorOfBytes(data, dtype, shape) {
  const bytes = bytesOf(data);
  if (bytes === undefined) {
    throw invalid('tensor', `expected a typed array, nested arrays, a number or {data, dtype, shape}, got ${inspect(data)}`);
  }
  const known = dtype ?? dtypeOfArray(data);
  if (known === undefined) {
    throw invalid('dtype', `the elements of a ${data.constructor.name} have none; give {data, dtype, shape}`);
  }
  checkHolds(data, known);
  const count = bytes.byteLength / itemSize(known);
  if (!Number.isInteger(count)) {
    throw invalid('data', `${bytes.byteLength} bytes are no whole number of elements of ${known}`, 'SIZE_MISMATCH');
  }
  return { dtype: known, shape: shape ?? [count], bytes };
}
