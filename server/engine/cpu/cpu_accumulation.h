// An accumulation on the CPU.
#ifndef TREDUCE_SERVER_ENGINE_CPU_CPU_ACCUMULATION_H_
#define TREDUCE_SERVER_ENGINE_CPU_CPU_ACCUMULATION_H_

#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include "server/engine/accumulation.h"
#include "server/engine/cpu/pass.h"
#include "server/engine/cpu/selection_pass.h"
#include "server/engine/cpu/threads.h"
#include "server/engine/cpu/tuning.h"
#include "server/engine/cpu/unique_pass.h"

namespace treduce {

// `threads`, `scratches` and `cancelled` (which may be null) must outlive it.
class CpuAccumulation : public Accumulation {
 public:
  CpuAccumulation(Plan plan, const Threads& threads, ScratchPool& scratches, const std::atomic<bool>* cancelled);

  absl::Status Append(absl::Span<const std::byte> bytes) override;
  absl::StatusOr<std::vector<ReductionResult>> Finish() override;
  int64_t byte_count() const override { return byte_count_; }

 private:
  // Reductions that see the tensor in the same way, through the same cast.
  struct View {
    std::unique_ptr<Pass> pass;
    ConvertFunction cast;
    DType dtype;  // that the pass sees the elements in: after the cast
  };

  // Makes `reduction` part of a pass that walks the tensor as it does, of a new one if there is none.
  void AddToPass(const PlannedReduction& reduction, std::vector<Tensor*> outputs);
  // Allocates results and passes; not in the constructor, so that running out of memory is a status.
  absl::Status Prepare();
  // The next elements, for every pass.
  absl::Status Take(const std::byte* x, size_t count);
  absl::Status Fold(const std::byte* x, size_t count);
  void FoldCast(View& view, const std::byte* x, size_t count);
  void ClearPasses();
  // Ends the accumulation.
  absl::Status Fail(absl::Status status);

  const Plan plan_;
  const Threads& threads_;
  ScratchPool& scratches_;
  const std::atomic<bool>* const cancelled_;
  const size_t element_size_;
  absl::Status status_;
  bool is_prepared_ = false;
  int64_t byte_count_ = 0;
  std::array<std::byte, kMaxElementSize> split_;  // the beginning of an element that straddles two calls
  size_t split_size_ = 0;
  std::vector<View> views_;
  std::vector<std::unique_ptr<SelectionPass>> selections_;
  std::unique_ptr<UniquePass> unique_;
  std::vector<ReductionResult> results_;
};

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_CPU_CPU_ACCUMULATION_H_
