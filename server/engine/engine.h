// The engine: tensors in, PyTorch's reductions of them out. What a user of the library includes.
//
//   treduce::Engine engine;
//   auto results = engine.Reduce(view, {{.op = treduce::Op::kSum, .dim = {0}}, {.op = treduce::Op::kMean}});
//
// Results are the same bits whatever the threads, the SIMD instructions of the machine, and the pieces the
// tensor arrives in (server/engine/README.md says how).
#ifndef TREDUCE_SERVER_ENGINE_ENGINE_H_
#define TREDUCE_SERVER_ENGINE_ENGINE_H_

#include <memory>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/engine/accumulation.h"
#include "server/engine/plan/plan.h"
#include "server/engine/values/reduction.h"
#include "server/engine/values/tensor.h"

namespace treduce {

struct EngineOptions {
  // Threads of one large fold, 1 or more; 0 takes one per core.
  int thread_count = 0;
};

// Thread-safe. Cheap to hold: threads are started on first use and shared by all calls.
class Engine {
 public:
  explicit Engine(EngineOptions options = {});
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Reduces a tensor in memory. INVALID_ARGUMENT as MakePlan, or when `tensor.data` is not as long as its shape
  // says. The tensor is read once, in place.
  absl::StatusOr<std::vector<ReductionResult>> Reduce(const TensorView& tensor, absl::Span<const Reduction> reductions);

  // Starts a reduction whose bytes arrive later. The accumulation may outlive neither the engine nor `cancelled`.
  std::unique_ptr<Accumulation> Start(Plan plan, const std::atomic<bool>* cancelled = nullptr);

  // Threads of one large fold.
  int thread_count() const;
  // Name of the SIMD instructions in use: "AVX3", "AVX2", "SSE4", "NEON".
  std::string_view simd_name() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_ENGINE_H_
