// The pass whose innermost axis is kept: leaves are rows of as many elements as there are columns, folded one below the
// other.
#ifndef TREDUCE_SERVER_ENGINE_CPU_COLUMN_PASS_H_
#define TREDUCE_SERVER_ENGINE_CPU_COLUMN_PASS_H_

#include <vector>

#include "server/engine/cpu/pass.h"

namespace treduce {

class ColumnPass : public Pass {
 public:
  ColumnPass(const Lowered& lowered, DType input, bool whole_leaves, const Threads& threads);

  void Append(const std::byte* x, size_t count) override;
  size_t RestOfLeaf() const override;

 private:
  // Each takes as many of the next `count` elements as it can, and returns how many.
  size_t TakeSegments(const std::byte* x, size_t count);
  size_t TakeLeaves(const std::byte* x, size_t count);
  size_t TakeRows(const std::byte* x, size_t count);

  // Folds `columns` columns of `rows` rows into states of `out`, which has an entry a slot. A row starts `width`
  // elements after the one above it, the first at reduced index `first`.
  void FoldColumns(const std::byte* x, size_t rows, size_t columns, int64_t first, absl::Span<const States> out) const;

  // The same into the scratch, for columns from number `column` on of the leaf under way, shared out among the threads.
  void FoldPiece(const std::byte* x, size_t rows, size_t column, size_t columns, int64_t first);

  // Folds `leaves` whole leaves of `rows` rows, joined into the scratch from state `at` on.
  void FoldRun(const std::byte* x, size_t rows, size_t leaves, int64_t first, size_t at) const;

  void StartLeaf(size_t leaves);
  int64_t RowsOfLeaf() const;
  // The leaf under way has all its rows.
  void FinishLeaf();

  const bool whole_leaves_;
  // The next element.
  int64_t segment_ = 0;
  int64_t leaf_ = 0;  // of the segment
  int64_t row_ = 0;   // of the leaf
  size_t column_ = 0;
  // Rows of the leaf under way, as they came, for folds that need it whole.
  std::vector<std::byte> staged_;
};

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_CPU_COLUMN_PASS_H_
