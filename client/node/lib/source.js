// Where the bytes of a tensor come from: memory, or chunks that arrive.

import { inspect } from 'node:util';

import { checkHolds, dtypeNumber, itemSize } from './dtypes.js';
import { invalid } from './errors.js';
import { bytesOf, checkShape, elementCount, tensorOf } from './tensor.js';

function isIterable(data) {
  if (data === null || typeof data !== 'object' || Array.isArray(data) || ArrayBuffer.isView(data)) return false;
  return Symbol.asyncIterator in data || Symbol.iterator in data;
}

/**
 * The source of an input: {dtype, shape, byteCount, replayable, whole(), pieces(size), close()}. `pieces` gives at most
 * `size` bytes at a time, in all byteCount, or throws; `whole` is of replayable sources; `close` ends those that are not.
 */
export function sourceOf(input) {
  if (isIterable(input?.data)) return chunkedSource(input);
  if (isIterable(input)) {
    throw invalid('tensor', 'chunks need {data, dtype, shape} to say what they are the chunks of');
  }
  const { dtype, shape, bytes } = tensorOf(input);
  return {
    dtype,
    shape,
    byteCount: bytes.byteLength,
    replayable: true,
    whole: () => bytes,
    *pieces(size) {
      for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
    },
    close() {},
  };
}

function chunkedSource({ data, dtype, shape }) {
  dtypeNumber(dtype);
  const byteCount = elementCount(checkShape(shape)) * itemSize(dtype);
  return {
    dtype,
    shape,
    byteCount,
    replayable: false,
    async *pieces(size) {
      let sent = 0;
      for await (const chunk of data) {
        const bytes = bytesOf(chunk);
        if (bytes === undefined) throw invalid('data', `a chunk must be a typed array or bytes, got ${inspect(chunk)}`);
        checkHolds(chunk, dtype);
        if (sent + bytes.byteLength > byteCount) throw sizeMismatch(shape, dtype, byteCount, 'the chunks have more');
        for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
        sent += bytes.byteLength;
      }
      if (sent < byteCount) throw sizeMismatch(shape, dtype, byteCount, `the chunks have ${sent}`);
    },
    // A stream would wait for its next bytes, and keep the process; an iterator is closed after its next chunk.
    close: () => data.destroy?.(),
  };
}

function sizeMismatch(shape, dtype, byteCount, got) {
  return invalid(
    'data',
    `a tensor of shape [${shape.join(', ')}] and dtype ${dtype} has ${byteCount} bytes, but ${got}`,
    'SIZE_MISMATCH',
  );
}
