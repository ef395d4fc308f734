// From a status of gRPC to the error that it is.

import { status } from '@grpc/grpc-js';

import { ERROR_BY_CODE, InternalError } from './errors.js';
import { decodeErrorDetails } from './wire.js';

// The failure of a call to `address`: the error, and after how many milliseconds a full server asks to try again.
export function failureOf(serviceError, address) {
  const code = status[serviceError.code] ?? 'UNKNOWN';
  const [bytes] = serviceError.metadata?.get('grpc-status-details-bin') ?? [];
  const { reason, field, limit, retryDelay } = decodeErrorDetails(Buffer.isBuffer(bytes) ? bytes : Buffer.alloc(0));
  const text = serviceError.details || serviceError.message;
  const message = code === 'UNAVAILABLE' ? `${address}: ${text}` : text;
  const Kind = ERROR_BY_CODE[code] ?? InternalError;
  return { error: new Kind(message, { code, reason, field, limit }), retryDelay };
}
