// The client: what a call sends, what it makes of the answer, whether it tries again.

import { inspect } from 'node:util';

import { CallFailure, Connection } from './connection.js';
import { DTYPES, elementsOf, itemSize } from './dtypes.js';
import { DeadlineExceededError, InternalError, invalid, ResourceExhaustedError } from './errors.js';
import { failureOf } from './failure.js';
import { methodName, OPS, outputNames, reductionOf } from './ops.js';
import { sourceOf } from './source.js';
import { elementCount, Tensor } from './tensor.js';
import * as wire from './wire.js';

// A tensor of at most this many bytes, with results of at most as many, goes out as one message; others are streamed.
const UNARY_LIMIT = 4 << 20;

// Of a message of a stream, which every server takes.
const CHUNK_BYTES = 1 << 20;

// Milliseconds, 24 days, above which a timeout is none: Node's timers take no more, and gRPC fails where they do not.
const MAX_TIMEOUT = 2 ** 31 - 1;

const MAX_MESSAGE_BYTES = 1 << 30;

// How long a full server is asked again where the call has no timeout, and the pauses between two attempts.
const PATIENCE = 30_000;
const MIN_DELAY = 10;
const MAX_DELAY = 8000;

// A client of the server at "HOST:PORT" or "unix:PATH". The first call connects.
export function connect(address, options) {
  return new Client(address, options);
}

export class Client {
  #connection;
  #timeout;
  #unaryLimit;
  #chunkBytes;

  constructor(address, options) {
    const { timeout, unaryLimit = UNARY_LIMIT, chunkBytes = CHUNK_BYTES, ...others } = checkOptions(options);
    checkNone(others, 'a client takes timeout, unaryLimit, chunkBytes');
    if (typeof address !== 'string' || !isAddress(address)) {
      throw invalid('address', `expected HOST:PORT or unix:PATH, got ${inspect(address)}`, 'INVALID_ADDRESS');
    }
    checkBytes('unaryLimit', unaryLimit, 0);
    checkBytes('chunkBytes', chunkBytes, 1);
    this.address = address;
    this.#timeout = checkTimeout(timeout);
    this.#unaryLimit = unaryLimit;
    this.#chunkBytes = chunkBytes;
    this.#connection = new Connection(address);
  }

  // The answers to several reductions of one tensor, in one pass over it.
  reduce(tensor, reductions, options) {
    return this.#reduce(tensor, () => [reductions, options]);
  }

  // What the server says about itself: version, ops, limits.
  describe(options) {
    return this.#ask(wire.DESCRIBE_SERVER, wire.decodeDescription, options);
  }

  // Whether the server takes requests: false once it drains.
  health(options) {
    return this.#ask(wire.HEALTH_CHECK, wire.decodeIsServing, options);
  }

  // Ends calls under way with CancelledError; new ones are refused.
  close() {
    this.#connection.close();
  }

  [Symbol.dispose ?? Symbol.for('Symbol.dispose')]() {
    this.close();
  }

  async [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]() {
    this.close();
  }

  [inspect.custom]() {
    return `<treduce.Client of ${this.address}${this.#connection.closed ? ', closed' : ''}>`;
  }

  // `request` gives the reductions and the options of the call; a tensor of chunks is closed if it throws, too.
  async #reduce(tensor, request) {
    const source = sourceOf(tensor);
    try {
      const [reductions, options] = request();
      if (!Array.isArray(reductions)) throw invalid('reductions', `expected an array, got ${inspect(reductions)}`);
      const checked = reductions.map(reductionOf);
      const reply = await this.#retrying(source, checked, this.#limits(options));
      const answers = reply.results.map((tensors, i) => answerOf(checked[i], tensors));
      return Object.defineProperty(answers, 'executionInfo', { value: reply.executionInfo });
    } finally {
      source.close();
    }
  }

  #limits(options) {
    const { timeout = this.#timeout ?? Infinity, signal, device = '', ...others } = checkOptions(options);
    checkNone(others, 'a call takes timeout, signal, device');
    checkTimeout(timeout);
    if (typeof device !== 'string') throw invalid('device', `expected 'cpu', 'cuda' or 'cuda:1', got ${inspect(device)}`);
    if (signal !== undefined && !(signal instanceof AbortSignal)) throw invalid('signal', 'expected an AbortSignal');
    return { deadline: timeout > MAX_TIMEOUT ? Infinity : Date.now() + timeout, signal, device };
  }

  async #ask(path, decode, options) {
    try {
      return decode(await this.#connection.unary(path, Buffer.alloc(0), this.#limits(options)));
    } catch (error) {
      throw error instanceof CallFailure ? failureOf(error.serviceError, this.address).error : error;
    }
  }

  async #retrying(source, reductions, limits) {
    const spec = wire.encodeSpec(source.dtype, source.shape, reductions, limits.device);
    const bytes = Math.max(source.byteCount, resultBound(source.shape, reductions));
    let unary = source.replayable && bytes <= this.#unaryLimit;
    let patience;
    for (let attempt = 0; ; ++attempt) {
      if (Date.now() >= limits.deadline) throw new DeadlineExceededError('the timeout has passed', { code: 'DEADLINE_EXCEEDED' });
      try {
        return await (unary ? this.#unary(spec, source, limits) : this.#stream(spec, source, reductions, limits));
      } catch (failure) {
        if (!(failure instanceof CallFailure)) throw failure;
        const { error, retryDelay } = failureOf(failure.serviceError, this.address);
        if (unary && isTooLargeForOne(error)) {
          unary = false;
          continue;
        }
        if (retryDelay === undefined || !source.replayable) throw error;
        const delay = backoff(retryDelay, attempt);
        patience ??= limits.deadline < Infinity ? limits.deadline : Date.now() + PATIENCE;
        if (Date.now() + delay >= patience) throw error;
        await this.#connection.pause(delay, limits.signal);
      }
    }
  }

  async #unary(spec, source, limits) {
    const message = Buffer.concat([spec, ...wire.encodePayload(source.whole())]);
    const reply = wire.decodeReply(await this.#connection.unary(wire.REDUCE, message, limits));
    return { ...reply, results: reply.results.map((tensors) => tensors.map((tensor) => tensorOfReply(tensor, tensor.data))) };
  }

  async #stream(spec, source, reductions, limits) {
    const receiver = new Receiver();
    const chunkBytes = this.#chunkBytes;
    async function* messages() {
      yield spec;
      for await (const piece of source.pieces(chunkBytes)) yield Buffer.concat(wire.encodePayload(piece));
    }
    await this.#connection.stream(wire.REDUCE_STREAM, messages(), (message) => receiver.take(message), limits);
    return receiver.finish(reductions.length);
  }

  // A method for each op, with its options and those of the call together.
  static {
    for (const op of OPS) {
      Client.prototype[methodName(op)] = async function (tensor, options) {
        const [answer] = await this.#reduce(tensor, () => {
          const { timeout, signal, device, ...own } = checkOptions(options);
          return [[{ ...own, op }], { timeout, signal, device }];
        });
        return answer;
      };
    }
  }
}

// Puts the tensors of a stream together as their bytes arrive.
class Receiver {
  #results;
  #chunks = []; // what has to be filled: bytes and how many there are yet
  #executionInfo;

  take(message) {
    const { header, chunk, executionInfo } = wire.decodeStreamMessage(message);
    if (header !== undefined) this.#allocate(header);
    if (chunk !== undefined) this.#fill(chunk);
    if (executionInfo !== undefined) this.#executionInfo = executionInfo;
  }

  finish(count) {
    const complete = this.#results?.length === count && this.#chunks.length === 0 && this.#executionInfo !== undefined;
    if (!complete) throw brokenStream('it ended early');
    return { results: this.#results, executionInfo: this.#executionInfo };
  }

  #allocate(header) {
    this.#results = header.map((tensors) =>
      tensors.map((tensor) => {
        const bytes = new Uint8Array(elementCount(tensor.shape) * itemSizeOf(tensor.dtype));
        if (bytes.length > 0) this.#chunks.push({ bytes, filled: 0 });
        return tensorOfReply(tensor, bytes);
      }),
    );
  }

  #fill(chunk) {
    for (let rest = chunk; rest.length > 0; ) {
      const target = this.#chunks[0];
      if (target === undefined) throw brokenStream('it has more bytes than its tensors');
      const piece = rest.subarray(0, target.bytes.length - target.filled);
      target.bytes.set(piece, target.filled);
      target.filled += piece.length;
      rest = rest.subarray(piece.length);
      if (target.filled === target.bytes.length) this.#chunks.shift();
    }
  }
}

function brokenStream(what) {
  return new InternalError(`the server's stream is broken: ${what}`, { code: 'INTERNAL', reason: 'MALFORMED_RESPONSE' });
}

function itemSizeOf(dtype) {
  if (!DTYPES.includes(dtype)) throw brokenStream(`this client does not know dtype ${dtype}`);
  return itemSize(dtype);
}

function tensorOfReply({ dtype, shape }, bytes) {
  if (bytes.length !== elementCount(shape) * itemSizeOf(dtype)) throw brokenStream('a tensor has another size than its shape');
  return new Tensor(dtype, shape, elementsOf(dtype, bytes));
}

// One tensor, or several by the names of the outputs.
function answerOf(reduction, tensors) {
  const names = outputNames(reduction);
  if (names.length !== tensors.length) throw brokenStream(`${reduction.op} has ${tensors.length} results`);
  return names.length === 1 ? tensors[0] : Object.fromEntries(names.map((name, i) => [name, tensors[i]]));
}

// Upper bound of the bytes of the results. Dims that are wrong count as kept: the server refuses them.
function resultBound(shape, reductions) {
  const elementBytes = 32; // two of complex128, or two of int64 and another
  let bound = 0;
  for (const { op, dim, q } of reductions) {
    const unique = op.startsWith('unique');
    const kept = unique || dim.length > 0 ? [...shape] : [];
    if (!unique) {
      for (const d of dim) {
        if (-shape.length <= d && d < shape.length) kept[(d + shape.length) % shape.length] = 1;
      }
    }
    bound += elementCount(kept) * (Array.isArray(q) ? q.length : 1) * elementBytes;
  }
  return bound;
}

// If the server takes much less in one message than the limit, its gRPC refuses the message without a detail.
function isTooLargeForOne(error) {
  return error instanceof ResourceExhaustedError && ['', 'UNARY_TOO_LARGE'].includes(error.reason);
}

function isAddress(address) {
  // These have a meaning in the URIs that gRPC takes addresses for.
  if (/[%?#]/.test(address)) return false;
  const [, port] = address.match(/^[^/\s]+:(\d+)$/) ?? [];
  return /^unix:./.test(address) || (port > 0 && port < 65536);
}

function checkBytes(name, bytes, least) {
  if (!Number.isSafeInteger(bytes) || bytes < least || bytes > MAX_MESSAGE_BYTES) {
    throw invalid(name, `expected ${least} to ${MAX_MESSAGE_BYTES} bytes, got ${inspect(bytes)}`);
  }
}

function checkOptions(options = {}) {
  if (options === null || typeof options !== 'object' || Array.isArray(options)) {
    throw invalid('options', `expected an object of named options, got ${inspect(options)}`);
  }
  return options;
}

function checkNone(others, text) {
  const [name] = Object.keys(others);
  if (name !== undefined) throw invalid(name, text, 'OPTIONS_MISMATCH');
}

function checkTimeout(timeout) {
  if (timeout !== undefined && !(typeof timeout === 'number' && timeout >= 0)) {
    throw invalid('timeout', `expected milliseconds, got ${inspect(timeout)}`);
  }
  return timeout;
}

// Those who were refused together should not come back together.
function backoff(retryDelay, attempt) {
  return Math.min(Math.max(retryDelay, MIN_DELAY) * 2 ** attempt, MAX_DELAY) * (0.8 + 0.4 * Math.random());
}
