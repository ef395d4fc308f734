// An accumulation on a CUDA device: the tensor is uploaded as it arrives, and reduced when it is there.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_DEVICE_ACCUMULATION_H_
#define TREDUCE_SERVER_ENGINE_CUDA_DEVICE_ACCUMULATION_H_

#include <atomic>
#include <memory>
#include <vector>

#include "server/engine/accumulation.h"
#include "server/engine/cuda/device.h"
#include "server/engine/cuda/device_plan.h"

namespace treduce::cuda {

class DeviceAccumulation : public Accumulation {
 public:
  // UNIMPLEMENTED as DevicePlan::Make, RESOURCE_EXHAUSTED when the tensor and what its reduction needs do not fit the
  // memory that is free, UNAVAILABLE when the device is lost. `device` and `cancelled` (which may be null) must outlive
  // it.
  static absl::StatusOr<std::unique_ptr<Accumulation>> Start(const Plan& plan, Device& device,
                                                             const std::atomic<bool>* cancelled);

  absl::Status Append(absl::Span<const std::byte> bytes) override;
  absl::StatusOr<std::vector<ReductionResult>> Finish() override;
  int64_t byte_count() const override { return byte_count_; }

 private:
  DeviceAccumulation(const Plan& plan, DevicePlan device_plan, std::unique_ptr<Device::Lease> lease, Device& device,
                     const std::atomic<bool>* cancelled);

  absl::StatusOr<std::vector<ReductionResult>> Reduce();
  absl::Status Fail(absl::Status status);

  const Plan plan_;
  const DevicePlan device_plan_;
  std::unique_ptr<Device::Lease> lease_;  // the workspace, and behind it the tensor
  Device& device_;
  const std::atomic<bool>* const cancelled_;
  absl::Status status_;
  int64_t byte_count_ = 0;
};

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_DEVICE_ACCUMULATION_H_
