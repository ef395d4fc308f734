// Errors on the wire: an absl::Status becomes a grpc::Status whose details are a google.rpc.Status.
#ifndef TREDUCE_SERVER_STATUS_H_
#define TREDUCE_SERVER_STATUS_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/support/status.h"

namespace treduce {

// `status` with the hint that the same request may succeed after `delay`.
absl::Status WithRetryDelay(absl::Status status, absl::Duration delay);

// The same code and message, the latter cut where it would not fit into a trailer. The ErrorDetail of a status
// (server/engine/values/errors.h) becomes a google.rpc.ErrorInfo and, when a field of an invalid argument is at fault,
// a google.rpc.BadRequest; the hint a google.rpc.RetryInfo.
grpc::Status ToGrpcStatus(const absl::Status& status);

}  // namespace treduce

#endif  // TREDUCE_SERVER_STATUS_H_
