// What both kinds of passes have in common: how a nest is cut, trees of states, and the results made of them.
#include "server/engine/cpu/pass.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

#include "server/engine/cpu/column_pass.h"
#include "server/engine/cpu/row_pass.h"
#include "server/engine/cpu/tuning.h"
#include "server/engine/plan/finish.h"
#include "server/engine/values/cancellation.h"

namespace treduce {
namespace {

// What one element of the tensor is to a pass: a part of a complex number, if that is how it is folded.
size_t ViewedSize(const Lowered& lowered, DType input) {
  return lowered.convert == nullptr ? ByteSize(lowered.fold_dtype) : ByteSize(input);
}

}  // namespace

Pass::Pass(const Lowered& lowered, DType input, bool whole_leaves, const Threads& threads)
    : shape_(lowered.nest, whole_leaves),
      threads_(threads),
      element_size_(ViewedSize(lowered, input)),
      fold_element_size_(ByteSize(lowered.fold_dtype)),
      convert_(lowered.convert),
      fold_dtype_(lowered.fold_dtype) {}

bool Pass::Takes(const Lowered& lowered, bool whole_leaves) const {
  const PassShape shape(lowered.nest, whole_leaves);
  return lowered.fold_dtype == fold_dtype_ && lowered.convert == convert_ && shape.columns == shape_.columns &&
         shape.rows == shape_.rows && shape.width == shape_.width && shape.leaf_rows == shape_.leaf_rows &&
         shape.outer == shape_.outer;
}

void Pass::Add(const PlannedReduction& reduction, const Lowered& lowered, std::vector<Tensor*> outputs) {
  Consumer consumer = {&reduction, lowered.finish, lowered.states_per_result, {}, {}};
  for (Tensor* output : outputs) consumer.outputs.push_back(output->data.data());
  for (FoldKind kind : lowered.folds) consumer.sources.push_back({SlotOf(kind, lowered.params), kind});
  consumers_.push_back(std::move(consumer));
}

size_t Pass::SlotOf(FoldKind kind, const FoldParams& params) {
  const auto is_end = [](FoldKind k) { return k == FoldKind::kMin || k == FoldKind::kMax || k == FoldKind::kMinMax; };
  for (Slot& slot : slots_) {
    const bool same = slot.kind == kind && (kind != FoldKind::kPowerSum || slot.params.ord == params.ord);
    if (!same && !(is_end(slot.kind) && is_end(kind))) continue;
    if (!same && slot.kind != FoldKind::kMinMax) slot = MakeSlot(FoldKind::kMinMax, params);
    return static_cast<size_t>(&slot - slots_.data());
  }
  slots_.push_back(MakeSlot(kind, params));
  return slots_.size() - 1;
}

Pass::Slot Pass::MakeSlot(FoldKind kind, const FoldParams& params) const {
  const Fold* fold = FindFold(kind, fold_dtype_);
  const int64_t tree_width = shape_.interleaved ? shape_.kept_count : shape_.width;
  return {kind, fold, params, StateTree(fold, params, static_cast<size_t>(tree_width)), {}};
}

void Pass::Reserve(size_t count) {
  if (count <= scratch_count_) return;
  for (Slot& slot : slots_) slot.scratch = StateBlock(slot.fold->field_count, count);
  scratch_count_ = count;
}

StateSpans Pass::Scratch(size_t at) const {
  StateSpans states;
  for (const Slot& slot : slots_) states.push_back(slot.scratch.states().From(at));
  return states;
}

void Pass::Share(size_t size, size_t elements, absl::FunctionRef<void(size_t begin, size_t end)> body) const {
  if (elements < kParallelElements) return body(0, size);
  threads_.ParallelFor(size, body);
}

const std::byte* Pass::Converted(const std::byte* x, size_t count, std::byte* tile) const {
  if (convert_ == nullptr) return x;
  convert_(x, count, tile);
  return tile;
}

Pass::Location Pass::Locate(int64_t segment) const {
  if (!shape_.interleaved) return {segment * shape_.width, 0};
  Location location = {0, 0};
  int64_t output_step = shape_.width;
  int64_t place_step = 1;
  for (size_t i = shape_.outer.size(); i-- > 0;) {
    const LoopNest::Axis& axis = shape_.outer[i];
    const int64_t digit = segment % axis.size;
    segment /= axis.size;
    (axis.reduced ? location.place : location.output) += digit * (axis.reduced ? place_step : output_step);
    (axis.reduced ? place_step : output_step) *= axis.size;
  }
  return location;
}

void Pass::PushLeaf(int64_t segment, int64_t leaf, size_t at, int level) {
  const Location location = Locate(segment);
  const size_t first = shape_.interleaved ? static_cast<size_t>(location.output) : 0;
  for (Slot& slot : slots_) {
    slot.tree.Push(first, static_cast<size_t>(shape_.width),
                   (location.place * shape_.LeavesPerSegment() + leaf) >> level, slot.scratch.states().From(at), level);
  }
}

namespace {

// Leaves of the largest subtree that starts at leaf `leaf` and has no more than `most`.
size_t SubtreeSize(int64_t leaf, size_t most) {
  size_t size = std::bit_floor(std::min(most, kSubtreeLeaves));
  while (static_cast<size_t>(leaf) % size != 0) size /= 2;
  return size;
}

}  // namespace

void Pass::JoinLeaves(int64_t segment, int64_t leaf, size_t count, size_t at) const {
  leaf += FirstLeaf(segment);
  while (count > 0) {
    const size_t size = SubtreeSize(leaf, count);
    for (const Slot& slot : slots_) JoinRuns(*slot.fold, slot.params, slot.scratch.states().From(at), 1, size);
    leaf += static_cast<int64_t>(size);
    at += size;
    count -= size;
  }
}

void Pass::PushLeaves(int64_t segment, int64_t leaf, size_t count, size_t at) {
  while (count > 0) {
    const size_t size = SubtreeSize(FirstLeaf(segment) + leaf, count);
    PushLeaf(segment, leaf, at, std::countr_zero(size));
    leaf += static_cast<int64_t>(size);
    at += size;
    count -= size;
  }
}

void Pass::FinishSegment(int64_t segment) {
  if (shape_.interleaved) return;
  StateSpans states;
  for (Slot& slot : slots_) {
    states.push_back(slot.tree.Collapse(0, static_cast<size_t>(shape_.width), shape_.LeavesPerSegment()));
  }
  Deliver(segment * shape_.width, static_cast<size_t>(shape_.width), states);
}

void Pass::Deliver(int64_t first, size_t count, absl::Span<const States> states) const {
  for (const Consumer& consumer : consumers_) {
    absl::InlinedVector<States, 2> own;
    for (const Source& source : consumer.sources) {
      const bool is_second = slots_[source.slot].kind == FoldKind::kMinMax && source.kind == FoldKind::kMax;
      own.push_back(states[source.slot].FromWord(is_second ? 1 : 0));
    }
    const auto per_result = static_cast<size_t>(consumer.states_per_result);
    treduce::Finish(consumer.finish, {*consumer.reduction, own, static_cast<size_t>(first) / per_result,
                                      count / per_result, consumer.outputs, fold_dtype_});
  }
}

bool Pass::Finish(const std::atomic<bool>* cancelled) {
  const auto count = static_cast<size_t>(shape_.kept_count);
  const bool no_elements = shape_.rows == 0 || shape_.segments_per_output == 0;
  if (count == 0 || (!no_elements && !shape_.interleaved)) return true;  // all is delivered
  constexpr size_t kBatch = 4096;
  if (no_elements) {
    Reserve(std::min(count, kBatch));
    for (Slot& slot : slots_) slot.fold->init(slot.scratch.states(), std::min(count, kBatch));
  }
  StateSpans states;
  for (Slot& slot : slots_) {
    states.push_back(no_elements
                         ? slot.scratch.states()
                         : slot.tree.Collapse(0, count, shape_.segments_per_output * shape_.LeavesPerSegment()));
  }
  for (size_t first = 0; first < count; first += kBatch) {
    if (IsRaised(cancelled)) return false;
    Deliver(static_cast<int64_t>(first), std::min(kBatch, count - first), states);
    if (no_elements) continue;  // one batch of states serves all
    for (States& each : states) each = each.From(kBatch);
  }
  return true;
}

int64_t Pass::ByteCount(const Lowered& lowered, DType input, bool whole_leaves) {
  const PassShape shape(lowered.nest, whole_leaves);
  const double width = static_cast<double>(shape.interleaved ? shape.kept_count : shape.width);
  const double leaves = static_cast<double>(shape.segments_per_output) * static_cast<double>(shape.LeavesPerSegment());
  const double levels = leaves < 2 ? 1 : std::bit_width(static_cast<uint64_t>(leaves));
  // Leaves on their way to the trees, no more than there are.
  const double batch = std::max(static_cast<double>(shape.width), static_cast<double>(kMaxBatchLeaves));
  const double scratch = std::clamp(std::max(leaves, 1.0) * static_cast<double>(shape.kept_count), 1.0, batch);
  double bytes = 0;
  for (FoldKind kind : lowered.folds) {
    bytes += FindFold(kind, lowered.fold_dtype)->field_count * 8.0 * (width * levels + scratch);
  }
  const double staged_rows = !shape.columns || whole_leaves ? static_cast<double>(shape.leaf_rows) : 0.0;
  bytes += staged_rows * static_cast<double>(shape.width) *
           static_cast<double>(std::max(ByteSize(lowered.fold_dtype), ByteSize(input)));
  return bytes < 0x1p62 ? static_cast<int64_t>(bytes) : std::numeric_limits<int64_t>::max();
}

std::unique_ptr<Pass> MakePass(const Lowered& lowered, DType input, bool whole_leaves, const Threads& threads) {
  if (PassShape(lowered.nest, whole_leaves).columns) {
    return std::make_unique<ColumnPass>(lowered, input, whole_leaves, threads);
  }
  return std::make_unique<RowPass>(lowered, input, whole_leaves, threads);
}

}  // namespace treduce
