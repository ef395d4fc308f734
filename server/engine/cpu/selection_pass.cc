// Gathers and selects, many outputs at a time where they are small.
#include "server/engine/cpu/selection_pass.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "server/engine/cpu/tuning.h"
#include "server/engine/plan/finish.h"
#include "server/engine/values/cancellation.h"

namespace treduce {
namespace {

// Elements between two looks at the cancellation flag, where an output has no more.
constexpr size_t kBatchElements = size_t{4} << 20;
constexpr size_t kMaxBatch = size_t{64} << 10;
// An output takes no less time than a fold of as many elements.
constexpr size_t kMinCost = 32;
// Words of the states of a batch, at most, unless one output has more.
constexpr size_t kMaxBatchWords = size_t{64} << 10;
// A strip of neighbouring outputs is as wide as a cache line, unless that is more than this many bytes to gather.
constexpr size_t kLineBytes = 64;
constexpr size_t kMaxStripBytes = size_t{4} << 20;
// Elements between gathered outputs, so that those of a strip are not all in the same sets of the cache.
constexpr size_t kGap = 16;

bool IsFew(const BlockShape& shape) { return shape.reduced <= static_cast<int64_t>(kMostFew); }

size_t StripOf(const BlockShape& shape, size_t element_size) {
  if (IsFew(shape)) return kFewOutputs;
  if (shape.outputs == 1 || shape.axes.back().reduced) return 1;
  const auto output_bytes = (static_cast<size_t>(shape.reduced) + kGap) * element_size;
  return std::clamp<size_t>(kMaxStripBytes / output_bytes, 1, kLineBytes / element_size);
}

// Whether elements are counted as they arrive: few values, and many more elements.
bool IsCounted(const BlockShape& shape, DType dtype) {
  return ByteSize(dtype) <= 2 && shape.outputs == 1 &&
         shape.reduced / 2 >= Histogram::ByteCount(dtype, true) / static_cast<int64_t>(ByteSize(dtype));
}

size_t BatchOf(const BlockShape& shape) {
  return std::clamp<size_t>(kBatchElements / static_cast<size_t>(shape.reduced), 1, kMaxBatch);
}

template <class T>
void CopyStrip(const std::byte* from, size_t count, size_t stride, std::byte* to) {
  for (size_t i = 0; i < count; ++i) std::memcpy(to + i * stride * sizeof(T), from + i * sizeof(T), sizeof(T));
}

}  // namespace

BlockShape::BlockShape(const LoopNest& nest) : outputs(1), reduced(1) {
  for (const LoopNest::Axis& axis : nest.axes) {
    if (axes.empty() && !axis.reduced) continue;
    (axis.reduced ? reduced : outputs) *= axis.size;
    axes.push_back(axis);
  }
}

SelectionPass::SelectionPass(const LoopNest& nest, DType dtype, const Threads& threads, ScratchPool& scratches,
                             const std::atomic<bool>* cancelled)
    : nest_(nest),
      shape_(nest),
      dtype_(dtype),
      element_size_(ByteSize(dtype)),
      threads_(threads),
      scratches_(scratches),
      cancelled_(cancelled),
      batch_(BatchOf(shape_)),
      strip_(StripOf(shape_, element_size_)),
      buffer_(static_cast<size_t>(shape_.outputs * shape_.reduced) * element_size_) {}

void SelectionPass::Add(const PlannedReduction& reduction, const Lowered& lowered, std::vector<Tensor*> outputs) {
  Consumer consumer = {
      &reduction, FindSelection(*lowered.selection, dtype_), lowered.selection_params, lowered.finish, {}, {}};
  for (Tensor* output : outputs) consumer.outputs.push_back(output->data.data());
  const auto words = static_cast<size_t>(consumer.selection->field_count(consumer.params));
  batch_ = std::min(batch_, std::max<size_t>(1, kMaxBatchWords / words));
  consumers_.push_back(std::move(consumer));
}

void SelectionPass::Prepare() {
  for (Consumer& consumer : consumers_) {
    if (!consumer.states) consumer.states = StateBlock(consumer.selection->field_count(consumer.params), batch_);
  }
}

bool SelectionPass::Append(const std::byte* x, size_t count) {
  Prepare();
  if (IsCounted(shape_, dtype_)) return Count(x, count);
  return buffer_.Append(x, count * element_size_,
                        [this](const std::byte* blocks, size_t whole) { return TakeBlocks(blocks, whole); });
}

bool SelectionPass::Count(const std::byte* x, size_t count) {
  const auto block = static_cast<size_t>(shape_.reduced);
  while (count > 0) {
    if (IsRaised(cancelled_)) return false;
    size_t taken;
    if (!histogram_.has_value() && count >= block) {
      if (!TakeBlocks(x, count / block)) return false;
      taken = count / block * block;
    } else {
      if (!histogram_.has_value()) histogram_.emplace(dtype_, /*with_first=*/true);
      taken = std::min({count, block - static_cast<size_t>(histogram_->size()), kBatchElements});
      histogram_->Add(x, taken);
      if (static_cast<size_t>(histogram_->size()) == block) {
        for (Consumer& consumer : consumers_) {
          consumer.selection->of_histogram(consumer.params, *histogram_, consumer.states.states(), 0);
        }
        FinishOutputs(1);
        histogram_.reset();
      }
    }
    x += taken * element_size_;
    count -= taken;
  }
  return true;
}

bool SelectionPass::TakeBlocks(const std::byte* x, size_t count) {
  const size_t outputs = count * static_cast<size_t>(shape_.outputs);
  for (size_t first = 0; first < outputs; first += batch_) {
    if (IsRaised(cancelled_)) return false;
    const size_t now = std::min(batch_, outputs - first);
    SelectOutputs(x, first, now);
    if (IsRaised(cancelled_)) return false;
    FinishOutputs(now);
  }
  return true;
}

void SelectionPass::SelectOutputs(const std::byte* blocks, size_t first, size_t count) {
  const auto serially = [](size_t size, absl::FunctionRef<void(size_t, size_t)> body) { body(0, size); };
  const auto side_by_side = [this](size_t size, absl::FunctionRef<void(size_t, size_t)> body) {
    threads_.ParallelFor(size, body);
  };
  // Strips that do not cross the end of a row of outputs.
  const size_t width = shape_.outputs == 1 || shape_.axes.back().reduced ? std::numeric_limits<size_t>::max()
                                                                         : static_cast<size_t>(shape_.axes.back().size);
  const auto select = [&](size_t begin, size_t end, ParallelFor parallel_for) {
    const ScratchPool::Lease scratch(scratches_);
    for (size_t output = begin; output < end;) {
      const size_t strip = std::min({strip_, width - output % width, end - output});
      SelectStrip(blocks, output, strip, output - first, *scratch, parallel_for);
      output += strip;
    }
  };
  // Large outputs are selected from by all threads together, so that there is scratch for one of them only.
  const auto reduced = static_cast<size_t>(shape_.reduced);
  if (reduced >= kParallelElements) {
    select(first, first + count, side_by_side);
  } else if (count * std::max(reduced, kMinCost) < kParallelElements) {
    select(first, first + count, serially);
  } else {
    const size_t strips = (count + strip_ - 1) / strip_;
    threads_.ParallelFor(strips, [&](size_t begin, size_t end) {
      select(first + begin * strip_, first + std::min(count, end * strip_), serially);
    });
  }
}

void SelectionPass::SelectStrip(const std::byte* blocks, size_t first, size_t count, size_t at,
                                SelectionScratch& scratch, ParallelFor parallel_for) {
  const auto reduced = static_cast<size_t>(shape_.reduced);
  const std::byte* elements = blocks + first * reduced * element_size_;
  size_t output_stride = reduced;
  size_t element_stride = 1;
  std::unique_ptr<std::byte[]> gathered;
  if (shape_.outputs > 1) {
    const auto outputs = static_cast<size_t>(shape_.outputs);
    const bool is_strip = !shape_.axes.back().reduced;
    const bool side_by_side = is_strip && IsFew(shape_);
    output_stride = side_by_side ? 1 : reduced + kGap;
    element_stride = side_by_side ? count : 1;
    gathered.reset(new std::byte[count * (reduced + kGap) * element_size_]);
    for (size_t i = 0; i < count; i += is_strip ? count : 1) {
      const size_t output = first + i;
      Gather(blocks + output / outputs * outputs * reduced * element_size_, output % outputs, is_strip ? count : 1,
             output_stride, element_stride, gathered.get() + i * output_stride * element_size_);
    }
    elements = gathered.get();
  }
  if (IsFew(shape_)) {
    for (Consumer& consumer : consumers_) {
      if (IsRaised(cancelled_)) return;
      consumer.selection->of_few(consumer.params, {elements, reduced, count, output_stride, element_stride},
                                 consumer.states.states(), at);
    }
    return;
  }
  for (size_t i = 0; i < count; ++i) {
    for (Consumer& consumer : consumers_) {
      if (IsRaised(cancelled_)) return;
      consumer.selection->of_elements(consumer.params, elements + i * output_stride * element_size_, reduced, scratch,
                                      parallel_for, consumer.states.states(), at + i);
    }
  }
}

void SelectionPass::Gather(const std::byte* block, size_t first, size_t count, size_t output_stride,
                           size_t element_stride, std::byte* out) const {
  // The place of the first output, and how far it is from one value of a reduced axis to the next.
  struct Digit {
    size_t size, step, value;
  };
  absl::InlinedVector<Digit, 6> digits;  // of the reduced axes, innermost first
  size_t offset = 0;
  size_t step = 1;
  for (size_t i = shape_.axes.size(); i-- > 0;) {
    const auto size = static_cast<size_t>(shape_.axes[i].size);
    if (shape_.axes[i].reduced) {
      digits.push_back({size, step, 0});
    } else {
      offset += first % size * step;
      first /= size;
    }
    step *= size;
  }
  size_t run = 1;  // neighbouring elements of an output
  if (shape_.axes.back().reduced) {
    run = digits.front().size;
    digits.erase(digits.begin());
  }
  const auto copy = [&](const std::byte* from, std::byte* to) {
    // Several of one output, or one of each.
    const size_t together = run > 1 ? run : output_stride == 1 ? count : 0;
    if (together > 0) return static_cast<void>(std::memcpy(to, from, together * element_size_));
    switch (element_size_) {
      case 1:
        return CopyStrip<uint8_t>(from, count, output_stride, to);
      case 2:
        return CopyStrip<uint16_t>(from, count, output_stride, to);
      case 4:
        return CopyStrip<uint32_t>(from, count, output_stride, to);
      default:
        return CopyStrip<uint64_t>(from, count, output_stride, to);
    }
  };
  for (size_t r = 0; r < static_cast<size_t>(shape_.reduced); r += run) {
    copy(block + offset * element_size_, out + r * element_stride * element_size_);
    for (Digit& digit : digits) {
      offset += digit.step;
      if (++digit.value < digit.size) break;
      offset -= digit.size * digit.step;
      digit.value = 0;
    }
  }
}

void SelectionPass::FinishOutputs(size_t count) {
  for (const Consumer& consumer : consumers_) {
    const States states = consumer.states.states();
    Finish(consumer.finish, {*consumer.reduction, absl::MakeConstSpan(&states, 1), static_cast<size_t>(output_), count,
                             consumer.outputs, dtype_});
  }
  output_ += static_cast<int64_t>(count);
}

int64_t SelectionPass::ByteCount(const Lowered& lowered) {
  if (lowered.nest.kept_count == 0) return 0;
  const BlockShape shape(lowered.nest);
  const DType dtype = lowered.fold_dtype;
  const auto size = static_cast<double>(ByteSize(dtype));
  const auto reduced = static_cast<double>(shape.reduced);
  const double words = FindSelection(*lowered.selection, dtype)->field_count(lowered.selection_params);
  const double batch =
      std::min(static_cast<double>(BatchOf(shape)), std::max(1.0, static_cast<double>(kMaxBatchWords) / words));
  double bytes = 8 * words * batch + ScratchByteCount(*lowered.selection, lowered.selection_params, dtype, reduced);
  if (!IsCounted(shape, dtype)) bytes += static_cast<double>(shape.outputs) * reduced * size;
  if (shape.outputs > 1) bytes += static_cast<double>(StripOf(shape, ByteSize(dtype))) * (reduced + kGap) * size;
  return bytes < 0x1p62 ? static_cast<int64_t>(bytes) : std::numeric_limits<int64_t>::max();
}

}  // namespace treduce
