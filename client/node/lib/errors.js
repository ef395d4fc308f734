// What calls reject with, but for what iterators and streams throw and for reasons of signals. An error of the server has
// the server's text, code and detail; one that the client finds itself looks the same.

const failures = new WeakSet();

// An error of `Base` with the detail of a failure.
function detailed(Base) {
  return class extends Base {
    /**
     * @param {string} message
     * @param {{code?: string, reason?: string, field?: string, limit?: string, cause?: unknown}} detail
     */
    constructor(message, { code = 'INVALID_ARGUMENT', reason = '', field = '', limit = '', cause } = {}) {
      super(message, cause === undefined ? undefined : { cause });
      this.name = new.target.name;
      this.code = code;
      this.reason = reason;
      this.field = field;
      this.limit = limit;
      failures.add(this);
    }
  };
}

// Any failure of a call; instances of those below, too, that JavaScript has a class of its own for.
export class TreduceError extends detailed(Error) {
  static [Symbol.hasInstance](value) {
    return this === TreduceError ? failures.has(value) : super[Symbol.hasInstance](value);
  }
}

// The request is wrong: a dim out of range, an op that does not take the dtype, a quantile out of range.
export class RequestError extends detailed(RangeError) {}

// An argument is of a kind that the client cannot send.
export class ArgumentError extends detailed(TypeError) {}

// The server is full, also after retries; or the request is larger than it ever takes.
export class ResourceExhaustedError extends TreduceError {}

// The server is not there, went away during the call, or drains.
export class UnavailableError extends TreduceError {}

// The call did not end within its timeout.
export class DeadlineExceededError extends TreduceError {}

// The call was cancelled by closing the client.
export class CancelledError extends TreduceError {}

// A fault of the server or of the connection, not of the request.
export class InternalError extends TreduceError {}

// The error of a status code.
export const ERROR_BY_CODE = {
  INVALID_ARGUMENT: RequestError,
  FAILED_PRECONDITION: RequestError,
  UNIMPLEMENTED: RequestError,
  RESOURCE_EXHAUSTED: ResourceExhaustedError,
  UNAVAILABLE: UnavailableError,
  DEADLINE_EXCEEDED: DeadlineExceededError,
  CANCELLED: CancelledError,
};

// Shorthand for an argument that is wrong.
export function invalid(field, message, reason = '') {
  return new ArgumentError(`${field}: ${message}`, { reason, field });
}
