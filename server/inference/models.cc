// Everything about models comes from the registry of ops.
#include "server/inference/models.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/engine/values/errors.h"
#include "server/inference/datatypes.h"
#include "server/inference/parameters.h"

namespace treduce {
namespace {

using inference::ModelInferRequest;

constexpr char kPlatform[] = "treduce";

// The protocol gives each tensor one datatype: that of outputs is what FP32 gives.
constexpr DType kShownDType = DType::kFloat32;

// Of any shape.
constexpr int64_t kShownShape[] = {-1};

struct Output {
  std::string_view name;
  DType dtype;
};

std::vector<Output> OutputsOf(const OpInfo& model) {
  const auto dtypes = model.output_dtypes(model.compute_dtype(kShownDType), /*cast=*/false);
  std::vector<Output> outputs;
  for (size_t i = 0; i < model.outputs.size(); ++i) outputs.push_back({model.outputs[i], dtypes[i]});
  return outputs;
}

std::vector<std::pair<std::string, std::string>> PropertiesOf(const OpInfo& model) {
  std::vector<std::string_view> datatypes;
  for (const DType dtype : kAllDTypes) {
    const std::string_view datatype = DatatypeOf(dtype);
    if (!datatype.empty() && (model.accepts(dtype) || model.accepts_cast(dtype))) datatypes.push_back(datatype);
  }
  return {{"summary", std::string(model.summary)},
          {"datatypes", absl::StrJoin(datatypes, ",", absl::StreamFormatter())},
          {"parameters", absl::StrJoin(ParameterNames(model), ",", absl::StreamFormatter())}};
}

// Whether a parameter of a tensor says what is so anyway: how it is sent, of what kind it is, that it is no
// classification.
bool IsNeutral(const std::string& name, const inference::InferParameter& value) {
  return name == "binary_data" || name == "binary_data_size" || name == "content_type" ||
         (name == "classification" && value.has_int64_param() && value.int64_param() == 0);
}

// Other parameters of tensors are of extensions that are not served.
template <class Parameters>
absl::Status CheckTensorParameters(const Parameters& parameters, const std::string& path) {
  for (const auto& [name, value] : parameters) {
    if (!IsNeutral(name, value)) {
      return InvalidField("UNKNOWN_PARAMETER", absl::StrCat(path, ".parameters.", name), "is not served");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<const OpInfo*> FindModel(std::string_view name, std::string_view version) {
  const OpInfo* model = FindOp(name);
  if (model != nullptr && (version.empty() || version == kModelVersion)) return model;
  const std::string which = absl::StrCat("'", std::string(name), "'", version.empty() ? "" : " version ",
                                         std::string(version), " is not found");
  return Error(absl::StatusCode::kNotFound, {model == nullptr ? "UNKNOWN_MODEL" : "UNKNOWN_MODEL_VERSION", "", ""},
               absl::StrCat("Request for unknown model: ", which, "; RepositoryIndex lists what there is"));
}

inference::ModelMetadataResponse MetadataOf(const OpInfo& model) {
  inference::ModelMetadataResponse metadata;
  metadata.set_name(std::string(model.name));
  metadata.add_versions(kModelVersion);
  metadata.set_platform(kPlatform);
  const auto describe = [](std::string_view name, DType dtype, auto& tensor) {
    tensor.set_name(std::string(name));
    tensor.set_datatype(std::string(DatatypeOf(dtype)));
    tensor.mutable_shape()->Assign(std::begin(kShownShape), std::end(kShownShape));
  };
  describe(kInputName, kShownDType, *metadata.add_inputs());
  for (const Output& output : OutputsOf(model)) describe(output.name, output.dtype, *metadata.add_outputs());
  for (const auto& [name, value] : PropertiesOf(model)) (*metadata.mutable_properties())[name] = value;
  return metadata;
}

inference::ModelConfig ConfigOf(const OpInfo& model) {
  inference::ModelConfig config;
  config.set_name(std::string(model.name));
  config.set_platform(kPlatform);
  config.set_backend(kPlatform);
  const auto describe = [](std::string_view name, DType dtype, auto& tensor) {
    tensor.set_name(std::string(name));
    tensor.set_data_type(ConfigTypeOf(dtype));
    tensor.mutable_dims()->Assign(std::begin(kShownShape), std::end(kShownShape));
  };
  describe(kInputName, kShownDType, *config.add_input());
  for (const Output& output : OutputsOf(model)) describe(output.name, output.dtype, *config.add_output());
  for (const auto& [name, value] : PropertiesOf(model)) (*config.mutable_parameters())[name].set_string_value(value);
  config.mutable_model_transaction_policy()->set_decoupled(false);
  return config;
}

absl::StatusOr<ReductionSpec> SpecOf(const OpInfo& model, const ModelInferRequest& request) {
  if (request.inputs_size() != 1) {
    return InvalidField("INPUT_COUNT", "inputs",
                        absl::StrCat("expected 1 input but got ", request.inputs_size(), " inputs for model '",
                                     std::string(model.name), "'"));
  }
  const ModelInferRequest::InferInputTensor& input = request.inputs(0);
  if (input.name() != kInputName) {
    return InvalidField("UNKNOWN_INPUT", "inputs[0].name",
                        absl::StrCat("unexpected inference input '", input.name(), "' for model '",
                                     std::string(model.name), "', allowed inputs are: ", kInputName));
  }
  if (absl::Status status = CheckTensorParameters(input.parameters(), "inputs[0]"); !status.ok()) return status;
  const std::optional<DType> dtype = DTypeFromDatatype(input.datatype());
  if (!dtype.has_value()) {
    return InvalidField("UNKNOWN_DTYPE", "inputs[0].datatype",
                        absl::StrCat("'", input.datatype(),
                                     "' is none of BOOL, UINT8 to UINT64, INT8 to INT64, FP16, BF16, FP32, FP64"));
  }
  absl::StatusOr<Reduction> reduction = ReductionOf(model, request.parameters());
  if (!reduction.ok()) return reduction.status();
  absl::StatusOr<std::string> device = DeviceOf(request.parameters());
  if (!device.ok()) return device.status();
  ReductionSpec spec = {.dtype = *dtype,
                        .shape = {input.shape().begin(), input.shape().end()},
                        .reductions = {},
                        .device = *std::move(device)};
  spec.reductions.push_back(*std::move(reduction));
  return spec;
}

absl::StatusOr<SelectedOutputs> SelectOutputs(const OpInfo& model, const Reduction& reduction,
                                              const ModelInferRequest& request) {
  auto names = OutputNames(model, reduction);
  // The values of `max` are "values" with dim or without, so that they have the name that its metadata gives.
  if (model.options != OptionsKind::kUnique) absl::c_copy_n(model.outputs, names.size(), names.begin());
  SelectedOutputs selected;
  if (request.outputs().empty()) {
    for (size_t i = 0; i < names.size(); ++i) selected.push_back({names[i], static_cast<int>(i)});
  }
  for (int i = 0; i < request.outputs_size(); ++i) {
    const std::string path = absl::StrCat("outputs[", i, "]");
    const ModelInferRequest::InferRequestedOutputTensor& output = request.outputs(i);
    if (absl::Status status = CheckTensorParameters(output.parameters(), path); !status.ok()) return status;
    const auto name = absl::c_find(names, output.name());
    if (name == names.end()) {
      return InvalidField("UNKNOWN_OUTPUT", path + ".name",
                          absl::StrCat("unexpected inference output '", output.name(), "' for model '",
                                       std::string(model.name), "' with these parameters, allowed outputs are: ",
                                       absl::StrJoin(names, ", ", absl::StreamFormatter())));
    }
    const bool again = absl::c_any_of(selected, [&](const SelectedOutput& other) { return other.name == *name; });
    if (!again) selected.push_back({*name, static_cast<int>(name - names.begin())});
  }
  return selected;
}

}  // namespace treduce
