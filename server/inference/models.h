// Ops as models: what the protocol can say of them, and the reductions that requests for them mean.
#ifndef TREDUCE_SERVER_INFERENCE_MODELS_H_
#define TREDUCE_SERVER_INFERENCE_MODELS_H_

#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "inference/grpc_service.pb.h"
#include "server/engine/plan/op_registry.h"
#include "server/engine/values/reduction.h"

namespace treduce {

// The version that all models have, and their one input.
inline constexpr char kModelVersion[] = "1";
inline constexpr char kInputName[] = "input";

// The op `name`; `version` is kModelVersion or empty. NOT_FOUND otherwise, in Triton's words.
absl::StatusOr<const OpInfo*> FindModel(std::string_view name, std::string_view version);

inference::ModelMetadataResponse MetadataOf(const OpInfo& model);
inference::ModelConfig ConfigOf(const OpInfo& model);

// What a request asks `model` for. INVALID_ARGUMENT, naming the field, for what is not about its one input or not
// known; what MakePlan looks at is left to it.
absl::StatusOr<ReductionSpec> SpecOf(const OpInfo& model, const inference::ModelInferRequest& request);

// One output of a response: the name, and the place among the outputs of the reduction.
struct SelectedOutput {
  std::string_view name;
  int index;
};
using SelectedOutputs = absl::InlinedVector<SelectedOutput, kMaxOutputs>;

// The outputs that a request asks for, each once, or all of them. INVALID_ARGUMENT for others than those of
// `reduction`.
absl::StatusOr<SelectedOutputs> SelectOutputs(const OpInfo& model, const Reduction& reduction,
                                              const inference::ModelInferRequest& request);

}  // namespace treduce

#endif  // TREDUCE_SERVER_INFERENCE_MODELS_H_
