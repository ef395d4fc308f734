// The engine: tensors in, PyTorch's reductions of them out. What a user of the library includes.
//
//   treduce::Engine engine;
//   auto results = engine.Reduce(view, {{.op = treduce::Op::kSum, .dim = {0}}, {.op = treduce::Op::kMean}});
//
// Results are the same bits whatever the threads, the SIMD instructions of the machine, and the pieces the
// tensor arrives in (server/engine/README.md says how).
#ifndef TREDUCE_SERVER_ENGINE_ENGINE_H_
#define TREDUCE_SERVER_ENGINE_ENGINE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/engine/accumulation.h"
#include "server/engine/backend.h"
#include "server/engine/plan/plan.h"
#include "server/engine/values/reduction.h"
#include "server/engine/values/tensor.h"

namespace treduce {

struct EngineOptions {
  // Threads of one large fold, 1 or more; 0 takes one per core.
  int thread_count = 0;
  // Whether CUDA devices are used, where this is a build with CUDA and there are any.
  bool use_cuda = true;
  // Memory of each that requests may hold together, in bytes; 0 takes nine tenths of it.
  size_t cuda_memory_limit = 0;
};

// Thread-safe. Cheap to hold: threads are started on first use and shared by all calls.
class Engine {
 public:
  explicit Engine(EngineOptions options = {});
  // With these devices, in place of those of this machine.
  Engine(EngineOptions options, std::vector<std::unique_ptr<Backend>> devices);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Reduces a tensor in memory. INVALID_ARGUMENT as MakePlan, or when `tensor.data` is not as long as its shape
  // says; as Choose and Backend::Start for `device`, but where it is left open the CPU stands in for a device that
  // fails. The tensor is read once, in place.
  absl::StatusOr<std::vector<ReductionResult>> Reduce(const TensorView& tensor, absl::Span<const Reduction> reductions,
                                                      std::string_view device = "");

  // Starts a reduction on the CPU whose bytes arrive later. The accumulation may outlive neither the engine nor
  // `cancelled`.
  std::unique_ptr<Accumulation> Start(Plan plan, const std::atomic<bool>* cancelled = nullptr);

  // The CPU first, then the devices.
  const std::vector<std::unique_ptr<Backend>>& backends() const;
  Backend& cpu() const { return *backends().front(); }

  // The backend that `device` names as PyTorch does, "cpu", "cuda" or "cuda:1"; of "cuda" the first that works. For ""
  // the one that should be done first, and that works. INVALID_ARGUMENT (field `device`) for another name,
  // FAILED_PRECONDITION when there is no such device, UNAVAILABLE when it works no more.
  absl::StatusOr<Backend*> Choose(const Plan& plan, std::string_view device) const;

  // Why there are no CUDA devices, or not all: "there is no CUDA driver"; empty where nothing is missing.
  const std::string& why_no_cuda() const;

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
