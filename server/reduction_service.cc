// The RPCs as straight-line coroutines: admit, parse, plan, fold what arrives, answer.
#include "server/reduction_service.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "server/engine/values/errors.h"

namespace treduce {
namespace {

absl::Status NoMessage(std::string_view field) {
  return InvalidField("MISSING_MESSAGE", field, "the call ended without a message");
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
  Execution execution(engine_, call);
  absl::Status status = execution.Admit(admission_);
  if (!status.ok()) co_return status;

  grpc::ByteBuffer message;
  if (!co_await call.Read(message)) co_return NoMessage("spec");
  const absl::StatusOr<ReduceMessage> request = ParseReduceRequest(message);
  if (!request.ok()) co_return request.status();
  absl::StatusOr<Plan> plan = MakePlan(request->spec);
  if (!plan.ok()) co_return plan.status();
  status = CheckUnary(*plan);
  if (!status.ok()) co_return status;
  status = execution.Start(*std::move(plan), message.Length());
  if (!status.ok()) co_return status;

  status = co_await Fold(execution, request->data);
  if (!status.ok()) co_return status;
  if (execution.TakesLong()) co_await workers_.Schedule();
  const absl::StatusOr<SharedResults> results = execution.Finish();
  if (!results.ok()) co_return results.status();
  status = CheckUnary(**results);
  if (!status.ok()) co_return status;
  call.WriteLast(EncodeReduceResponse(*results, execution.info()));
  co_return absl::OkStatus();
}

rpc::Task ReductionService::ReduceStream(rpc::Call& call) {
  Execution execution(engine_, call);
  absl::Status status = execution.Admit(admission_);
  if (!status.ok()) co_return status;

  grpc::ByteBuffer message;
  if (!co_await call.Read(message)) co_return NoMessage("spec");
  const absl::StatusOr<StreamMessage> first = ParseReduceStreamRequest(message);
  if (!first.ok()) co_return first.status();
  const auto* spec = std::get_if<ReductionSpec>(&*first);
  if (spec == nullptr) co_return InvalidField("SPEC_EXPECTED", "spec", "the first message must hold it");
  absl::StatusOr<Plan> plan = MakePlan(*spec);
  if (!plan.ok()) co_return plan.status();
  // One chunk is folded while the next one arrives.
  const int64_t message_bytes = std::min(plan->byte_count, 2 * description_.max_unary_bytes);
  status = execution.Start(*std::move(plan), message_bytes);
  if (!status.ok()) co_return status;
  message.Clear();  // nothing is held while nothing arrives

  while (co_await call.Read(message)) {
    call.Prefetch();
    const absl::StatusOr<StreamMessage> next = ParseReduceStreamRequest(message);
    if (!next.ok()) co_return next.status();
    const auto* chunk = std::get_if<Payload>(&*next);
    if (chunk == nullptr) co_return InvalidField("CHUNK_EXPECTED", "chunk", "only the first message holds a spec");
    status = co_await Fold(execution, *chunk);
    if (!status.ok()) co_return status;
    message.Clear();
  }

  if (execution.TakesLong()) co_await workers_.Schedule();
  const absl::StatusOr<SharedResults> results = execution.Finish();
  if (!results.ok()) co_return results.status();
  const grpc::ByteBuffer header = EncodeResultHeader(**results);
  if (!co_await call.Write(header)) co_return absl::CancelledError();
  for (const grpc::ByteBuffer& chunk : EncodeResultChunks(*results)) {
    if (!co_await call.Write(chunk)) co_return absl::CancelledError();
  }
  call.WriteLast(EncodeExecutionInfo(execution.info()));
  co_return absl::OkStatus();
}

rpc::Task ReductionService::DescribeServer(rpc::Call& call) {
  call.WriteLast(EncodeDescription(description_));
  co_return absl::OkStatus();
}

rpc::Task ReductionService::Fold(Execution& execution, const Payload& payload) {
  for (Execution::Slices rest = payload; !rest.empty();) {
    if (execution.TakesLong(rest)) co_await workers_.Schedule();
    if (absl::Status status = execution.Fold(rest); !status.ok()) co_return status;
  }
  co_return absl::OkStatus();
}

absl::Status ReductionService::CheckUnary(const Plan& plan) const {
  int64_t result_bytes = 0;  // of those whose size does not depend on the data
  for (const PlannedReduction& reduction : plan.reductions) {
    for (const OutputSpec& output : reduction.outputs) {
      if (!absl::c_linear_search(output.shape, kUnknownExtent)) result_bytes += output.byte_count;
    }
  }
  absl::Status status = CheckUnary("data", "tensors", plan.byte_count);
  status.Update(CheckUnary("reductions", "results", result_bytes));
  return status;
}

absl::Status ReductionService::CheckUnary(absl::Span<const ReductionResult> results) const {
  int64_t result_bytes = 0;
  for (const ReductionResult& result : results) {
    for (const Tensor& output : result.outputs) result_bytes += static_cast<int64_t>(output.data.size());
  }
  return CheckUnary("reductions", "results", result_bytes);
}

absl::Status ReductionService::CheckUnary(std::string_view field, std::string_view what, int64_t byte_count) const {
  if (byte_count <= description_.max_unary_bytes) return absl::OkStatus();
  return Error(absl::StatusCode::kResourceExhausted,
               {"UNARY_TOO_LARGE", std::string(field), absl::StrCat(description_.max_unary_bytes)},
               absl::StrCat(std::string(what), " of ", byte_count, " bytes are more than the ",
                            description_.max_unary_bytes, " that fit into one message; use ReduceStream"));
}

}  // namespace treduce
