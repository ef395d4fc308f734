// Types of the package, which are its reference.

/** Element types, by PyTorch's names. */
export const DTYPES: readonly Dtype[];
export type Dtype =
  | 'float64' | 'float32' | 'float16' | 'bfloat16' | 'int8' | 'int16' | 'int32' | 'int64'
  | 'uint8' | 'uint16' | 'uint32' | 'uint64' | 'bool' | 'complex64' | 'complex128';

/** The ops, by PyTorch's names. */
export const OPS: readonly Op[];
export type Op =
  | 'sum' | 'nansum' | 'mean' | 'nanmean' | 'prod' | 'max' | 'min' | 'amax' | 'amin' | 'aminmax' | 'argmax' | 'argmin'
  | 'all' | 'any' | 'count_nonzero' | 'var' | 'std' | 'var_mean' | 'std_mean' | 'vector_norm' | 'logsumexp'
  | 'median' | 'nanmedian' | 'mode' | 'quantile' | 'nanquantile' | 'unique' | 'unique_consecutive';

export type TypedArray =
  | Float64Array | Float32Array | Int8Array | Int16Array | Int32Array | BigInt64Array
  | Uint8Array | Uint8ClampedArray | Uint16Array | Uint32Array | BigUint64Array
  | (ArrayBufferView & ArrayLike<number> & { readonly [Symbol.toStringTag]: 'Float16Array' });

/** One element: of 64-bit integers a bigint, of bool a boolean, of complex dtypes [real part, imaginary part]. */
export type Item = number | bigint | boolean | [number, number];

export type Nested = Item | Nested[];

/** A tensor that is answered. It is taken as an input, too. */
export class Tensor {
  constructor(dtype: Dtype, shape: number[], data: TypedArray);
  readonly dtype: Dtype;
  /** Extents, outermost first; [] of a 0-d tensor. */
  readonly shape: number[];
  /**
   * The elements, row-major. Those of float16 are a Float16Array where the runtime has one, else their bits; those of
   * bfloat16 are their bits; those of complex dtypes are real and imaginary parts by turns.
   */
  readonly data: TypedArray;
  /** The number of elements. */
  readonly size: number;
  /** The one element. Throws ArgumentError where there are more, or none. */
  item(): Item;
  /** The elements as nested arrays; those of a 0-d tensor as its item. */
  toArray(): Nested;
  toJSON(): { dtype: Dtype; shape: number[]; data: string[] };
}

/** Bytes of elements, little-endian and row-major. */
export type Bytes = ArrayBuffer | SharedArrayBuffer | ArrayBufferView;

/** What a web stream of bytes is read by. */
export interface ByteStream {
  getReader(): { read(): Promise<{ done: boolean; value?: Bytes | undefined }>; cancel(): Promise<unknown> };
}

/**
 * Elements that arrive in chunks of any size, typed arrays of the dtype or bytes: from an iterable, such as an array of
 * them, or a stream, such as a file's. It is read once, and closed with the call, also when that is refused, but for an
 * HTTP request, which can still be answered. Small chunks are gathered to messages of up to `chunkBytes` while they come
 * without a pause.
 */
export interface Chunks {
  data: AsyncIterable<Bytes> | Iterable<Bytes> | ByteStream;
  dtype: Dtype;
  shape: number[];
}

/**
 * What is taken for a tensor. A typed array is 1-d, of its own dtype. Numbers in nested arrays are float64, bigints int64,
 * booleans bool. `dtype` and `shape` say otherwise, or what bytes are: 16-bit floats come as their bits in a Uint16Array,
 * complex numbers by turns in a Float32Array or Float64Array, or as pairs. Nested numbers that an integer dtype does not
 * have are refused.
 */
export type Input =
  | Tensor
  | TypedArray
  | Nested
  | { data: TypedArray | Bytes | Nested; dtype?: Dtype; shape?: number[] }
  | Chunks;

export interface DimOptions {
  /** Dims to reduce, -n..n-1 of n dims; all without it (of `mode` the last). */
  dim?: number | readonly number[] | null;
  /** Keeps the reduced dims with extent 1. */
  keepdim?: boolean;
}

export interface CastOptions extends DimOptions {
  /** Casts the input before it is reduced. */
  dtype?: Dtype;
}

export interface VarianceOptions extends DimOptions {
  /** The divisor is max(0, n - correction); 1 without it. */
  correction?: number;
}

export interface NormOptions extends CastOptions {
  /** (sum |x|^ord)^(1/ord); 0 counts non-zeros, +-Infinity take max |x| and min |x|; 2 without it. */
  ord?: number;
}

export interface QuantileOptions extends CastOptions {
  /** In [0, 1]. A list gives results a dim of its length in front. */
  q: number | readonly number[] | Float32Array | Float64Array;
  /** What stands for a rank between two elements: 'linear' without it. */
  interpolation?: 'linear' | 'lower' | 'higher' | 'midpoint' | 'nearest';
}

export interface UniqueOptions {
  /** One dim, whose slices are compared; without it the elements are. */
  dim?: number | null;
  /** Answers `inverseIndices` too: for each element its place among the unique ones. */
  returnInverse?: boolean;
  /** Answers `counts` too: how often each occurs. */
  returnCounts?: boolean;
}

export interface CallOptions {
  /** Milliseconds for the call with its retries; that of the client without it, else no limit. */
  timeout?: number;
  /** Ends the call, which rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Where the server reduces: 'cpu', 'cuda', 'cuda:1'; the server chooses without it. */
  device?: string;
}

/** An op with its options; `op` alone where it needs none. */
export type Reduction =
  | Exclude<Op, 'quantile' | 'nanquantile'>
  | ({ op: 'sum' | 'nansum' | 'mean' | 'nanmean' | 'prod' } & CastOptions)
  | ({
      op:
        | 'max' | 'min' | 'amax' | 'amin' | 'aminmax' | 'argmax' | 'argmin' | 'all' | 'any' | 'count_nonzero'
        | 'logsumexp' | 'median' | 'nanmedian' | 'mode';
    } & DimOptions)
  | ({ op: 'var' | 'std' | 'var_mean' | 'std_mean' } & VarianceOptions)
  | ({ op: 'vector_norm' } & NormOptions)
  | ({ op: 'quantile' | 'nanquantile' } & QuantileOptions)
  | ({ op: 'unique' | 'unique_consecutive' } & UniqueOptions);

export interface ValuesIndices {
  values: Tensor;
  /** int64: of the first occurrences. */
  indices: Tensor;
}

export interface Unique {
  output: Tensor;
  inverseIndices: Tensor;
  counts: Tensor;
}

/** One tensor, or several by name. */
export type Answer =
  | Tensor
  | ValuesIndices
  | { min: Tensor; max: Tensor }
  | { var: Tensor; mean: Tensor }
  | { std: Tensor; mean: Tensor }
  | Partial<Unique>;

/** How a request was executed. Times are milliseconds. */
export interface ExecutionInfo {
  /** 'cpu', 'cuda'. */
  backend: string;
  /** 'cpu', 'cuda:0'. */
  device: string;
  /** From the arrival of the call to its admission. */
  queueTime: number;
  /** From admission to the last byte of the tensor, less the compute time in between. */
  receiveTime: number;
  computeTime: number;
  receivedBytes: number;
}

/** What a server says about itself. */
export interface ServerDescription {
  version: string;
  ops: { name: string; summary: string; dtypes: string[]; options: string }[];
  limits: {
    /** Bytes of a tensor, and of its results, in one message. */
    maxUnaryBytes: number;
    maxDims: number;
    maxReductions: number;
    /** Bytes of memory that all requests together may hold. */
    byteBudget: number;
  };
  backends: string[];
  /** The SIMD instructions in use: 'AVX2'. */
  simd: string;
  threadCount: number;
  /** The CPU first; `memoryBytes` is of their own that requests may hold together. */
  devices: { name: string; description: string; memoryBytes: number; working: boolean }[];
}

export interface ClientOptions {
  /** Milliseconds that a call may take which says nothing else; no limit without it. */
  timeout?: number;
  /** A tensor of at most so many bytes, with results of at most as many, goes out as one message: 4 MiB without it. */
  unaryLimit?: number;
  /** At most, of a message of a stream: 1 MiB without it, which every server takes. */
  chunkBytes?: number;
}

type WithoutDim = CallOptions & { dim?: null | readonly []; keepdim?: boolean };
type WithDim = CallOptions & { dim: number | readonly [number, ...number[]]; keepdim?: boolean };
type UniqueFlags<Inverse, Counts> = UniqueOptions & CallOptions & { returnInverse?: Inverse; returnCounts?: Counts };
type Returned<Inverse, Counts> = Inverse extends true
  ? Counts extends true ? Unique : Omit<Unique, 'counts'>
  : Counts extends true ? Omit<Unique, 'inverseIndices'> : Tensor;

/** A client of the server at "HOST:PORT" or "unix:PATH". The first call connects. */
export function connect(address: string, options?: ClientOptions): Client;

/**
 * One connection to a server. Calls may run side by side; each rejects with a TreduceError, but for what an iterator or a
 * stream of chunks throws and a signal's reason, which are passed on as they are. While the server is full it is asked
 * again, within the timeout or for half a minute; a connection that was lost is made anew by the next call.
 */
export class Client {
  constructor(address: string, options?: ClientOptions);
  /** As it was given. */
  readonly address: string;

  /** The answers to several reductions of one tensor, which is sent and read once. */
  reduce(
    tensor: Input,
    reductions: readonly Reduction[],
    options?: CallOptions,
  ): Promise<Answer[] & { readonly executionInfo: ExecutionInfo }>;

  /** Sum; integers and bool give int64. */
  sum(tensor: Input, options?: CastOptions & CallOptions): Promise<Tensor>;
  /** Sum with NaN taken as 0. */
  nansum(tensor: Input, options?: CastOptions & CallOptions): Promise<Tensor>;
  /** Arithmetic mean. */
  mean(tensor: Input, options?: CastOptions & CallOptions): Promise<Tensor>;
  /** Mean of the elements that are not NaN. */
  nanmean(tensor: Input, options?: CastOptions & CallOptions): Promise<Tensor>;
  /** Product; integers and bool give int64. */
  prod(tensor: Input, options?: CastOptions & CallOptions): Promise<Tensor>;
  /** Maximum; with dim also the indices of the first occurrences. NaN wins. */
  max(tensor: Input, options?: WithoutDim): Promise<Tensor>;
  max(tensor: Input, options: WithDim): Promise<ValuesIndices>;
  max(tensor: Input, options?: DimOptions & CallOptions): Promise<Tensor | ValuesIndices>;
  /** Minimum; with dim also the indices of the first occurrences. NaN wins. */
  min(tensor: Input, options?: WithoutDim): Promise<Tensor>;
  min(tensor: Input, options: WithDim): Promise<ValuesIndices>;
  min(tensor: Input, options?: DimOptions & CallOptions): Promise<Tensor | ValuesIndices>;
  /** Maximum, values only. */
  amax(tensor: Input, options?: DimOptions & CallOptions): Promise<Tensor>;
  /** Minimum, values only. */
  amin(tensor: Input, options?: DimOptions & CallOptions): Promise<Tensor>;
  /** Minimum and maximum. */
  aminmax(tensor: Input, options?: DimOptions & CallOptions): Promise<{ min: Tensor; max: Tensor }>;
  /** Index of the first maximum among the reduced elements. NaN wins. */
  argmax(tensor: Input, options?: DimOptions & CallOptions): Promise<Tensor>;
  /** Index of the first minimum among the reduced elements. NaN wins. */
  argmin(tensor: Input, options?: DimOptions & CallOptions): Promise<Tensor>;
  /** Whether all elements are non-zero. */
  all(tensor: Input, options?: DimOptions & CallOptions): Promise<Tensor>;
  /** Whether any element is non-zero. */
  any(tensor: Input, options?: DimOptions & CallOptions): Promise<Tensor>;
  /** Number of non-zero elements. */
  countNonzero(tensor: Input, options?: DimOptions & CallOptions): Promise<Tensor>;
  /** Variance. */
  var(tensor: Input, options?: VarianceOptions & CallOptions): Promise<Tensor>;
  /** Standard deviation. */
  std(tensor: Input, options?: VarianceOptions & CallOptions): Promise<Tensor>;
  /** Variance and mean. */
  varMean(tensor: Input, options?: VarianceOptions & CallOptions): Promise<{ var: Tensor; mean: Tensor }>;
  /** Standard deviation and mean. */
  stdMean(tensor: Input, options?: VarianceOptions & CallOptions): Promise<{ std: Tensor; mean: Tensor }>;
  /** torch.linalg.vector_norm. */
  vectorNorm(tensor: Input, options?: NormOptions & CallOptions): Promise<Tensor>;
  /** log(sum(exp(x))) without overflow on the way. */
  logsumexp(tensor: Input, options?: DimOptions & CallOptions): Promise<Tensor>;
  /** The lower of the two middle elements; with dim also the indices of the first occurrences. NaN wins. */
  median(tensor: Input, options?: WithoutDim): Promise<Tensor>;
  median(tensor: Input, options: WithDim): Promise<ValuesIndices>;
  median(tensor: Input, options?: DimOptions & CallOptions): Promise<Tensor | ValuesIndices>;
  /** The same of the elements that are not NaN. */
  nanmedian(tensor: Input, options?: WithoutDim): Promise<Tensor>;
  nanmedian(tensor: Input, options: WithDim): Promise<ValuesIndices>;
  nanmedian(tensor: Input, options?: DimOptions & CallOptions): Promise<Tensor | ValuesIndices>;
  /** The most frequent element, the smallest of several, and the index of its first occurrence; of the last dim, or `dim`. */
  mode(tensor: Input, options?: DimOptions & CallOptions): Promise<ValuesIndices>;
  /** Quantiles. NaN wins. */
  quantile(tensor: Input, options: QuantileOptions & CallOptions): Promise<Tensor>;
  /** Quantiles of the elements that are not NaN. */
  nanquantile(tensor: Input, options: QuantileOptions & CallOptions): Promise<Tensor>;
  /** The distinct elements, or slices along one dim, sorted. */
  unique<Inverse extends boolean = false, Counts extends boolean = false>(
    tensor: Input,
    options?: UniqueFlags<Inverse, Counts>,
  ): Promise<Returned<Inverse, Counts>>;
  /** The elements, or slices along one dim, that differ from the one before. */
  uniqueConsecutive<Inverse extends boolean = false, Counts extends boolean = false>(
    tensor: Input,
    options?: UniqueFlags<Inverse, Counts>,
  ): Promise<Returned<Inverse, Counts>>;

  /** What the server says about itself: version, ops, limits. */
  describe(options?: CallOptions): Promise<ServerDescription>;
  /** Whether the server takes requests: false once it drains. */
  health(options?: CallOptions): Promise<boolean>;
  /** Ends calls under way with CancelledError; new ones are refused. */
  close(): void;
  /** Closes, at the end of a block that says `using` or `await using`. */
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Any failure of a call. */
export class TreduceError extends Error {
  /** The canonical code: 'INVALID_ARGUMENT'. */
  readonly code: string;
  /** What is wrong, stable: 'DIM_OUT_OF_RANGE'; empty where there is none. */
  readonly reason: string;
  /** The field or argument at fault: 'reductions[1].dim'; empty where there is none. */
  readonly field: string;
  /** The limit that was exceeded, a decimal number; empty where there is none. */
  readonly limit: string;
}
/** The request is wrong: a dim out of range, an op that does not take the dtype, a quantile out of range. */
export class RequestError extends RangeError {}
export interface RequestError extends TreduceError {}
/** An argument is of a kind that the client cannot send. */
export class ArgumentError extends TypeError {}
export interface ArgumentError extends TreduceError {}
/** The server is full, also after retries; or the request is larger than it ever takes. */
export class ResourceExhaustedError extends TreduceError {}
/** The server is not there, went away during the call, or drains. */
export class UnavailableError extends TreduceError {}
/** The call did not end within its timeout. */
export class DeadlineExceededError extends TreduceError {}
/** The call was cancelled by closing the client. */
export class CancelledError extends TreduceError {}
/** A fault of the server or of the connection, not of the request. */
export class InternalError extends TreduceError {}
