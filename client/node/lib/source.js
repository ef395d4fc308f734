// Where the bytes of a tensor come from: memory, or chunks that arrive.

import { inspect } from 'node:util';

import { checkHolds, dtypeNumber, itemSize } from './dtypes.js';
import { invalid } from './errors.js';
import { bytesOf, checkShape, elementCount, sizeMismatch, tensorOf } from './tensor.js';

/**
 * The source of an input: {dtype, shape, byteCount, replayable, whole(), pieces(size), close()}. `pieces` gives at most
 * `size` bytes at a time, each good until the next, in all byteCount, or throws; `whole` is of replayable sources; `close`
 * ends those that are not.
 */
export function sourceOf(input) {
  const data = hasChunks(input) ? input : input?.data;
  if (hasChunks(data)) {
    const chunks = chunksOf(data);
    try {
      if (data === input) throw invalid('tensor', 'chunks need {data, dtype, shape} to say what they are the chunks of');
      return chunkedSource(chunks, input);
    } catch (error) {
      chunks.close();
      throw error;
    }
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

// Whether it gives chunks: a stream, an iterable, an array of typed arrays.
function hasChunks(data) {
  if (data === null || typeof data !== 'object' || ArrayBuffer.isView(data)) return false;
  if (Array.isArray(data)) return bytesOf(data[0]) !== undefined;
  return Symbol.asyncIterator in data || Symbol.iterator in data || isWebStream(data);
}

function isWebStream(data) {
  return typeof data.getReader === 'function';
}

// An iterator of what `data` gives, with `close` for when no more is wanted.
function chunksOf(data) {
  if (isWebStream(data)) {
    if (data.locked) throw invalid('data', 'the stream is locked to another reader');
    // Unlike the stream's own iterator it can cancel during a read.
    const reader = data.getReader();
    return { next: () => reader.read(), return() {}, close: () => void reader.cancel().catch(() => {}) };
  }
  // A stream that failed before it is read would end the process, or just end.
  let failed;
  if (isStream(data)) data.on?.('error', (error) => (failed = { error }));
  let begun = false;
  const iterator = (async function* () {
    begun = true;
    yield* data;
    if (failed !== undefined) throw failed.error;
  })();
  const close = () => {
    if ('socket' in data) return; // the end of an HTTP request would be that of its response
    // A stream would wait for its next bytes, and keep the process; an iterator is closed after its next chunk.
    if (isStream(data)) data.destroy();
    else if (!begun) (async () => data.return?.())().catch(() => {});
  };
  return Object.assign(iterator, { close });
}

function isStream(data) {
  return typeof data.destroy === 'function';
}

// Milliseconds that a chunk waits for others, also while they come without a pause: then the event loop has a turn.
const GATHERING_TIME = 20;

const LATE = Symbol('late');

// What `promise` gives, or LATE if that takes more than a turn of the event loop.
function orLate(promise) {
  return new Promise((resolve, reject) => {
    const turn = setImmediate(resolve, LATE);
    const settled = (settle) => (value) => {
      clearImmediate(turn);
      settle(value);
    };
    promise.then(settled(resolve), settled(reject));
  });
}

function chunkedSource(chunks, { dtype, shape }) {
  dtypeNumber(dtype);
  const byteCount = elementCount(checkShape(shape)) * itemSize(dtype);
  return {
    dtype,
    shape,
    byteCount,
    replayable: false,
    // Small chunks are gathered while they come without a pause, since a message takes as long as many kilobytes.
    async *pieces(size) {
      const gathering = new Gathering(Math.min(size, byteCount));
      let taken = 0;
      try {
        for (;;) {
          const next = chunks.next();
          if (gathering.some && ((await orLate(next)) === LATE || gathering.due)) yield gathering.take();
          const { done, value: chunk } = await next;
          if (done) break;
          const bytes = bytesOf(chunk);
          if (bytes === undefined) throw invalid('data', `a chunk must be a typed array or bytes, got ${inspect(chunk)}`);
          checkHolds(chunk, dtype);
          taken += bytes.byteLength;
          if (taken > byteCount) throw sizeMismatch(dtype, shape, 'the chunks have more');
          for (const piece of gathering.add(bytes)) yield piece;
        }
        if (taken < byteCount) throw sizeMismatch(dtype, shape, `the chunks have ${taken}`);
        if (gathering.some) yield gathering.take();
      } finally {
        await chunks.return();
      }
    },
    close: chunks.close,
  };
}

// Puts bytes together to pieces of `size`, each good until the next.
class Gathering {
  #size;
  #buffer;
  #filled = 0;
  #since;

  constructor(size) {
    this.#size = size;
  }

  get some() {
    return this.#filled > 0;
  }

  get due() {
    return performance.now() - this.#since > GATHERING_TIME;
  }

  // The pieces that `bytes` complete. The rest is copied, since its owner may fill it anew.
  *add(bytes) {
    for (let at = 0; at < bytes.byteLength; ) {
      const piece = bytes.subarray(at, at + this.#size - this.#filled);
      at += piece.byteLength;
      if (piece.byteLength === this.#size) {
        yield piece;
        continue;
      }
      if (!this.some) this.#since = performance.now();
      this.#buffer ??= Buffer.allocUnsafe(this.#size);
      this.#buffer.set(piece, this.#filled);
      this.#filled += piece.byteLength;
      if (this.#filled === this.#size) yield this.take();
    }
  }

  // What there is so far.
  take() {
    const piece = this.#buffer.subarray(0, this.#filled);
    this.#filled = 0;
    return piece;
  }
}
