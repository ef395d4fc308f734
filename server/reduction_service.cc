// The RPCs as straight-line coroutines: admit, parse, plan, fold what arrives, answer.
#include "server/reduction_service.h"

#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "server/engine/values/errors.h"
#include "server/status.h"

namespace treduce {
namespace {

// The bytes of a stream are gone when a device fails, so that the client has to send them again; the CPU would do.
absl::Status ForStream(const absl::Status& status, const Execution& execution) {
  return execution.MayFallBack(status) ? WithRetryDelay(status, absl::ZeroDuration()) : status;
}

}  // namespace

std::unique_ptr<rpc::Service> ReductionService::MakeRpcService() {
  return std::make_unique<rpc::Service>(std::vector<rpc::Method>{
      {"/treduce.v1.ReductionService/Reduce", [this](rpc::Call& call) { return Reduce(call); }},
      {"/treduce.v1.ReductionService/ReduceStream", [this](rpc::Call& call) { return ReduceStream(call); }},
      {"/treduce.v1.ReductionService/DescribeServer", [this](rpc::Call& call) { return DescribeServer(call); }},
  });
}

rpc::Task ReductionService::Reduce(rpc::Call& call) {
  absl::StatusOr<Execution> execution = reducer_.Admit(call);
  if (!execution.ok()) co_return execution.status();

  grpc::ByteBuffer message;
  if (!co_await call.Read(message)) co_return MissingMessage("spec");
  const absl::StatusOr<ReduceMessage> request = ParseReduceRequest(message);
  if (!request.ok()) co_return request.status();
  absl::Status status = reducer_.StartUnary(request->spec, message.Length(), *execution);
  if (!status.ok()) co_return status;

  SharedResults results;
  status = co_await reducer_.ReduceUnary(request->data, *execution, results);
  if (!status.ok()) co_return status;
  call.WriteLast(EncodeReduceResponse(results, execution->info()));
  co_return absl::OkStatus();
}

rpc::Task ReductionService::ReduceStream(rpc::Call& call) {
  absl::StatusOr<Execution> execution = reducer_.Admit(call);
  if (!execution.ok()) co_return execution.status();

  grpc::ByteBuffer message;
  if (!co_await call.Read(message)) co_return MissingMessage("spec");
  const absl::StatusOr<StreamMessage> first = ParseReduceStreamRequest(message);
  if (!first.ok()) co_return first.status();
  const auto* spec = std::get_if<ReductionSpec>(&*first);
  if (spec == nullptr) co_return InvalidField("SPEC_EXPECTED", "spec", "the first message must hold it");
  absl::Status status = reducer_.StartStream(*spec, *execution);
  if (!status.ok()) co_return status;
  message.Clear();  // nothing is held while nothing arrives

  while (co_await call.Read(message)) {
    call.Prefetch();
    const absl::StatusOr<StreamMessage> next = ParseReduceStreamRequest(message);
    if (!next.ok()) co_return next.status();
    const auto* chunk = std::get_if<Payload>(&*next);
    if (chunk == nullptr) co_return InvalidField("CHUNK_EXPECTED", "chunk", "only the first message holds a spec");
    status = co_await reducer_.Fold(*chunk, *execution);
    if (!status.ok()) co_return ForStream(status, *execution);
    message.Clear();
  }

  SharedResults results;
  status = co_await reducer_.Finish(*execution, results);
  if (!status.ok()) co_return ForStream(status, *execution);
  const grpc::ByteBuffer header = EncodeResultHeader(*results);
  if (!co_await call.Write(header)) co_return absl::CancelledError();
  for (const grpc::ByteBuffer& chunk : EncodeResultChunks(results)) {
    if (!co_await call.Write(chunk)) co_return absl::CancelledError();
  }
  call.WriteLast(EncodeExecutionInfo(execution->info()));
  co_return absl::OkStatus();
}

rpc::Task ReductionService::DescribeServer(rpc::Call& call) {
  call.WriteLast(EncodeDescription(description_, reducer_.devices()));
  co_return absl::OkStatus();
}

}  // namespace treduce
