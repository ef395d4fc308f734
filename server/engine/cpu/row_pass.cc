// Cuts neighbouring elements into leaves, many rows at a time where they are short.
#include "server/engine/cpu/row_pass.h"

#include <algorithm>
#include <cstring>

#include "server/engine/cpu/tuning.h"

namespace treduce {

RowPass::RowPass(const Lowered& lowered, DType input, bool whole_leaves, const Threads& threads)
    : Pass(lowered, input, whole_leaves, threads),
      staged_(static_cast<size_t>(std::min(shape_.rows, shape_.leaf_rows)) * element_size_) {}

void RowPass::Append(const std::byte* x, size_t count) {
  while (count > 0) {
    const auto leaf_size = static_cast<size_t>(std::min(shape_.leaf_rows, shape_.rows - in_segment_));
    size_t taken;
    if (staged_count_ > 0 || count < leaf_size) {
      taken = Stage(x, count, leaf_size);
    } else if (in_segment_ == 0 && count >= static_cast<size_t>(shape_.rows) &&
               static_cast<size_t>(shape_.LeavesPerSegment()) <= kMaxBatchLeaves) {
      taken = TakeSegments(x, count);
    } else {
      taken = TakeLeaves(x, count);
    }
    x += taken * element_size_;
    count -= taken;
  }
}

size_t RowPass::Stage(const std::byte* x, size_t count, size_t leaf_size) {
  const size_t taken = std::min(count, leaf_size - staged_count_);
  std::memcpy(staged_.data() + staged_count_ * element_size_, x, taken * element_size_);
  staged_count_ += taken;
  if (staged_count_ == leaf_size) {
    staged_count_ = 0;
    TakeLeaves(staged_.data(), leaf_size);
  }
  return taken;
}

// Whole segments, many at a time.
size_t RowPass::TakeSegments(const std::byte* x, size_t count) {
  const auto n = static_cast<size_t>(shape_.rows);
  const auto leaf = static_cast<size_t>(shape_.leaf_rows);
  const auto leaves = static_cast<size_t>(shape_.LeavesPerSegment());
  const size_t segments = std::min(count / n, std::max<size_t>(1, kMaxBatchLeaves / leaves));
  Reserve(segments * leaves);
  const auto fold = [&](size_t begin, size_t end) {
    if (leaves == 1 && !shape_.interleaved) {
      return FoldRows(x + begin * n * element_size_, end - begin, n, 0, 0, begin);
    }
    for (size_t s = begin; s < end; ++s) {
      const std::byte* segment = x + s * n * element_size_;
      const int64_t first = ReducedIndex(segment_ + static_cast<int64_t>(s), 0);
      const size_t full = n / leaf;
      FoldRows(segment, full, leaf, first, shape_.leaf_rows, s * leaves);
      if (full < leaves) {
        FoldRows(segment + full * leaf * element_size_, 1, n - full * leaf, first + static_cast<int64_t>(full * leaf),
                 0, s * leaves + full);
      }
    }
  };
  if (segments * n >= kParallelElements) {
    threads_.ParallelFor(segments, fold);
  } else {
    fold(0, segments);
  }
  if (leaves == 1 && !shape_.interleaved) {
    FinishOutputs(segment_, segments, 0);
  } else {
    for (size_t s = 0; s < segments; ++s) {
      const int64_t segment = segment_ + static_cast<int64_t>(s);
      for (size_t i = 0; i < leaves; ++i) PushLeaf(segment, static_cast<int64_t>(i), s * leaves + i);
      FinishSegment(segment);
    }
  }
  segment_ += static_cast<int64_t>(segments);
  return segments * n;
}

// Leaves of one segment: as many as are there, or the last, which may be short.
size_t RowPass::TakeLeaves(const std::byte* x, size_t count) {
  const auto leaf = static_cast<size_t>(shape_.leaf_rows);
  const auto rest = static_cast<size_t>(shape_.rows - in_segment_);
  const size_t n = std::min(leaf, rest);
  const size_t leaves = n < leaf ? 1 : std::min({count / leaf, rest / leaf, kMaxBatchLeaves});
  Reserve(leaves);
  const int64_t first = ReducedIndex(segment_, in_segment_);
  const auto fold = [&](size_t begin, size_t end) {
    FoldRows(x + begin * n * element_size_, end - begin, n, first + static_cast<int64_t>(begin * n),
             static_cast<int64_t>(n), begin);
  };
  if (leaves * n >= kParallelElements) {
    threads_.ParallelFor(leaves, fold);
  } else {
    fold(0, leaves);
  }
  const int64_t first_leaf = in_segment_ / shape_.leaf_rows;
  for (size_t i = 0; i < leaves; ++i) PushLeaf(segment_, first_leaf + static_cast<int64_t>(i), i);
  in_segment_ += static_cast<int64_t>(leaves * n);
  if (in_segment_ == shape_.rows) {
    FinishSegment(segment_);
    ++segment_;
    in_segment_ = 0;
  }
  return leaves * n;
}

void RowPass::FoldRows(const std::byte* x, size_t rows, size_t n, int64_t first, int64_t step, size_t at) {
  alignas(64) std::byte tile[kRowLeaf * kMaxElementSize];
  // As many rows at a time as fit the tile, so that every fold finds them in cache; one if their indices differ.
  const size_t block = step != 0 ? 1 : std::max<size_t>(1, kRowLeaf / n);
  for (size_t r = 0; r < rows; r += block) {
    const size_t now = std::min(block, rows - r);
    const std::byte* elements = Converted(x + r * n * element_size_, now * n, tile);
    for (const Slot& slot : slots_) {
      slot.fold->rows(slot.params, elements, now, n, first + static_cast<int64_t>(r) * step,
                      slot.scratch.states().From(at + r));
    }
  }
}

}  // namespace treduce
