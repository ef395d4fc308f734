// The client's values as messages of treduce.v1, and back.
#ifndef TREDUCE_CLIENT_CPP_CONVERT_H_
#define TREDUCE_CLIENT_CPP_CONVERT_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "client/cpp/client.h"
#include "treduce/v1/treduce.pb.h"

namespace treduce::client {

// The payload of a status that holds a retry delay, as text.
inline constexpr char kRetryDelayUrl[] = "treduce/retry_delay";

v1::ReductionSpec ToProto(DType dtype, absl::Span<const int64_t> shape, absl::Span<const Reduction> reductions,
                          const std::string& device);

ReduceReply::ExecutionInfo FromProto(const v1::ExecutionInfo& info);
ServerDescription FromProto(const v1::DescribeServerResponse& response);

// With the google.rpc.ErrorInfo and RetryInfo of the server, if it sent them, for DetailOf and RetryDelayOf.
absl::Status ToStatus(const grpc::Status& status);

}  // namespace treduce::client

#endif  // TREDUCE_CLIENT_CPP_CONVERT_H_
