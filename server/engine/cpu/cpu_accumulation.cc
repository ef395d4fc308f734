// Shares passes among the reductions of a request, and hands them the bytes that arrive, in whole elements.
#include "server/engine/cpu/cpu_accumulation.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "server/engine/plan/lowering.h"
#include "server/engine/values/cancellation.h"
#include "server/engine/values/errors.h"
#include "server/engine/values/huge_pages.h"

namespace treduce {
namespace {

// Bytes between two looks at the cancellation flag; also what several passes read again from cache, if their leaves are
// no larger.
constexpr size_t kBlockBytes = 256 * 1024;
constexpr size_t kSinglePassBlockBytes = 64 * 1024 * 1024;
// The same while memory for results is set up.
constexpr size_t kFreshBytes = 4 * 1024 * 1024;

bool NeedsWholeLeaves(const Lowered& lowered) {
  return FindFold(lowered.folds.front(), lowered.fold_dtype)->whole_leaves;
}

absl::Status Cancelled() { return absl::CancelledError("cancelled"); }

}  // namespace

CpuAccumulation::CpuAccumulation(Plan plan, const Threads& threads, ScratchPool& scratches,
                                 const std::atomic<bool>* cancelled)
    : plan_(std::move(plan)),
      threads_(threads),
      scratches_(scratches),
      cancelled_(cancelled),
      element_size_(ByteSize(plan_.dtype)) {}

absl::Status CpuAccumulation::Prepare() {
  if (std::exchange(is_prepared_, true)) return absl::OkStatus();
  results_.reserve(plan_.reductions.size());
  for (const PlannedReduction& reduction : plan_.reductions) {
    ReductionResult& result = results_.emplace_back();
    std::vector<Tensor*> outputs;
    for (const OutputSpec& spec : reduction.outputs) {
      std::vector<std::byte>& data = result.outputs.emplace_back(Tensor{spec.dtype, spec.shape, {}}).data;
      // What is as large as turns out is allocated then.
      const auto byte_count =
          absl::c_linear_search(spec.shape, kUnknownExtent) ? 0 : static_cast<size_t>(spec.byte_count);
      data.reserve(byte_count);
      PreferHugePages(data.data(), byte_count);
      while (data.size() < byte_count) {  // fresh memory may come at 1 GB/s or less
        if (IsRaised(cancelled_)) return Cancelled();
        data.resize(std::min(byte_count, data.size() + kFreshBytes));
      }
    }
    for (Tensor& output : result.outputs) outputs.push_back(&output);
    AddToPass(reduction, std::move(outputs));
  }
  return absl::OkStatus();
}

void CpuAccumulation::AddToPass(const PlannedReduction& reduction, std::vector<Tensor*> outputs) {
  const Lowered lowered = Lower(reduction, plan_.dtype);
  if (lowered.unique.has_value()) {
    if (unique_ == nullptr) unique_ = std::make_unique<UniquePass>(plan_, scratches_, cancelled_);
    return unique_->Add(reduction, *lowered.unique, std::move(outputs));
  }
  if (lowered.selection.has_value()) {
    if (plan_.element_count == 0) return;  // there are no results
    auto pass = std::find_if(selections_.begin(), selections_.end(),
                             [&](const auto& each) { return each->nest() == lowered.nest; });
    if (pass == selections_.end()) {
      selections_.push_back(
          std::make_unique<SelectionPass>(lowered.nest, plan_.dtype, threads_, scratches_, cancelled_));
      pass = selections_.end() - 1;
    }
    return (*pass)->Add(reduction, lowered, std::move(outputs));
  }
  const DType seen = lowered.cast == nullptr ? plan_.dtype : reduction.compute_dtype;
  const bool whole_leaves = NeedsWholeLeaves(lowered);
  auto view = std::find_if(views_.begin(), views_.end(), [&](const View& v) {
    return v.cast == lowered.cast && v.pass->Takes(lowered, whole_leaves);
  });
  if (view == views_.end()) {
    views_.push_back({MakePass(lowered, seen, whole_leaves, threads_), lowered.cast, seen});
    view = views_.end() - 1;
  }
  view->pass->Add(reduction, lowered, std::move(outputs));
}

void CpuAccumulation::ClearPasses() {
  views_.clear();
  selections_.clear();
  unique_ = nullptr;
}

absl::Status CpuAccumulation::Fail(absl::Status status) {
  status_ = std::move(status);
  ClearPasses();
  results_.clear();
  return status_;
}

absl::Status CpuAccumulation::Append(absl::Span<const std::byte> bytes) {
  if (!status_.ok()) return status_;
  if (static_cast<int64_t>(bytes.size()) > plan_.byte_count - byte_count_) {
    return Fail(SizeMismatch(plan_, "more arrived"));
  }
  try {
    if (absl::Status prepared = Prepare(); !prepared.ok()) return Fail(std::move(prepared));
    byte_count_ += static_cast<int64_t>(bytes.size());
    if (split_size_ > 0) {
      const size_t missing = std::min(element_size_ - split_size_, bytes.size());
      std::memcpy(split_.data() + split_size_, bytes.data(), missing);
      split_size_ += missing;
      bytes.remove_prefix(missing);
      if (split_size_ < element_size_) return absl::OkStatus();
      split_size_ = 0;
      if (absl::Status folded = Take(split_.data(), 1); !folded.ok()) return Fail(std::move(folded));
    }
    const size_t whole = bytes.size() / element_size_;
    if (absl::Status folded = Take(bytes.data(), whole); !folded.ok()) return Fail(std::move(folded));
    bytes.remove_prefix(whole * element_size_);
    if (!bytes.empty()) std::memcpy(split_.data(), bytes.data(), bytes.size());
    split_size_ = bytes.size();
  } catch (const std::bad_alloc&) {
    return Fail(OutOfMemory());
  }
  return absl::OkStatus();
}

absl::Status CpuAccumulation::Take(const std::byte* x, size_t count) {
  if (unique_ != nullptr && !unique_->Append(x, count * element_size_)) return Cancelled();
  for (const auto& selection : selections_) {
    if (!selection->Append(x, count)) return Cancelled();
  }
  return views_.empty() ? absl::OkStatus() : Fold(x, count);
}

absl::Status CpuAccumulation::Fold(const std::byte* x, size_t count) {
  const size_t block = (views_.size() == 1 ? kSinglePassBlockBytes : kBlockBytes) / element_size_;
  while (count > 0) {
    size_t now = block;
    for (const View& view : views_) {  // what is cast comes in tiles anyway
      if (view.cast != nullptr) continue;
      now = std::max(now, view.pass->RestOfLeaf() * view.pass->element_size() / element_size_);
    }
    now = std::min({now, kSinglePassBlockBytes / element_size_, count});
    for (View& view : views_) {
      if (IsRaised(cancelled_)) return Cancelled();
      if (view.cast == nullptr) {
        view.pass->Append(x, now * element_size_ / view.pass->element_size());
      } else {
        FoldCast(view, x, now);
      }
    }
    x += now * element_size_;
    count -= now;
  }
  return absl::OkStatus();
}

void CpuAccumulation::FoldCast(View& view, const std::byte* x, size_t count) {
  alignas(64) std::byte tile[kRowLeaf * kMaxElementSize];
  for (size_t i = 0; i < count; i += kRowLeaf) {
    const size_t now = std::min<size_t>(kRowLeaf, count - i);
    view.cast(x + i * element_size_, now, tile);
    view.pass->Append(tile, now * ByteSize(view.dtype) / view.pass->element_size());
  }
}

absl::StatusOr<std::vector<ReductionResult>> CpuAccumulation::Finish() {
  if (!status_.ok()) return status_;
  if (byte_count_ != plan_.byte_count) return Fail(SizeMismatch(plan_, absl::StrCat(byte_count_, " arrived")));
  try {
    if (absl::Status prepared = Prepare(); !prepared.ok()) return Fail(std::move(prepared));
    for (View& view : views_) {
      if (!view.pass->Finish(cancelled_)) return Fail(Cancelled());
    }
    if (unique_ != nullptr && plan_.element_count == 0) unique_->FinishEmpty();
  } catch (const std::bad_alloc&) {
    return Fail(OutOfMemory());
  }
  ClearPasses();
  status_ = absl::FailedPreconditionError("the accumulation is finished");
  return std::move(results_);
}

namespace {

// Of the pass of one reduction that shares it with no other.
int64_t PassByteCount(const Plan& plan, const PlannedReduction& reduction) {
  const Lowered lowered = Lower(reduction, plan.dtype);
  if (lowered.unique.has_value()) return UniquePass::ByteCount(plan, reduction, *lowered.unique);
  if (lowered.selection.has_value()) return SelectionPass::ByteCount(lowered);
  const DType seen = lowered.cast == nullptr ? plan.dtype : reduction.compute_dtype;
  return Pass::ByteCount(lowered, seen, NeedsWholeLeaves(lowered));
}

}  // namespace

int64_t AccumulationByteCount(const Plan& plan) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  int64_t bytes = plan.result_byte_count;
  for (const PlannedReduction& reduction : plan.reductions) {
    const int64_t pass = PassByteCount(plan, reduction);
    bytes = pass > kMax - bytes ? kMax : bytes + pass;
  }
  return bytes;
}

}  // namespace treduce
