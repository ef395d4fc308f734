// The pass whose innermost axis is reduced: leaves are neighbouring elements.
#ifndef TREDUCE_SERVER_ENGINE_CPU_ROW_PASS_H_
#define TREDUCE_SERVER_ENGINE_CPU_ROW_PASS_H_

#include <vector>

#include "server/engine/cpu/pass.h"

namespace treduce {

class RowPass : public Pass {
 public:
  RowPass(const Lowered& lowered, DType input, bool whole_leaves, const Threads& threads);

  void Append(const std::byte* x, size_t count) override;
  size_t RestOfLeaf() const override;

 private:
  // Folds `rows` leaves of `n` elements each; the state of the first goes to state 0 of `out`, which has an entry a
  // slot. Row `k` starts at reduced index first + k * step.
  void FoldRows(const std::byte* x, size_t rows, size_t n, int64_t first, int64_t step,
                absl::Span<const States> out) const;

  // Folds the leaves of `segments` whole segments, the first of which is number `segment`.
  void FoldSegments(const std::byte* x, size_t segments, int64_t segment, absl::Span<const States> out) const;

  // Each takes as many of the next `count` elements as it can, and returns how many.
  size_t TakeSegments(const std::byte* x, size_t count);
  size_t TakeInterleavedSegments(const std::byte* x, size_t count);
  size_t TakeLeaves(const std::byte* x, size_t count);
  size_t Stage(const std::byte* x, size_t count);

  // Elements of the leaf under way, that are there or yet to come.
  size_t LeafSize() const;

  // Leaves that a thread folds to states of its own.
  const size_t own_leaves_;
  // The next element.
  int64_t segment_ = 0;
  int64_t in_segment_ = 0;
  // The beginning of a leaf that has not come whole.
  std::vector<std::byte> staged_;
  size_t staged_count_ = 0;
};

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_CPU_ROW_PASS_H_
