// The CPU as a backend.
#ifndef TREDUCE_SERVER_ENGINE_CPU_CPU_BACKEND_H_
#define TREDUCE_SERVER_ENGINE_CPU_CPU_BACKEND_H_

#include <atomic>
#include <memory>
#include <string>

#include "server/engine/backend.h"
#include "server/engine/cpu/scratch_pool.h"
#include "server/engine/cpu/threads.h"

namespace treduce {

class CpuBackend : public Backend {
 public:
  // Threads of one large fold, as Threads takes them.
  explicit CpuBackend(int thread_count);

  std::string_view name() const override { return "cpu"; }
  std::string_view description() const override { return description_; }
  int64_t memory_bytes() const override { return 0; }
  absl::Status health() const override { return absl::OkStatus(); }
  absl::Duration Estimate(const Plan& plan) const override;
  int64_t HostByteCount(const Plan& plan) const override { return AccumulationByteCount(plan); }
  absl::StatusOr<std::unique_ptr<Accumulation>> Start(Plan plan, const std::atomic<bool>* cancelled) override;

  int thread_count() const { return threads_.count(); }

 private:
  const Threads threads_;
  ScratchPool scratches_;
  const std::string description_;
};

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_CPU_CPU_BACKEND_H_
