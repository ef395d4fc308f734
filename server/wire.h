// The border between the bytes of the API's messages and the values of the engine. Payloads are never copied on the
// way in, and on the way out only when they are small.
//
// Parsing takes any bytes: what Protobuf would not parse is INVALID_ARGUMENT. As in Protobuf, fields come in any order,
// unknown ones are skipped, of a repeated scalar the last one counts, repeated messages merge. Functions here are pure.
#ifndef TREDUCE_SERVER_WIRE_H_
#define TREDUCE_SERVER_WIRE_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/engine/values/reduction.h"
#include "server/engine/values/tensor.h"
#include "server/wire_format.h"

namespace treduce {

// Result bytes in one message of a stream.
inline constexpr int64_t kResultChunkBytes = 1 << 20;

// treduce.v1.ReduceRequest.
struct ReduceMessage {
  ReductionSpec spec;
  Payload data;
};

// treduce.v1.ReduceStreamRequest: a spec or a chunk.
using StreamMessage = std::variant<ReductionSpec, Payload>;

// INVALID_ARGUMENT naming `spec` when there is none.
absl::StatusOr<ReduceMessage> ParseReduceRequest(const grpc::ByteBuffer& message);
// INVALID_ARGUMENT naming `payload` when the message has neither.
absl::StatusOr<StreamMessage> ParseReduceStreamRequest(const grpc::ByteBuffer& message);

// treduce.v1.ExecutionInfo.
struct ExecutionInfo {
  absl::Duration queue_time;
  absl::Duration receive_time;
  absl::Duration compute_time;
  int64_t received_bytes = 0;
  std::string device = "cpu";
};

// treduce.v1.ReduceResponse.
grpc::ByteBuffer EncodeReduceResponse(const SharedResults& results, const ExecutionInfo& info);

// The treduce.v1.ReduceStreamResponses of one stream, in this order.
grpc::ByteBuffer EncodeResultHeader(absl::Span<const ReductionResult> results);
std::vector<grpc::ByteBuffer> EncodeResultChunks(const SharedResults& results);
grpc::ByteBuffer EncodeExecutionInfo(const ExecutionInfo& info);

// treduce.v1.Device.
struct DeviceDescription {
  std::string name;
  std::string description;
  int64_t memory_bytes = 0;
  bool working = true;
};

// What a server says about itself, beside its ops.
struct ServerDescription {
  std::string version;
  std::string simd;
  int thread_count = 0;
  int64_t max_unary_bytes = 0;
  int64_t byte_budget = 0;
};

// treduce.v1.DescribeServerResponse, with the ops of the registry and the devices as they are now.
grpc::ByteBuffer EncodeDescription(const ServerDescription& description, absl::Span<const DeviceDescription> devices);

}  // namespace treduce

#endif  // TREDUCE_SERVER_WIRE_H_
