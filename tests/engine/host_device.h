// Devices for tests of machines without one.
#ifndef TREDUCE_TESTS_ENGINE_HOST_DEVICE_H_
#define TREDUCE_TESTS_ENGINE_HOST_DEVICE_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "server/engine/backend.h"
#include "server/engine/cuda/cuda_backend.h"

namespace treduce {

// A CUDA device of the host, which claims to be as fast as it is told.
class HostDevice : public Backend {
 public:
  HostDevice(absl::Duration time, size_t memory_limit, std::string name)
      : device_(*cuda::CudaBackend::Open(0, memory_limit)), time_(time), name_(std::move(name)) {}

  std::string_view name() const override { return name_; }
  std::string_view description() const override { return device_->description(); }
  int64_t memory_bytes() const override { return device_->memory_bytes(); }
  absl::Status health() const override { return device_->health(); }
  absl::Duration Estimate(const Plan& plan) const override {
    return device_->Estimate(plan) == absl::InfiniteDuration() ? absl::InfiniteDuration() : time_;
  }
  int64_t HostByteCount(const Plan& plan) const override { return device_->HostByteCount(plan); }
  absl::StatusOr<std::unique_ptr<Accumulation>> Start(Plan plan, const std::atomic<bool>* cancelled) override {
    return device_->Start(std::move(plan), cancelled);
  }

 private:
  const std::unique_ptr<Backend> device_;
  const absl::Duration time_;
  const std::string name_;
};

}  // namespace treduce

#endif  // TREDUCE_TESTS_ENGINE_HOST_DEVICE_H_
