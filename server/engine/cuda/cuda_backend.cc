// What a device costs is the way there, and selections: folding is faster than any upload.
#include "server/engine/cuda/cuda_backend.h"

#include <chrono>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/engine/cuda/device_accumulation.h"
#include "server/engine/cuda/device_plan.h"

namespace treduce::cuda {
namespace {

// Of a request, whatever its size: memory, launches, the way back.
constexpr absl::Duration kFixedCost = absl::Microseconds(60);

// A third of what an H200's memory gives to a copy: predicted, since counting waits for shared memory.
constexpr double kSelectionBytesPerSecond = 1e12;

// Uploaded to measure the rate: more than the slots of an upload, so that it waits for the device.
constexpr size_t kTrialBytes = 64 << 20;

absl::StatusOr<double> MeasureUpload(Device& device) {
  const std::vector<std::byte> bytes(kTrialBytes);
  absl::StatusOr<std::unique_ptr<Device::Lease>> lease = Device::Lease::Take(device, bytes.size());
  if (!lease.ok()) return lease.status();
  double seconds = 0;
  for (int i = 0; i < 2; ++i) {  // the first time makes the slots
    const auto start = std::chrono::steady_clock::now();
    absl::Status status = (*lease)->Upload(0, bytes.data(), bytes.size());
    if (status.ok()) status = (*lease)->Wait();
    if (!status.ok()) return status;
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  return static_cast<double>(bytes.size()) / seconds;
}

// Fails where the kernels were compiled for other devices.
absl::Status TryKernel(Device& device) {
  absl::StatusOr<Plan> plan = MakePlan({DType::kInt32, {2}, {{.op = Op::kSum}}});
  if (!plan.ok()) return plan.status();
  const auto accumulation = DeviceAccumulation::Start(*plan, device, nullptr);
  if (!accumulation.ok()) return accumulation.status();
  const std::vector<std::byte> bytes(static_cast<size_t>(plan->byte_count));
  if (absl::Status appended = (*accumulation)->Append(bytes); !appended.ok()) return appended;
  return (*accumulation)->Finish().status();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Backend>> CudaBackend::Open(int ordinal, size_t memory_limit) {
  absl::StatusOr<std::unique_ptr<Device>> device = Device::Open(ordinal, memory_limit);
  if (!device.ok()) return device.status();
  if (absl::Status tried = TryKernel(**device); !tried.ok()) return absl::UnavailableError(tried.message());
  const absl::StatusOr<double> rate = MeasureUpload(**device);
  if (!rate.ok()) return absl::UnavailableError(rate.status().message());
  std::unique_ptr<CudaBackend> backend(new CudaBackend(*std::move(device)));
  backend->upload_bytes_per_second_ = *rate;
  return backend;
}

CudaBackend::CudaBackend(std::unique_ptr<Device> device)
    : device_(std::move(device)), name_(absl::StrCat("cuda:", device_->ordinal())) {}

absl::Duration CudaBackend::Estimate(const Plan& plan) const {
  const absl::StatusOr<DevicePlan> device_plan = DevicePlan::Make(plan, device_->info().multiprocessors);
  if (!device_plan.ok()) return absl::InfiniteDuration();
  const auto bytes = static_cast<double>(plan.byte_count) + static_cast<double>(plan.result_byte_count);
  return kFixedCost +
         absl::Seconds(bytes / upload_bytes_per_second_ + device_plan->SelectionTraffic() / kSelectionBytesPerSecond);
}

int64_t CudaBackend::HostByteCount(const Plan& plan) const {
  const auto staging = static_cast<int64_t>(Device::StagingByteCount(static_cast<size_t>(plan.byte_count)));
  int64_t byte_count;
  const bool is_over = __builtin_add_overflow(plan.result_byte_count, staging, &byte_count);
  return is_over ? std::numeric_limits<int64_t>::max() : byte_count;
}

absl::StatusOr<std::unique_ptr<Accumulation>> CudaBackend::Start(Plan plan, const std::atomic<bool>* cancelled) {
  return DeviceAccumulation::Start(plan, *device_, cancelled);
}

}  // namespace treduce::cuda
