// The border between the bytes of ModelInfer's messages and the values of the engine, as server/wire.h is for our own
// protocol: raw contents are neither copied on the way in nor, unless they are small, on the way out.
#ifndef TREDUCE_SERVER_INFERENCE_WIRE_H_
#define TREDUCE_SERVER_INFERENCE_WIRE_H_

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "grpcpp/support/byte_buffer.h"
#include "inference/grpc_service.pb.h"
#include "server/inference/models.h"
#include "server/wire_format.h"

namespace treduce {

// inference.ModelInferRequest.
struct InferRequest {
  inference::ModelInferRequest fields;  // all but the elements
  bool has_raw = false;
  Payload raw;  // of the one input
  bool has_contents = false;
  Payload contents;  // bytes of the InferTensorContents of the one input
};

// INVALID_ARGUMENT for what Protobuf would not parse, for elements of more than one input, for elements of both kinds,
// and for fields beside the elements of more than kMaxSpecBytes; `request` then has the fields that came before.
absl::Status ParseInferRequest(const grpc::ByteBuffer& message, InferRequest& request);

// inference.ModelInferResponse, and inference.ModelStreamInferResponse of one. Typed contents answer typed contents,
// when all outputs have a typed field and there are at most kMaxTypedBytes; raw contents answer all else.
inline constexpr int64_t kMaxTypedBytes = 64 << 10;
// What typed contents take at most beside the results: an element of one byte may become a varint of ten.
constexpr int64_t MaxContentsBytes(int64_t result_bytes) { return 10 * std::min(result_bytes, kMaxTypedBytes); }
grpc::ByteBuffer EncodeInferResponse(const InferRequest& request, const SelectedOutputs& outputs,
                                     const SharedResults& results);
grpc::ByteBuffer EncodeStreamInferResponse(const InferRequest& request, const SelectedOutputs& outputs,
                                           const SharedResults& results);

// inference.ModelStreamInferResponse of a request that failed, as far as it was parsed.
grpc::ByteBuffer EncodeStreamInferError(const InferRequest& request, const absl::Status& status);

}  // namespace treduce

#endif  // TREDUCE_SERVER_INFERENCE_WIRE_H_
