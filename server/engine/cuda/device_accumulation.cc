// Folding takes a small part of the time that uploading takes, so that it waits for the whole tensor.
#include "server/engine/cuda/device_accumulation.h"

#include <algorithm>
#include <new>
#include <utility>

#include "server/engine/values/cancellation.h"
#include "server/engine/values/errors.h"

namespace treduce::cuda {
namespace {

// Bytes between two looks at the cancellation flag.
constexpr size_t kStepBytes = 64 << 20;

}  // namespace

absl::StatusOr<std::unique_ptr<Accumulation>> DeviceAccumulation::Start(const Plan& plan, Device& device,
                                                                        const std::atomic<bool>* cancelled) {
  absl::StatusOr<DevicePlan> device_plan = DevicePlan::Make(plan, device.info().multiprocessors);
  if (!device_plan.ok()) return device_plan.status();
  absl::StatusOr<std::unique_ptr<Device::Lease>> lease =
      Device::Lease::Take(device, device_plan->workspace_byte_count() + static_cast<size_t>(plan.byte_count));
  if (!lease.ok()) return lease.status();
  return std::unique_ptr<Accumulation>(
      new DeviceAccumulation(plan, *std::move(device_plan), *std::move(lease), device, cancelled));
}

DeviceAccumulation::DeviceAccumulation(const Plan& plan, DevicePlan device_plan, std::unique_ptr<Device::Lease> lease,
                                       Device& device, const std::atomic<bool>* cancelled)
    : plan_(plan),
      device_plan_(std::move(device_plan)),
      lease_(std::move(lease)),
      device_(device),
      cancelled_(cancelled) {}

absl::Status DeviceAccumulation::Fail(absl::Status status) {
  status_ = std::move(status);
  lease_ = nullptr;
  return status_;
}

absl::Status DeviceAccumulation::Append(absl::Span<const std::byte> bytes) {
  if (!status_.ok()) return status_;
  if (static_cast<int64_t>(bytes.size()) > plan_.byte_count - byte_count_) {
    return Fail(SizeMismatch(plan_, "more arrived"));
  }
  while (!bytes.empty()) {
    if (IsRaised(cancelled_)) return Fail(absl::CancelledError("cancelled"));
    const size_t now = std::min(bytes.size(), kStepBytes);
    const size_t at = device_plan_.workspace_byte_count() + static_cast<size_t>(byte_count_);
    if (absl::Status uploaded = lease_->Upload(at, bytes.data(), now); !uploaded.ok()) return Fail(std::move(uploaded));
    byte_count_ += static_cast<int64_t>(now);
    bytes.remove_prefix(now);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ReductionResult>> DeviceAccumulation::Reduce() {
  std::vector<ReductionResult> results;
  for (const PlannedReduction& reduction : plan_.reductions) {
    ReductionResult& result = results.emplace_back();
    for (const OutputSpec& spec : reduction.outputs) {
      result.outputs.emplace_back(Tensor{spec.dtype, spec.shape, {}}).data.resize(static_cast<size_t>(spec.byte_count));
    }
  }
  // Which this thread may not have used yet: the tensor may have arrived on another.
  if (absl::Status used = device_.Use(); !used.ok()) return used;
  std::byte* memory = lease_->memory();
  const Error error = device_plan_.Launch(memory + device_plan_.workspace_byte_count(), memory, lease_->stream());
  if (absl::Status launched = device_.ToStatus(error, "launching a kernel"); !launched.ok()) return launched;
  for (size_t i = 0; i < results.size(); ++i) {
    for (size_t k = 0; k < results[i].outputs.size(); ++k) {
      std::vector<std::byte>& data = results[i].outputs[k].data;
      absl::Status copied = lease_->Download(device_plan_.outputs(i)[k], data.data(), data.size());
      if (copied.ok()) continue;
      static_cast<void>(lease_->Wait());  // for those before it, which go to `results`
      return copied;
    }
  }
  if (absl::Status done = lease_->Wait(); !done.ok()) return done;
  return results;
}

absl::StatusOr<std::vector<ReductionResult>> DeviceAccumulation::Finish() {
  if (!status_.ok()) return status_;
  if (byte_count_ != plan_.byte_count) return Fail(SizeMismatch(plan_, absl::StrCat(byte_count_, " arrived")));
  if (IsRaised(cancelled_)) return Fail(absl::CancelledError("cancelled"));
  try {
    absl::StatusOr<std::vector<ReductionResult>> results = Reduce();
    lease_ = nullptr;
    status_ = results.ok() ? absl::FailedPreconditionError("the accumulation is finished") : results.status();
    return results;
  } catch (const std::bad_alloc&) {
    return Fail(OutOfMemory());
  }
}

}  // namespace treduce::cuda
