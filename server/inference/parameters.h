// Options of ops as parameters of requests, which the protocol has for what is not a tensor.
#ifndef TREDUCE_SERVER_INFERENCE_PARAMETERS_H_
#define TREDUCE_SERVER_INFERENCE_PARAMETERS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/map.h"
#include "inference/grpc_service.pb.h"
#include "server/engine/plan/op_registry.h"
#include "server/engine/values/reduction.h"

namespace treduce {

// The parameters that a model takes: "dim", "keepdim", ..., "device".
std::vector<std::string_view> ParameterNames(const OpInfo& model);

// The reduction that parameters ask `model` for. Each has its natural type or is text of the same meaning, lists are
// text: "0,2", bools may be 0 or 1. INVALID_ARGUMENT naming the parameter for any other value, and for parameters that
// are neither the model's nor reserved by the protocol for clients and servers of its own.
absl::StatusOr<Reduction> ReductionOf(const OpInfo& model,
                                      const google::protobuf::Map<std::string, inference::InferParameter>& parameters);

// Where parameters ask for a request to be reduced; empty when they do not. INVALID_ARGUMENT for other than text.
absl::StatusOr<std::string> DeviceOf(const google::protobuf::Map<std::string, inference::InferParameter>& parameters);

}  // namespace treduce

#endif  // TREDUCE_SERVER_INFERENCE_PARAMETERS_H_
