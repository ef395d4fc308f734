// The facade: a plan, an accumulation on the CPU, its results.
#include "server/engine/engine.h"

#include <atomic>
#include <memory>
#include <utility>

#include "server/engine/cpu/cpu_accumulation.h"
#include "server/engine/cpu/scratch_pool.h"
#include "server/engine/cpu/threads.h"
#include "server/engine/fold/fold.h"

namespace treduce {

class Engine::Impl {
 public:
  explicit Impl(const EngineOptions& options) : threads(options.thread_count) {}

  const Threads threads;
  ScratchPool scratches;
};

Engine::Engine(EngineOptions options) : impl_(std::make_unique<Impl>(options)) {}

Engine::~Engine() = default;

std::unique_ptr<Accumulation> Engine::Start(Plan plan, const std::atomic<bool>* cancelled) {
  return std::make_unique<CpuAccumulation>(std::move(plan), impl_->threads, impl_->scratches, cancelled);
}

absl::StatusOr<std::vector<ReductionResult>> Engine::Reduce(const TensorView& tensor,
                                                            absl::Span<const Reduction> reductions) {
  absl::StatusOr<Plan> plan =
      MakePlan({tensor.dtype, tensor.shape, std::vector<Reduction>(reductions.begin(), reductions.end())});
  if (!plan.ok()) return plan.status();
  const std::unique_ptr<Accumulation> accumulation = Start(*std::move(plan));
  if (absl::Status appended = accumulation->Append(tensor.data); !appended.ok()) return appended;
  return accumulation->Finish();
}

int Engine::thread_count() const { return impl_->threads.count(); }

std::string_view Engine::simd_name() const { return SimdTargetName(); }

}  // namespace treduce
