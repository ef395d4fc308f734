// The selections of a request that reduce the same dims: gathers the elements of each output, then selects.
//
// The dims that are kept in front are taken one after the other; a block is what they leave: all elements of the
// outputs that cannot be told apart by them. Only one block is in memory at a time, and none where elements of one or
// two bytes are counted instead, which those of blocks of one output are.
#ifndef TREDUCE_SERVER_ENGINE_CPU_SELECTION_PASS_H_
#define TREDUCE_SERVER_ENGINE_CPU_SELECTION_PASS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "server/engine/cpu/block_buffer.h"
#include "server/engine/cpu/scratch_pool.h"
#include "server/engine/cpu/threads.h"
#include "server/engine/plan/lowering.h"
#include "server/engine/select/selection.h"
#include "server/engine/values/tensor.h"

namespace treduce {

// How a nest is cut into blocks.
struct BlockShape {
  explicit BlockShape(const LoopNest& nest);

  int64_t outputs;                              // of a block
  int64_t reduced;                              // elements of an output
  absl::InlinedVector<LoopNest::Axis, 6> axes;  // of a block; the first one is reduced
};

// Not thread-safe.
class SelectionPass {
 public:
  // `threads`, `scratches` and `cancelled` (which may be null) must outlive it. REQUIRES: `nest` has elements.
  SelectionPass(const LoopNest& nest, DType dtype, const Threads& threads, ScratchPool& scratches,
                const std::atomic<bool>* cancelled);

  // Makes `reduction`, lowered to a selection of the same nest, part of it. Its results are written to `outputs`,
  // sized already.
  void Add(const PlannedReduction& reduction, const Lowered& lowered, std::vector<Tensor*> outputs);

  const LoopNest& nest() const { return nest_; }

  // The next `count` elements of the tensor. False when `cancelled` was raised meanwhile.
  bool Append(const std::byte* x, size_t count);

  // Upper bound of the memory that a pass with this selection holds, in bytes, saturating.
  static int64_t ByteCount(const Lowered& lowered);

 private:
  struct Consumer {
    const PlannedReduction* reduction;
    const Selection* selection;
    SelectionParams params;
    FinishKind finish;
    absl::InlinedVector<std::byte*, 2> outputs;
    StateBlock states;  // of a batch of outputs
  };

  void Prepare();
  // The next elements of blocks that are counted, not kept.
  bool Count(const std::byte* x, size_t count);
  // Selects from whole blocks.
  bool TakeBlocks(const std::byte* x, size_t count);
  // Selects for the outputs [first, first + count), numbered from the first of these blocks; their states are the
  // first.
  void SelectOutputs(const std::byte* blocks, size_t first, size_t count);
  // The same for one strip of them, from state `at` on.
  void SelectStrip(const std::byte* blocks, size_t first, size_t count, size_t at, SelectionScratch& scratch,
                   ParallelFor parallel_for);
  // Copies the elements of neighbouring outputs of a block together: element r of output i becomes number
  // i * output_stride + r * element_stride. REQUIRES: element_stride == 1 where the innermost axis is reduced, and
  // count == 1.
  void Gather(const std::byte* block, size_t first, size_t count, size_t output_stride, size_t element_stride,
              std::byte* out) const;
  // The states of the next `count` outputs are complete.
  void FinishOutputs(size_t count);

  const LoopNest nest_;
  const BlockShape shape_;
  const DType dtype_;
  const size_t element_size_;
  const Threads& threads_;
  ScratchPool& scratches_;
  const std::atomic<bool>* const cancelled_;
  std::vector<Consumer> consumers_;
  int64_t output_ = 0;  // the first one that has no result yet
  size_t batch_;        // outputs whose states are held at once
  size_t strip_;        // outputs that are gathered at once
  BlockBuffer buffer_;
  std::optional<Histogram> histogram_;  // of the output under way, where elements are counted
};

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_CPU_SELECTION_PASS_H_
