// Cuts rows of kept columns into leaves, and keeps the leaf that is under way.
#include "server/engine/cpu/column_pass.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "server/engine/cpu/tuning.h"

namespace treduce {
namespace {

// Columns that a thread folds at a time.
constexpr size_t kStripe = 512;

}  // namespace

ColumnPass::ColumnPass(const Lowered& lowered, DType input, bool whole_leaves, const Threads& threads)
    : Pass(lowered, input, whole_leaves, threads), whole_leaves_(whole_leaves) {}

int64_t ColumnPass::RowsOfLeaf() const { return std::min(shape_.leaf_rows, shape_.rows - leaf_ * shape_.leaf_rows); }

size_t ColumnPass::RestOfLeaf() const { return static_cast<size_t>((RowsOfLeaf() - row_) * shape_.width) - column_; }

void ColumnPass::Append(const std::byte* x, size_t count) {
  while (count > 0) {
    const bool at_leaf = row_ == 0 && column_ == 0;
    const bool is_whole = at_leaf && count >= static_cast<size_t>(RowsOfLeaf() * shape_.width);
    const bool is_segment = shape_.LeavesPerSegment() == 1 && !shape_.interleaved;
    const size_t taken = !is_whole ? TakeRows(x, count) : is_segment ? TakeSegments(x, count) : TakeLeaves(x, count);
    x += taken * element_size_;
    count -= taken;
  }
}

void ColumnPass::StartLeaf(size_t leaves) {
  const size_t states = leaves * static_cast<size_t>(shape_.width);
  Reserve(states);
  for (const Slot& slot : slots_) slot.fold->init(slot.scratch.states(), states);
}

void ColumnPass::FinishLeaf() {
  if (++leaf_ < shape_.LeavesPerSegment()) return;
  FinishSegment(segment_);
  ++segment_;
  leaf_ = 0;
}

// Whole segments of one leaf, a stripe of columns at a time, from their elements to results.
size_t ColumnPass::TakeSegments(const std::byte* x, size_t count) {
  const auto width = static_cast<size_t>(shape_.width);
  const auto rows = static_cast<size_t>(shape_.rows);
  const size_t segments = count / (rows * width);
  const size_t stripes = (width + kStripe - 1) / kStripe;
  Share(segments * stripes, segments * rows * width, [&](size_t begin, size_t end) {
    absl::InlinedVector<StateBlock, 4> blocks;
    StateSpans states;
    for (const Slot& slot : slots_) {
      blocks.emplace_back(slot.fold->field_count, std::min(width, kStripe));
      states.push_back(blocks.back().states());
    }
    for (size_t i = begin; i < end; ++i) {
      const size_t segment = i / stripes;
      const size_t from = i % stripes * kStripe;
      const size_t columns = std::min(width - from, kStripe);
      for (size_t k = 0; k < slots_.size(); ++k) slots_[k].fold->init(states[k], columns);
      FoldColumns(x + (segment * rows * width + from) * element_size_, rows, columns, 0, states);
      Deliver((segment_ + static_cast<int64_t>(segment)) * shape_.width + static_cast<int64_t>(from), columns, states);
    }
  });
  segment_ += static_cast<int64_t>(segments);
  return segments * rows * width;
}

// Leaves that are there whole: many if they are small, else one, its columns shared out.
size_t ColumnPass::TakeLeaves(const std::byte* x, size_t count) {
  const auto width = static_cast<size_t>(shape_.width);
  const auto rows = static_cast<size_t>(RowsOfLeaf());
  const size_t leaf_size = rows * width;
  const auto full = static_cast<size_t>((shape_.rows - leaf_ * shape_.leaf_rows) / shape_.leaf_rows);
  const size_t fit = std::max<size_t>(1, kMaxBatchLeaves / width);
  size_t leaves = full < 2 || leaf_size >= kParallelElements ? 1 : std::min({count / leaf_size, full, fit});
  // Small leaves in runs that are subtrees, joined where they are folded, and as many before them as are out of line.
  constexpr size_t kRunBytes = 64 * 1024;
  size_t run = std::bit_floor(std::max<size_t>(1, kRunBytes / (leaf_size * element_size_)));
  const size_t past_run = static_cast<size_t>(FirstLeaf(segment_) + leaf_) % run;
  if (past_run != 0) leaves = std::min(leaves, run - past_run);
  if (past_run != 0 || leaves < run) run = 1;
  leaves -= leaves % run;
  StartLeaf(leaves);
  const int64_t first = ReducedIndex(segment_, leaf_ * shape_.leaf_rows);
  if (leaves == 1) {
    FoldPiece(x, rows, 0, width, first);
  } else {
    Share(leaves / run, leaves * leaf_size, [&](size_t begin, size_t end) {
      for (size_t i = begin * run; i < end * run; i += run) {
        FoldRun(x + i * leaf_size * element_size_, rows, run, first + static_cast<int64_t>(i * rows), i * width);
      }
    });
  }
  for (size_t i = 0; i < leaves; i += run) {
    PushLeaf(segment_, leaf_, i * width, std::countr_zero(run));
    leaf_ += static_cast<int64_t>(run) - 1;
    FinishLeaf();
  }
  return leaves * leaf_size;
}

void ColumnPass::FoldRun(const std::byte* x, size_t rows, size_t leaves, int64_t first, size_t at) const {
  const auto width = static_cast<size_t>(shape_.width);
  if (std::all_of(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.fold->any_order; })) {
    return FoldColumns(x, leaves * rows, width, first, Scratch(at));
  }
  for (size_t i = 0; i < leaves; ++i) {
    FoldColumns(x + i * rows * width * element_size_, rows, width, first + static_cast<int64_t>(i * rows),
                Scratch(at + i * width));
  }
  for (size_t step = 1; step < leaves; step *= 2) {
    for (size_t i = 0; i < leaves; i += 2 * step) {
      for (const Slot& slot : slots_) {
        const States states = slot.scratch.states().From(at);
        slot.fold->merge(slot.params, states.From(i * width), states.From((i + step) * width), width);
      }
    }
  }
}

// Rows of the leaf under way, or a part of one.
size_t ColumnPass::TakeRows(const std::byte* x, size_t count) {
  const auto width = static_cast<size_t>(shape_.width);
  const auto rows_of_leaf = static_cast<size_t>(RowsOfLeaf());
  if (row_ == 0 && column_ == 0) StartLeaf(1);
  const auto row = static_cast<size_t>(row_);
  const int64_t first = ReducedIndex(segment_, leaf_ * shape_.leaf_rows + row_);
  size_t taken;
  if (whole_leaves_) {
    const size_t position = row * width + column_;
    staged_.resize(std::max(staged_.size(), rows_of_leaf * width * element_size_));
    taken = std::min(count, rows_of_leaf * width - position);
    std::memcpy(staged_.data() + position * element_size_, x, taken * element_size_);
    if (position + taken == rows_of_leaf * width) {
      FoldPiece(staged_.data(), rows_of_leaf, 0, width, first - row_);
    }
  } else if (column_ == 0 && count >= width) {
    const size_t rows = std::min(count / width, rows_of_leaf - row);
    FoldPiece(x, rows, 0, width, first);
    taken = rows * width;
  } else {
    taken = std::min(count, width - column_);
    FoldPiece(x, 1, column_, taken, first);
  }
  const size_t position = row * width + column_ + taken;
  row_ = static_cast<int64_t>(position / width);
  column_ = position % width;
  if (position == rows_of_leaf * width) {
    row_ = 0;
    PushLeaf(segment_, leaf_, 0);
    FinishLeaf();
  }
  return taken;
}

void ColumnPass::FoldPiece(const std::byte* x, size_t rows, size_t column, size_t columns, int64_t first) {
  if (rows * columns < kParallelElements || columns < 2 * kStripe) {
    return FoldColumns(x, rows, columns, first, Scratch(column));
  }
  threads_.ParallelFor((columns + kStripe - 1) / kStripe, [&](size_t begin, size_t end) {
    const size_t from = begin * kStripe;
    const size_t to = std::min(columns, end * kStripe);
    FoldColumns(x + from * element_size_, rows, to - from, first, Scratch(column + from));
  });
}

void ColumnPass::FoldColumns(const std::byte* x, size_t rows, size_t columns, int64_t first,
                             absl::Span<const States> out) const {
  const auto width = static_cast<size_t>(shape_.width);
  if (convert_ == nullptr) {
    for (size_t i = 0; i < slots_.size(); ++i) {
      slots_[i].fold->columns(slots_[i].params, x, rows, columns, width, first, out[i]);
    }
    return;
  }
  // A strip of columns is converted at a time, as wide as the tile holds rows of it.
  alignas(64) std::byte tile[kRowLeaf * kMaxElementSize];
  const size_t rows_at_once = whole_leaves_ ? rows : 1;
  const size_t strip = kRowLeaf / rows_at_once;
  for (size_t r = 0; r < rows; r += rows_at_once) {
    for (size_t c = 0; c < columns; c += strip) {
      const size_t now = std::min(strip, columns - c);
      for (size_t i = 0; i < rows_at_once; ++i) {
        convert_(x + ((r + i) * width + c) * element_size_, now, tile + i * now * fold_element_size_);
      }
      for (size_t i = 0; i < slots_.size(); ++i) {
        slots_[i].fold->columns(slots_[i].params, tile, rows_at_once, now, now, first + static_cast<int64_t>(r),
                                out[i].From(c));
      }
    }
  }
}

}  // namespace treduce
