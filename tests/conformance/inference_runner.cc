// A server by the Open Inference Protocol, as clients of KServe and Triton ask it: with raw contents, and with typed
// ones.
#include <chrono>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "grpcpp/grpcpp.h"
#include "inference/grpc_service.grpc.pb.h"
#include "server/engine/plan/op_registry.h"
#include "server/inference/contents.h"
#include "server/inference/datatypes.h"
#include "tests/conformance/runner.h"

namespace treduce::conformance {
namespace {

using inference::InferTensorContents;
using inference::ModelInferRequest;
using inference::ModelInferResponse;

constexpr std::chrono::seconds kTimeout{60};

void SetParameters(const Reduction& reduction, google::protobuf::Map<std::string, inference::InferParameter>& to) {
  if (!reduction.dim.empty()) to["dim"].set_string_param(absl::StrJoin(reduction.dim, ","));
  if (reduction.keepdim) to["keepdim"].set_bool_param(true);
  if (reduction.dtype) to["dtype"].set_string_param(std::string(DatatypeOf(*reduction.dtype)));
  if (const auto* variance = std::get_if<VarianceOptions>(&reduction.options)) {
    to["correction"].set_double_param(variance->correction);
  } else if (const auto* norm = std::get_if<NormOptions>(&reduction.options)) {
    to["ord"].set_double_param(norm->ord);
  } else if (const auto* quantile = std::get_if<QuantileOptions>(&reduction.options)) {
    to["interpolation"].set_string_param(std::string(Name(quantile->interpolation)));
    if (quantile->q.is_list()) {
      const auto format = [](std::string* out, double q) { absl::StrAppendFormat(out, "%.17g", q); };
      to["q"].set_string_param(absl::StrCat("[", absl::StrJoin(quantile->q.values(), ", ", format), "]"));
    } else {
      to["q"].set_double_param(quantile->q.values()[0]);
    }
  }
}

template <class T, class Elements>
std::vector<std::byte> Bytes(const Elements& elements) {
  std::vector<std::byte> bytes(elements.size() * sizeof(T));
  for (int i = 0; i < elements.size(); ++i) {
    const T element = static_cast<T>(elements[i]);
    std::memcpy(bytes.data() + i * sizeof(T), &element, sizeof(T));
  }
  return bytes;
}

// The inverse of SetContents.
std::vector<std::byte> BytesOf(const InferTensorContents& contents, DType dtype) {
  switch (dtype) {
    case DType::kBool:
      return Bytes<bool>(contents.bool_contents());
    case DType::kInt8:
      return Bytes<int8_t>(contents.int_contents());
    case DType::kInt16:
      return Bytes<int16_t>(contents.int_contents());
    case DType::kInt32:
      return Bytes<int32_t>(contents.int_contents());
    case DType::kInt64:
      return Bytes<int64_t>(contents.int64_contents());
    case DType::kUInt8:
      return Bytes<uint8_t>(contents.uint_contents());
    case DType::kUInt16:
      return Bytes<uint16_t>(contents.uint_contents());
    case DType::kUInt32:
      return Bytes<uint32_t>(contents.uint_contents());
    case DType::kUInt64:
      return Bytes<uint64_t>(contents.uint64_contents());
    case DType::kFloat32:
      return Bytes<float>(contents.fp32_contents());
    case DType::kFloat64:
      return Bytes<double>(contents.fp64_contents());
    default:
      return {};
  }
}

class InferenceRunner : public Runner {
 public:
  InferenceRunner(const std::shared_ptr<grpc::Channel>& channel, bool typed)
      : stub_(inference::GRPCInferenceService::NewStub(channel)), typed_(typed) {}

  std::string name() const override { return typed_ ? "inference, typed" : "inference, raw"; }

  bool Takes(const TensorView& tensor, const Reduction& reduction) const override {
    const bool has_datatypes = !IsComplex(tensor.dtype) && !(reduction.dtype && IsComplex(*reduction.dtype));
    return has_datatypes && (!typed_ || HasContents(tensor.dtype));
  }

  absl::StatusOr<std::vector<Tensor>> Reduce(const TensorView& tensor, const Reduction& reduction) override {
    ModelInferRequest request;
    request.set_model_name(std::string(FindOp(reduction.op)->name));
    SetParameters(reduction, *request.mutable_parameters());
    ModelInferRequest::InferInputTensor& input = *request.add_inputs();
    input.set_name("input");
    input.set_datatype(std::string(DatatypeOf(tensor.dtype)));
    input.mutable_shape()->Add(tensor.shape.begin(), tensor.shape.end());
    if (typed_) {
      SetContents({tensor.dtype, tensor.shape, {tensor.data.begin(), tensor.data.end()}}, *input.mutable_contents());
    } else {
      request.add_raw_input_contents(tensor.data.data(), tensor.data.size());
    }
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kTimeout);
    ModelInferResponse response;
    const grpc::Status status = stub_->ModelInfer(&context, request, &response);
    if (!status.ok()) return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
    return FromProto(response);
  }

 private:
  static absl::StatusOr<std::vector<Tensor>> FromProto(const ModelInferResponse& response) {
    std::vector<Tensor> outputs;
    for (int i = 0; i < response.outputs_size(); ++i) {
      const ModelInferResponse::InferOutputTensor& proto = response.outputs(i);
      const std::optional<DType> dtype = DTypeFromDatatype(proto.datatype());
      if (!dtype.has_value()) return absl::InternalError(absl::StrCat("an output of datatype ", proto.datatype()));
      Tensor& output = outputs.emplace_back(Tensor{*dtype, {proto.shape().begin(), proto.shape().end()}, {}});
      if (response.raw_output_contents().empty()) {
        output.data = BytesOf(proto.contents(), *dtype);
      } else if (i < response.raw_output_contents_size()) {
        const std::string& raw = response.raw_output_contents(i);
        const auto* data = reinterpret_cast<const std::byte*>(raw.data());
        output.data.assign(data, data + raw.size());
      }
    }
    return outputs;
  }

  const std::unique_ptr<inference::GRPCInferenceService::Stub> stub_;
  const bool typed_;
};

}  // namespace

std::vector<std::unique_ptr<Runner>> NewInferenceRunners(const std::string& address) {
  const auto channel = grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
  std::vector<std::unique_ptr<Runner>> runners;
  for (const bool typed : {false, true}) runners.push_back(std::make_unique<InferenceRunner>(channel, typed));
  return runners;
}

}  // namespace treduce::conformance
