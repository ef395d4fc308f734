// ModelInfer is the walk of a unary request (server/README.md) in the protocol's terms.
#include "server/inference/service.h"

#include <optional>
#include <string_view>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "server/engine/values/errors.h"
#include "server/inference/contents.h"
#include "server/wire_format.h"

namespace treduce {
namespace {

// Of names. These requests are outside of admission.
constexpr size_t kMaxRequestBytes = 4096;

// Triton's names of its extensions.
constexpr const char* kExtensions[] = {"binary_tensor_data", "model_configuration", "model_repository", "parameters",
                                       "statistics"};

// Contents of more bytes take long to decode.
constexpr int64_t kLongContents = 32 << 10;

// Where the protocol has what the engine calls `field`.
std::string ProtocolField(absl::string_view field, bool typed) {
  if (field == "dtype" || field == "shape") return absl::StrCat("inputs[0].", field == "dtype" ? "datatype" : "shape");
  if (field == "data") return typed ? "inputs[0].contents" : "raw_input_contents[0]";
  if (field == "device") return "parameters.device";
  if (field == "reductions" || field == "reductions[0]") return "outputs";
  if (absl::ConsumePrefix(&field, "reductions[0].")) {
    return absl::StrCat("parameters.", field.substr(field.rfind('.') == field.npos ? 0 : field.rfind('.') + 1));
  }
  return std::string(field);
}

// An error of the engine with the field that the request has.
absl::Status InProtocolTerms(const absl::Status& status, bool typed) {
  std::optional<ErrorDetail> detail = DetailOf(status);
  if (!detail.has_value() || detail->field.empty()) return status;
  absl::string_view message = status.message();
  absl::ConsumePrefix(&message, absl::StrCat(detail->field, ": "));
  detail->field = ProtocolField(detail->field, typed);
  return Error(status.code(), *std::move(detail), std::string(message));
}

absl::Status Draining() { return absl::UnavailableError("the server drains"); }

rpc::Task FoldContents(const InferRequest& request, DType dtype, Reducer& reducer, Execution& execution) {
  int64_t byte_count = 0;
  for (const auto slice : request.contents) byte_count += static_cast<int64_t>(slice.size());
  if (byte_count > kLongContents) co_await reducer.OnWorker();
  ContentsReader reader(request.contents, dtype);
  for (;;) {
    const absl::StatusOr<absl::Span<const std::byte>> piece = reader.Next();
    if (!piece.ok()) co_return piece.status();
    if (piece->empty()) co_return absl::OkStatus();
    if (absl::Status status = co_await reducer.Fold({&*piece, 1}, execution); !status.ok()) co_return status;
  }
}

}  // namespace

std::unique_ptr<rpc::Service> InferenceService::MakeRpcService() {
  using Self = InferenceService;
  std::vector<rpc::Method> methods = {
      {"ServerLive", Answering(&Self::ServerLive)},
      {"ServerReady", Answering(&Self::ServerReady)},
      {"ModelReady", Answering(&Self::ModelReady)},
      {"ServerMetadata", Answering(&Self::ServerMetadata)},
      {"ModelMetadata", Answering(&Self::ModelMetadata)},
      {"ModelConfig", Answering(&Self::ModelConfig)},
      {"ModelStatistics", Answering(&Self::ModelStatistics)},
      {"RepositoryIndex", Answering(&Self::RepositoryIndex)},
      {"ModelInfer", [this](rpc::Call& call) { return ModelInfer(call); }},
      {"ModelStreamInfer", [this](rpc::Call& call) { return ModelStreamInfer(call); }},
  };
  for (rpc::Method& method : methods) method.name = absl::StrCat("/inference.GRPCInferenceService/", method.name);
  return std::make_unique<rpc::Service>(std::move(methods));
}

rpc::Task InferenceService::ModelInfer(rpc::Call& call) {
  absl::StatusOr<Execution> execution = reducer_.Admit(call);
  if (!execution.ok()) co_return execution.status();
  grpc::ByteBuffer message;
  if (!co_await call.Read(message)) co_return MissingMessage("");
  InferRequest request;
  Answer answer;
  absl::Status status = co_await Infer(message, *execution, request, answer);
  if (!status.ok()) co_return status;
  call.WriteLast(EncodeInferResponse(request, answer.outputs, answer.results));
  co_return absl::OkStatus();
}

rpc::Task InferenceService::ModelStreamInfer(rpc::Call& call) {
  for (;;) {
    // The place is taken before the message is read, and given back with the answer.
    absl::StatusOr<Execution> execution = reducer_.Admit(call);
    if (!execution.ok()) co_return execution.status();
    grpc::ByteBuffer message;
    if (!StartWaiting(call)) co_return Draining();
    const bool received = co_await call.Read(message);
    if (!StopWaiting(call)) co_return Draining();
    if (!received) co_return absl::OkStatus();
    execution->RestartClock();
    InferRequest request;
    Answer answer;
    const absl::Status status = co_await Infer(message, *execution, request, answer);
    const grpc::ByteBuffer response = status.ok() ? EncodeStreamInferResponse(request, answer.outputs, answer.results)
                                                  : EncodeStreamInferError(request, status);
    message.Clear();  // the client may be slow to read
    if (!co_await call.Write(response)) co_return absl::CancelledError();
  }
}

void InferenceService::EndStreams() {
  const std::lock_guard lock(mutex_);
  streams_end_ = true;
  for (rpc::Call* call : waiting_) call->End(Draining());
  waiting_.clear();
}

bool InferenceService::StartWaiting(rpc::Call& call) {
  const std::lock_guard lock(mutex_);
  if (!streams_end_) waiting_.insert(&call);
  return !streams_end_;
}

bool InferenceService::StopWaiting(rpc::Call& call) {
  const std::lock_guard lock(mutex_);
  return waiting_.erase(&call) > 0;
}

rpc::Task InferenceService::Infer(const grpc::ByteBuffer& message, Execution& execution, InferRequest& request,
                                  Answer& answer) {
  absl::Status status = ParseInferRequest(message, request);
  const absl::StatusOr<const OpInfo*> model = FindModel(request.fields.model_name(), request.fields.model_version());
  status.Update(model.status());
  if (status.ok()) status = co_await Infer(**model, request, message.Length(), execution, answer);
  if (status.ok()) {
    statistics_.AddSuccess(**model, absl::Now(), execution.age(), execution.info());
    co_return status;
  }
  if (model.ok()) statistics_.AddFailure(**model, execution.age());
  co_return InProtocolTerms(status, request.has_contents);
}

rpc::Task InferenceService::Infer(const OpInfo& model, const InferRequest& request, int64_t message_bytes,
                                  Execution& execution, Answer& answer) {
  const absl::StatusOr<ReductionSpec> spec = SpecOf(model, request.fields);
  if (!spec.ok()) co_return spec.status();
  absl::StatusOr<SelectedOutputs> outputs = SelectOutputs(model, spec->reductions.front(), request.fields);
  if (!outputs.ok()) co_return outputs.status();
  answer.outputs = *std::move(outputs);
  absl::Status status = reducer_.StartUnary(*spec, message_bytes, execution);
  if (!status.ok()) co_return status;
  if (!request.has_contents) co_return co_await reducer_.ReduceUnary(request.raw, execution, answer.results);
  status = execution.ChargeCopies(MaxContentsBytes(execution.result_bytes()));
  if (!status.ok()) co_return status;
  for (;;) {
    status = co_await FoldContents(request, spec->dtype, reducer_, execution);
    if (status.ok()) status = co_await reducer_.FinishUnary(execution, answer.results);
    if (status.ok() || !execution.FallBack(status)) co_return status;
  }
}

absl::StatusOr<inference::ServerLiveResponse> InferenceService::ServerLive(const inference::ServerLiveRequest&) const {
  inference::ServerLiveResponse response;
  response.set_live(true);
  return response;
}

absl::StatusOr<inference::ServerReadyResponse> InferenceService::ServerReady(
    const inference::ServerReadyRequest&) const {
  inference::ServerReadyResponse response;
  response.set_ready(health_.serving());
  return response;
}

absl::StatusOr<inference::ModelReadyResponse> InferenceService::ModelReady(
    const inference::ModelReadyRequest& request) const {
  inference::ModelReadyResponse response;
  response.set_ready(health_.serving() && FindModel(request.name(), request.version()).ok());
  return response;
}

absl::StatusOr<inference::ServerMetadataResponse> InferenceService::ServerMetadata(
    const inference::ServerMetadataRequest&) const {
  inference::ServerMetadataResponse response;
  response.set_name("treduce");
  response.set_version(version_);
  for (const char* extension : kExtensions) response.add_extensions(extension);
  return response;
}

absl::StatusOr<inference::ModelMetadataResponse> InferenceService::ModelMetadata(
    const inference::ModelMetadataRequest& request) const {
  const absl::StatusOr<const OpInfo*> model = FindModel(request.name(), request.version());
  if (!model.ok()) return model.status();
  return MetadataOf(**model);
}

absl::StatusOr<inference::ModelConfigResponse> InferenceService::ModelConfig(
    const inference::ModelConfigRequest& request) const {
  const absl::StatusOr<const OpInfo*> model = FindModel(request.name(), request.version());
  if (!model.ok()) return model.status();
  inference::ModelConfigResponse response;
  *response.mutable_config() = ConfigOf(**model);
  return response;
}

absl::StatusOr<inference::ModelStatisticsResponse> InferenceService::ModelStatistics(
    const inference::ModelStatisticsRequest& request) const {
  inference::ModelStatisticsResponse response;
  if (request.name().empty()) {
    for (const OpInfo& model : AllOps()) *response.add_model_stats() = statistics_.Of(model);
    return response;
  }
  const absl::StatusOr<const OpInfo*> model = FindModel(request.name(), request.version());
  if (!model.ok()) return model.status();
  *response.add_model_stats() = statistics_.Of(**model);
  return response;
}

absl::StatusOr<inference::RepositoryIndexResponse> InferenceService::RepositoryIndex(
    const inference::RepositoryIndexRequest& request) const {
  inference::RepositoryIndexResponse response;
  const bool ready = health_.serving();
  if (!request.repository_name().empty() || (request.ready() && !ready)) return response;
  for (const OpInfo& model : AllOps()) {
    inference::RepositoryIndexResponse::ModelIndex& index = *response.add_models();
    index.set_name(std::string(model.name));
    index.set_version(kModelVersion);
    index.set_state(ready ? "READY" : "UNAVAILABLE");
    if (!ready) index.set_reason("the server drains");
  }
  return response;
}

template <class Request, class Response>
rpc::Handler InferenceService::Answering(absl::StatusOr<Response> (InferenceService::*answer)(const Request&)
                                             const) const {
  return [this, answer](rpc::Call& call) -> rpc::Task {
    // A coroutine keeps its parameters, but not what a lambda has captured.
    return [](const InferenceService* service, auto answer, rpc::Call& call) -> rpc::Task {
      grpc::ByteBuffer message;
      if (!co_await call.Read(message)) co_return MissingMessage("");
      Request request;
      if (message.Length() > kMaxRequestBytes || !Parse(message, request)) co_return Malformed("");
      const absl::StatusOr<Response> response = (service->*answer)(request);
      if (!response.ok()) co_return response.status();
      call.WriteLast(Serialize(*response));
      co_return absl::OkStatus();
    }(this, answer, call);
  };
}

}  // namespace treduce
