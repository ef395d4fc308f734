// Check answers at once; Watch answers again each time the state changes.
#include "server/health_service.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "grpc/health/v1/health.pb.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/wire_format.h"

namespace treduce {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

// Of a name. Requests are outside of admission, and Watch holds on to them.
constexpr size_t kMaxRequestBytes = 4096;

// Whether the server has a service of this name.
bool IsKnown(const std::string& service) {
  return service.empty() || service == "treduce.v1.ReductionService" || service == "inference.GRPCInferenceService";
}

// The service asked for; nullopt for bytes that are not a request.
std::optional<std::string> ParseService(const grpc::ByteBuffer& message) {
  HealthCheckRequest request;
  if (message.Length() > kMaxRequestBytes || !Parse(message, request)) return std::nullopt;
  return request.service();
}

absl::Status NotARequest() { return absl::InvalidArgumentError("the call needs one HealthCheckRequest"); }

grpc::ByteBuffer Encode(HealthCheckResponse::ServingStatus status) {
  HealthCheckResponse response;
  response.set_status(status);
  return Serialize(response);
}

HealthCheckResponse::ServingStatus ToProto(HealthService::State state) {
  return state == HealthService::State::kServing ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
}

}  // namespace

std::unique_ptr<rpc::Service> HealthService::MakeRpcService() {
  return std::make_unique<rpc::Service>(std::vector<rpc::Method>{
      {"/grpc.health.v1.Health/Check", [this](rpc::Call& call) { return Check(call); }},
      {"/grpc.health.v1.Health/Watch", [this](rpc::Call& call) { return Watch(call); }},
  });
}

void HealthService::SetState(State state) {
  const std::lock_guard lock(mutex_);
  state_ = state;
  for (rpc::Call* call : waiting_) call->Wake();
}

rpc::Task HealthService::Check(rpc::Call& call) {
  grpc::ByteBuffer message;
  if (!co_await call.Read(message)) co_return NotARequest();
  const std::optional<std::string> service = ParseService(message);
  if (!service.has_value()) co_return NotARequest();
  if (!IsKnown(*service))
    co_return absl::NotFoundError(absl::StrCat("the server has no service \"", service->substr(0, 100), "\""));
  call.WriteLast(Encode(ToProto(state())));
  co_return absl::OkStatus();
}

rpc::Task HealthService::Watch(rpc::Call& call) {
  grpc::ByteBuffer message;
  if (!co_await call.Read(message)) co_return NotARequest();
  const std::optional<std::string> service = ParseService(message);
  if (!service.has_value()) co_return NotARequest();
  for (;;) {
    const State seen = state();
    const grpc::ByteBuffer answer = Encode(IsKnown(*service) ? ToProto(seen) : HealthCheckResponse::SERVICE_UNKNOWN);
    if (!co_await call.Write(answer)) co_return absl::CancelledError();
    if (seen == State::kStopped) co_return absl::UnavailableError("the server shuts down");
    if (rpc::Event* changed = StartWaiting(call, seen); changed != nullptr) {
      co_await *changed;
      StopWaiting(call);
    }
  }
}

HealthService::State HealthService::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

rpc::Event* HealthService::StartWaiting(rpc::Call& call, State seen) {
  const std::lock_guard lock(mutex_);
  if (state_ != seen) return nullptr;
  waiting_.insert(&call);
  return &call.Pause();
}

void HealthService::StopWaiting(rpc::Call& call) {
  const std::lock_guard lock(mutex_);
  waiting_.erase(&call);
}

}  // namespace treduce
