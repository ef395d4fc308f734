// Cuts neighbouring elements into leaves, many rows at a time where they are short.
#include "server/engine/cpu/row_pass.h"

#include <algorithm>
#include <cstring>

#include "server/engine/cpu/tuning.h"

namespace treduce {
namespace {

StateSpans From(absl::Span<const States> states, size_t at) {
  StateSpans from;
  for (const States& each : states) from.push_back(each.From(at));
  return from;
}

}  // namespace

RowPass::RowPass(const Lowered& lowered, DType input, bool whole_leaves, const Threads& threads)
    : Pass(lowered, input, whole_leaves, threads),
      // With the room to join them, no more than kMaxBatchLeaves in all.
      own_leaves_(std::clamp<size_t>(kMaxBatchLeaves / 2 / static_cast<size_t>(threads.count()), 1, kOwnLeaves)) {}

void RowPass::Append(const std::byte* x, size_t count) {
  const auto leaves = static_cast<size_t>(shape_.LeavesPerSegment());
  // Segments are shared out whole, unless they are so long that their leaves can be.
  const bool are_short = leaves <= own_leaves_;
  while (count > 0) {
    size_t taken;
    if (staged_count_ > 0 || count < LeafSize()) {
      taken = Stage(x, count);
    } else if (are_short && in_segment_ == 0 && count >= static_cast<size_t>(shape_.rows)) {
      taken = shape_.interleaved ? TakeInterleavedSegments(x, count) : TakeSegments(x, count);
    } else {
      taken = TakeLeaves(x, count);
    }
    x += taken * element_size_;
    count -= taken;
  }
}

size_t RowPass::LeafSize() const { return static_cast<size_t>(std::min(shape_.leaf_rows, shape_.rows - in_segment_)); }

size_t RowPass::RestOfLeaf() const { return LeafSize() - staged_count_; }

size_t RowPass::Stage(const std::byte* x, size_t count) {
  const size_t leaf_size = LeafSize();
  staged_.resize(std::max(staged_.size(), leaf_size * element_size_));
  const size_t taken = std::min(count, leaf_size - staged_count_);
  std::memcpy(staged_.data() + staged_count_ * element_size_, x, taken * element_size_);
  staged_count_ += taken;
  if (staged_count_ == leaf_size) {
    staged_count_ = 0;
    TakeLeaves(staged_.data(), leaf_size);
  }
  return taken;
}

// Whole segments, each of an output of its own, from their elements to results.
size_t RowPass::TakeSegments(const std::byte* x, size_t count) {
  const auto n = static_cast<size_t>(shape_.rows);
  const auto leaves = static_cast<size_t>(shape_.LeavesPerSegment());
  const size_t segments = count / n;
  Share(segments, segments * n, [&](size_t begin, size_t end) {
    const size_t batch = std::min(end - begin, own_leaves_ / leaves);
    absl::InlinedVector<StateBlock, 4> blocks;
    StateSpans states;
    for (const Slot& slot : slots_) {
      blocks.emplace_back(slot.fold->field_count, batch * leaves);
      states.push_back(blocks.back().states());
    }
    for (size_t s = begin; s < end; s += batch) {
      const size_t now = std::min(batch, end - s);
      const int64_t segment = segment_ + static_cast<int64_t>(s);
      FoldSegments(x + s * n * element_size_, now, segment, states);
      for (size_t i = 0; i < slots_.size(); ++i) JoinRuns(*slots_[i].fold, slots_[i].params, states[i], now, leaves);
      Deliver(segment, now, states);
    }
  });
  segment_ += static_cast<int64_t>(segments);
  return segments * n;
}

// Whole segments of outputs that are all under way.
size_t RowPass::TakeInterleavedSegments(const std::byte* x, size_t count) {
  const auto n = static_cast<size_t>(shape_.rows);
  const auto leaves = static_cast<size_t>(shape_.LeavesPerSegment());
  const size_t segments = std::min(count / n, std::max<size_t>(1, kMaxBatchLeaves / leaves));
  Reserve(segments * leaves);
  Share(segments, segments * n, [&](size_t begin, size_t end) {
    const int64_t segment = segment_ + static_cast<int64_t>(begin);
    FoldSegments(x + begin * n * element_size_, end - begin, segment, Scratch(begin * leaves));
    for (size_t s = begin; s < end; ++s) JoinLeaves(segment_ + static_cast<int64_t>(s), 0, leaves, s * leaves);
  });
  for (size_t s = 0; s < segments; ++s) PushLeaves(segment_ + static_cast<int64_t>(s), 0, leaves, s * leaves);
  segment_ += static_cast<int64_t>(segments);
  return segments * n;
}

void RowPass::FoldSegments(const std::byte* x, size_t segments, int64_t segment, absl::Span<const States> out) const {
  const auto n = static_cast<size_t>(shape_.rows);
  const auto leaf = static_cast<size_t>(shape_.leaf_rows);
  const auto leaves = static_cast<size_t>(shape_.LeavesPerSegment());
  if (leaves == 1 && !shape_.interleaved) return FoldRows(x, segments, n, 0, 0, out);
  for (size_t s = 0; s < segments; ++s, x += n * element_size_) {
    const int64_t first = ReducedIndex(segment + static_cast<int64_t>(s), 0);
    const size_t full = n / leaf;
    FoldRows(x, full, leaf, first, shape_.leaf_rows, From(out, s * leaves));
    if (full == leaves) continue;
    FoldRows(x + full * leaf * element_size_, 1, n - full * leaf, first + static_cast<int64_t>(full * leaf), 0,
             From(out, s * leaves + full));
  }
}

// Leaves of one segment: as many as are there, up to the next whole subtree, or the last, which may be short.
size_t RowPass::TakeLeaves(const std::byte* x, size_t count) {
  const auto leaf = static_cast<size_t>(shape_.leaf_rows);
  const auto rest = static_cast<size_t>(shape_.rows - in_segment_);
  const size_t n = std::min(leaf, rest);
  const int64_t number = in_segment_ / shape_.leaf_rows;
  const size_t past_subtree = static_cast<size_t>(FirstLeaf(segment_) + number) % kSubtreeLeaves;
  const size_t most = past_subtree == 0 ? kMaxBatchLeaves : kSubtreeLeaves - past_subtree;
  const size_t leaves = n < leaf ? 1 : std::min({count / leaf, rest / leaf, most});
  Reserve(leaves);
  const int64_t first = ReducedIndex(segment_, in_segment_);
  Share((leaves + kSubtreeLeaves - 1) / kSubtreeLeaves, leaves * n, [&](size_t begin, size_t end) {
    for (size_t at = begin * kSubtreeLeaves; at < std::min(leaves, end * kSubtreeLeaves); at += kSubtreeLeaves) {
      const size_t now = std::min(leaves - at, kSubtreeLeaves);
      FoldRows(x + at * n * element_size_, now, n, first + static_cast<int64_t>(at * n), static_cast<int64_t>(n),
               Scratch(at));
      JoinLeaves(segment_, number + static_cast<int64_t>(at), now, at);
    }
  });
  PushLeaves(segment_, number, leaves, 0);
  in_segment_ += static_cast<int64_t>(leaves * n);
  if (in_segment_ == shape_.rows) {
    FinishSegment(segment_);
    ++segment_;
    in_segment_ = 0;
  }
  return leaves * n;
}

void RowPass::FoldRows(const std::byte* x, size_t rows, size_t n, int64_t first, int64_t step,
                       absl::Span<const States> out) const {
  alignas(64) std::byte tile[kRowLeaf * kMaxElementSize];
  // As many rows at a time as fit the tile, or the first cache, so that every fold finds them there.
  const size_t block = std::max<size_t>(1, (convert_ != nullptr ? kRowLeaf : kRowBlockElements) / n);
  for (size_t r = 0; r < rows; r += block) {
    const size_t now = std::min(block, rows - r);
    const std::byte* elements = Converted(x + r * n * element_size_, now * n, tile);
    for (size_t i = 0; i < slots_.size(); ++i) {
      const Slot& slot = slots_[i];
      const int64_t first_now = first + static_cast<int64_t>(r) * step;
      const States to = out[i].From(r);
      if (step == 0 || !slot.fold->any_order) {
        slot.fold->rows(slot.params, elements, now, n, first_now, to);
      } else {  // the leaves of one output, as one
        slot.fold->rows(slot.params, elements, 1, now * n, first_now, to);
        slot.fold->init(to.From(1), now - 1);
      }
    }
  }
}

}  // namespace treduce
