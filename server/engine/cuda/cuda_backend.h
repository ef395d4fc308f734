// CUDA devices as backends.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_CUDA_BACKEND_H_
#define TREDUCE_SERVER_ENGINE_CUDA_CUDA_BACKEND_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>

#include "server/engine/backend.h"
#include "server/engine/cuda/device.h"

namespace treduce::cuda {

class CudaBackend : public Backend {
 public:
  // The device `ordinal`, whose rate of uploading is measured. UNAVAILABLE as Device::Open.
  static absl::StatusOr<std::unique_ptr<Backend>> Open(int ordinal, size_t memory_limit);

  std::string_view name() const override { return name_; }
  std::string_view description() const override { return device_->info().name; }
  int64_t memory_bytes() const override { return static_cast<int64_t>(device_->memory_limit()); }
  absl::Status health() const override { return device_->health(); }
  absl::Duration Estimate(const Plan& plan) const override;
  int64_t HostByteCount(const Plan& plan) const override;
  absl::StatusOr<std::unique_ptr<Accumulation>> Start(Plan plan, const std::atomic<bool>* cancelled) override;

 private:
  explicit CudaBackend(std::unique_ptr<Device> device);

  const std::unique_ptr<Device> device_;
  const std::string name_;
  double upload_bytes_per_second_ = 0;
};

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_CUDA_BACKEND_H_
