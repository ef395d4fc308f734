// One pass over the elements of a tensor: the folds of all reductions that walk it in the same way.
#ifndef TREDUCE_SERVER_ENGINE_CPU_PASS_H_
#define TREDUCE_SERVER_ENGINE_CPU_PASS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "server/engine/cpu/threads.h"
#include "server/engine/fold/state_tree.h"
#include "server/engine/plan/lowering.h"
#include "server/engine/plan/pass_shape.h"
#include "server/engine/values/tensor.h"

namespace treduce {

// One entry a fold.
using StateSpans = absl::InlinedVector<States, 4>;

// Not thread-safe.
class Pass {
 public:
  // `lowered` says how the elements of the tensor, of dtype `input`, are seen; `threads` must outlive the pass.
  Pass(const Lowered& lowered, DType input, bool whole_leaves, const Threads& threads);
  virtual ~Pass() = default;

  // Makes `reduction`, lowered to a pass like this one, part of it. Its results are written to `outputs`, sized
  // already.
  void Add(const PlannedReduction& reduction, const Lowered& lowered, std::vector<Tensor*> outputs);

  // Whether a reduction lowered so, with folds of that kind of leaves, can be added.
  bool Takes(const Lowered& lowered, bool whole_leaves) const;

  // The next elements of the tensor, whole ones, in the pass's view: a complex number may count twice.
  virtual void Append(const std::byte* x, size_t count) = 0;

  // Elements to the end of the leaf under way: to append fewer costs a copy, or more trips through its states.
  virtual size_t RestOfLeaf() const = 0;

  // After all elements: writes the results that could not be written before. False when `cancelled` (which may be null)
  // was raised meanwhile.
  bool Finish(const std::atomic<bool>* cancelled);

  // Bytes of an element of the tensor, as the pass sees them.
  size_t element_size() const { return element_size_; }

  // Upper bound of the memory that a pass with these folds holds, in bytes, saturating.
  static int64_t ByteCount(const Lowered& lowered, DType input, bool whole_leaves);

 protected:
  struct Slot {
    FoldKind kind;
    const Fold* fold;
    FoldParams params;
    StateTree tree;
    StateBlock scratch;  // the states of leaves on their way to the tree
  };

  // Makes room for `count` states in the scratch of each slot.
  void Reserve(size_t count);

  // States of the scratch from number `at` on, an entry a slot.
  StateSpans Scratch(size_t at) const;

  // Leaf number `leaf` of segment `segment`, or the subtree of 2^level leaves from there on, is in the scratch, from
  // state `at` on.
  void PushLeaf(int64_t segment, int64_t leaf, size_t at, int level = 0);

  // The same of neighbouring leaves of one output, in two steps: JoinLeaves joins the subtrees they make up, in place,
  // and can be called side by side; PushLeaves pushes these.
  void JoinLeaves(int64_t segment, int64_t leaf, size_t count, size_t at) const;
  void PushLeaves(int64_t segment, int64_t leaf, size_t count, size_t at);

  // Number of the first leaf of a segment, among those of its outputs.
  int64_t FirstLeaf(int64_t segment) const { return Locate(segment).place * shape_.LeavesPerSegment(); }

  // All leaves of the segment have been pushed.
  void FinishSegment(int64_t segment);

  // Writes the results of outputs [first, first + count). Can be called side by side for different outputs.
  void Deliver(int64_t first, size_t count, absl::Span<const States> states) const;

  // Calls `body(begin, end)` for ranges that make up [0, size), side by side if there are enough elements in it.
  void Share(size_t size, size_t elements, absl::FunctionRef<void(size_t begin, size_t end)> body) const;

  // Index of the first element of row `row` of the segment, among those reduced into an output.
  int64_t ReducedIndex(int64_t segment, int64_t row) const { return Locate(segment).place * shape_.rows + row; }

  // As converted elements if the pass converts, else as they are. `tile` holds kRowLeaf elements.
  const std::byte* Converted(const std::byte* x, size_t count, std::byte* tile) const;

  const PassShape shape_;
  const Threads& threads_;
  const size_t element_size_;       // of the tensor
  const size_t fold_element_size_;  // of what is folded
  const ConvertFunction convert_;
  std::vector<Slot> slots_;

 private:
  struct Location {
    int64_t output;  // of the segment's first element
    int64_t place;   // of the segment among those of its outputs
  };
  struct Source {
    size_t slot;
    FoldKind kind;
  };
  struct Consumer {
    const PlannedReduction* reduction;
    FinishKind finish;
    int states_per_result;
    absl::InlinedVector<Source, 2> sources;
    absl::InlinedVector<std::byte*, 2> outputs;
  };

  Location Locate(int64_t segment) const;

  // The slot of a fold, shared with those before it that do the same or can do both.
  size_t SlotOf(FoldKind kind, const FoldParams& params);
  Slot MakeSlot(FoldKind kind, const FoldParams& params) const;

  const DType fold_dtype_;
  std::vector<Consumer> consumers_;
  size_t scratch_count_ = 0;
};

std::unique_ptr<Pass> MakePass(const Lowered& lowered, DType input, bool whole_leaves, const Threads& threads);

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_CPU_PASS_H_
