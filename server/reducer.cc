// Takes requests on, moves them between threads, holds them against the limit of one message.
#include "server/reducer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "server/engine/values/errors.h"

namespace treduce {
namespace {

// Of those results whose size does not depend on the data.
int64_t KnownResultBytes(const Plan& plan) {
  int64_t byte_count = 0;
  for (const PlannedReduction& reduction : plan.reductions) {
    for (const OutputSpec& output : reduction.outputs) {
      if (!absl::c_linear_search(output.shape, kUnknownExtent)) byte_count += output.byte_count;
    }
  }
  return byte_count;
}

int64_t ByteCount(const std::vector<ReductionResult>& results) {
  int64_t byte_count = 0;
  for (const ReductionResult& result : results) {
    for (const Tensor& output : result.outputs) byte_count += static_cast<int64_t>(output.data.size());
  }
  return byte_count;
}

}  // namespace

absl::StatusOr<Execution> Reducer::Admit(const rpc::Call& call) {
  Execution execution(engine_, call);
  if (absl::Status status = execution.Admit(admission_); !status.ok()) return status;
  return execution;
}

absl::Status Reducer::StartUnary(const ReductionSpec& spec, int64_t message_bytes, Execution& execution) const {
  absl::StatusOr<Plan> plan = MakePlan(spec);
  if (!plan.ok()) return plan.status();
  absl::Status status = CheckUnary("data", "tensors", plan->byte_count);
  status.Update(CheckUnary("reductions", "results", KnownResultBytes(*plan)));
  if (!status.ok()) return status;
  return execution.Start(*std::move(plan), spec.device, message_bytes);
}

absl::Status Reducer::StartStream(const ReductionSpec& spec, Execution& execution) const {
  absl::StatusOr<Plan> plan = MakePlan(spec);
  if (!plan.ok()) return plan.status();
  // One chunk is folded while the next one arrives.
  const int64_t message_bytes = std::min(plan->byte_count, 2 * max_unary_bytes_);
  return execution.Start(*std::move(plan), spec.device, message_bytes);
}

std::vector<DeviceDescription> Reducer::devices() const {
  std::vector<DeviceDescription> devices;
  for (const std::unique_ptr<Backend>& backend : engine_.backends()) {
    devices.push_back({std::string(backend->name()), std::string(backend->description()), backend->memory_bytes(),
                       backend->health().ok()});
  }
  return devices;
}

rpc::Task Reducer::Fold(Execution::Slices payload, Execution& execution) {
  while (!payload.empty()) {
    if (execution.TakesLong(payload)) co_await workers_.Schedule();
    if (absl::Status status = execution.Fold(payload); !status.ok()) co_return status;
  }
  co_return absl::OkStatus();
}

rpc::Task Reducer::ReduceUnary(Execution::Slices payload, Execution& execution, SharedResults& results) {
  for (;;) {
    absl::Status status = co_await Fold(payload, execution);
    if (status.ok()) status = co_await FinishUnary(execution, results);
    if (status.ok() || !execution.FallBack(status)) co_return status;
  }
}

rpc::Task Reducer::Finish(Execution& execution, SharedResults& results) {
  if (execution.TakesLong()) co_await workers_.Schedule();
  absl::StatusOr<SharedResults> finished = execution.Finish();
  if (!finished.ok()) co_return finished.status();
  results = *std::move(finished);
  co_return absl::OkStatus();
}

rpc::Task Reducer::FinishUnary(Execution& execution, SharedResults& results) {
  if (absl::Status status = co_await Finish(execution, results); !status.ok()) co_return status;
  co_return CheckUnary("reductions", "results", ByteCount(*results));
}

absl::Status Reducer::CheckUnary(std::string_view field, std::string_view what, int64_t byte_count) const {
  if (byte_count <= max_unary_bytes_) return absl::OkStatus();
  return Error(absl::StatusCode::kResourceExhausted,
               {"UNARY_TOO_LARGE", std::string(field), absl::StrCat(max_unary_bytes_)},
               absl::StrCat(std::string(what), " of ", byte_count, " bytes are more than the ", max_unary_bytes_,
                            " that fit into one message; ReduceStream of treduce.v1 has no such limit"));
}

}  // namespace treduce
