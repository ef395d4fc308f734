// Errors that input can cause. Each names the offending field of the request, so that a client can show it.
#ifndef TREDUCE_SERVER_ENGINE_VALUES_ERRORS_H_
#define TREDUCE_SERVER_ENGINE_VALUES_ERRORS_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace treduce {

// What travels with a status beside its code and message; on the wire a google.rpc.ErrorInfo.
struct ErrorDetail {
  std::string reason;  // UPPER_SNAKE_CASE and stable: "DIM_OUT_OF_RANGE", "SIZE_MISMATCH", ...
  std::string field;   // path in the request: "reductions[1].dim"; empty when no field is at fault
  std::string limit;   // the limit that was exceeded, as a decimal number; empty when there is none
};

// A status of `code` with the message "field: message" (or just "message" without a field) and the detail.
absl::Status Error(absl::StatusCode code, ErrorDetail detail, std::string_view message);

// Shorthand for INVALID_ARGUMENT.
absl::Status InvalidField(std::string_view reason, std::string_view field, std::string_view message);

// RESOURCE_EXHAUSTED, for memory that the system does not give.
absl::Status OutOfMemory();

// The detail of a status made above; nullopt for other statuses.
std::optional<ErrorDetail> DetailOf(const absl::Status& status);

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_VALUES_ERRORS_H_
