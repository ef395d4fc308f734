// The package: a client, the errors, and the kinds of tensors that go in and come out.

export { connect, Client } from './lib/client.js';
export {
  ArgumentError,
  CancelledError,
  DeadlineExceededError,
  InternalError,
  RequestError,
  ResourceExhaustedError,
  TreduceError,
  UnavailableError,
} from './lib/errors.js';
export { DTYPES } from './lib/dtypes.js';
export { OPS } from './lib/ops.js';
export { Tensor } from './lib/tensor.js';
