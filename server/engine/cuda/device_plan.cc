// Shares passes among the reductions of a plan, as cpu/cpu_accumulation.cc does.
#include "server/engine/cuda/device_plan.h"

#include <algorithm>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "server/engine/backend.h"
#include "server/engine/cuda/convert_kernels.h"
#include "server/engine/cuda/pass_kernels.h"
#include "server/engine/cuda/set_nest.h"
#include "server/engine/plan/op_registry.h"
#include "server/engine/plan/pass_shape.h"
#include "server/engine/values/errors.h"

namespace treduce::cuda {
namespace {

constexpr size_t kAlignment = 256;

// More than any device holds; all sizes of so many fit in 64 bits.
constexpr int64_t kMostElements = int64_t{1} << 40;

absl::Status Refusal(absl::string_view what) {
  return treduce::Error(absl::StatusCode::kUnimplemented, {kUnsupportedByDevice, "device", ""},
                        absl::StrCat("a CUDA device has no kernels for ", what));
}

absl::Status NoKernels(const PlannedReduction& reduction, absl::string_view why) {
  return Refusal(absl::StrCat(std::string(FindOp(reduction.reduction.op)->name), why));
}

bool IsEnd(FoldKind kind) { return kind == FoldKind::kMin || kind == FoldKind::kMax || kind == FoldKind::kMinMax; }

int WordCount(FoldKind kind, DType dtype) { return FindFold(kind, dtype)->field_count; }

// The fold of `spec` that `kind` can be read from, made one for both where it is the other end; a new one otherwise, or
// -1 if there is no room for it.
int FoldOf(PassSpec& spec, FoldKind kind, const FoldParams& params) {
  for (int i = 0; i < spec.fold_count; ++i) {
    FoldSpec& fold = spec.folds[i];
    const bool same = fold.kind == kind && (kind != FoldKind::kPowerSum || fold.params.ord == params.ord);
    if (!same && !(IsEnd(fold.kind) && IsEnd(kind))) continue;
    if (!same) fold.kind = FoldKind::kMinMax;
    return i;
  }
  if (spec.fold_count == kMaxFolds) return -1;
  spec.folds[spec.fold_count] = {kind, 0, 0, params};
  return spec.fold_count++;
}

}  // namespace

size_t DevicePlan::Reserve(size_t bytes) {
  const size_t at = workspace_byte_count_;
  workspace_byte_count_ += (bytes + kAlignment - 1) / kAlignment * kAlignment;
  return at;
}

size_t DevicePlan::ViewOf(Conversion conversion, DType dtype) {
  for (size_t i = 0; i < views_.size(); ++i) {
    if (views_[i].conversion == conversion && views_[i].dtype == dtype) return i;
  }
  const size_t bytes = conversion == Conversion::kNone ? 0 : static_cast<size_t>(element_count_) * ByteSize(dtype);
  views_.push_back({conversion, dtype, Reserve(bytes)});
  return views_.size() - 1;
}

bool DevicePlan::AddTo(Pass& pass, const PlannedReduction& reduction, const Lowered& lowered,
                       const absl::InlinedVector<size_t, 2>& outputs) const {
  PassSpec& spec = pass.spec;
  const PassSpec before = spec;
  if (spec.result_count == kMaxResults) return false;
  absl::InlinedVector<Source, 2> sources;
  for (const FoldKind kind : lowered.folds) {
    const int fold = FoldOf(spec, kind, lowered.params);
    if (fold < 0) {
      spec = before;
      return false;
    }
    sources.push_back({fold, kind});
  }
  const DType compute = reduction.compute_dtype;
  ResultSpec& result = spec.results[spec.result_count++];
  result = {};
  result.kind = lowered.finish;
  result.is_wide = RealDType(compute) == DType::kFloat64 || lowered.conversion == Conversion::kMagnitude;
  result.parts_apart = lowered.states_per_result == 2;
  for (size_t i = 0; i < reduction.outputs.size(); ++i) result.dtype[i] = RealDType(reduction.outputs[i].dtype);
  if (const auto* options = std::get_if<VarianceOptions>(&reduction.reduction.options)) {
    result.correction = options->correction;
  }
  result.ord = lowered.params.ord;
  pass.sources.push_back(std::move(sources));
  pass.outputs.push_back(outputs);
  return true;
}

absl::Status DevicePlan::Add(const PlannedReduction& reduction) {
  const Lowered lowered = Lower(reduction, dtype_);
  if (lowered.unique.has_value()) return NoKernels(reduction, "");
  if (lowered.selection.has_value() && !DeviceSelection::Has(lowered)) {
    return NoKernels(reduction, *lowered.selection == SelectionKind::kMode ? "" : " with so many q");
  }
  const bool whole_leaves = !lowered.folds.empty() && FindFold(lowered.folds.front(), lowered.fold_dtype)->whole_leaves;
  const PassShape shape(lowered.nest, whole_leaves);
  if (shape.outer.size() > kMaxOuterAxes) return NoKernels(reduction, " over so many dims apart");
  absl::InlinedVector<size_t, 2> outputs;
  for (const OutputSpec& output : reduction.outputs) outputs.push_back(Reserve(static_cast<size_t>(output.byte_count)));
  outputs_.push_back(outputs);
  if (lowered.selection.has_value()) {
    AddSelection(reduction, lowered, outputs);
    return absl::OkStatus();
  }
  const size_t view = lowered.cast != nullptr                   ? ViewOf(Conversion::kCast, reduction.compute_dtype)
                      : lowered.conversion == Conversion::kNone ? ViewOf(Conversion::kNone, dtype_)
                                                                : ViewOf(lowered.conversion, lowered.fold_dtype);
  for (Pass& pass : passes_) {
    if (pass.view == view && pass.dtype == lowered.fold_dtype && pass.shape == shape &&
        AddTo(pass, reduction, lowered, outputs)) {
      return absl::OkStatus();
    }
  }
  passes_.push_back({view, lowered.fold_dtype, shape, lowered.nest.reduced_count, {}, 0, {}, {}});
  AddTo(passes_.back(), reduction, lowered, outputs);
  return absl::OkStatus();
}

void DevicePlan::AddSelection(const PlannedReduction& reduction, const Lowered& lowered,
                              absl::Span<const size_t> outputs) {
  auto selection = absl::c_find_if(selections_, [&](const Selection& s) { return s.ranks.nest() == lowered.nest; });
  if (selection == selections_.end()) {
    selections_.push_back({DeviceSelection(lowered.nest, dtype_, multiprocessors_), 0});
    selection = selections_.end() - 1;
  }
  selection->ranks.Add(reduction, lowered, outputs);
}

void DevicePlan::Seal(Pass& pass) {
  PassSpec& spec = pass.spec;
  SetNest(pass.shape, pass.reduced_count, spec);
  spec.leaf_rows = pass.shape.leaf_rows;
  for (int i = 0; i < spec.fold_count; ++i) {
    FoldSpec& fold = spec.folds[i];
    fold.first_word = static_cast<uint8_t>(spec.word_count);
    fold.word_count = static_cast<uint8_t>(WordCount(fold.kind, pass.dtype));
    spec.word_count += fold.word_count;
  }
  for (int i = 0; i < spec.result_count; ++i) {
    for (size_t k = 0; k < pass.sources[static_cast<size_t>(i)].size(); ++k) {
      const Source source = pass.sources[static_cast<size_t>(i)][k];
      const FoldSpec& fold = spec.folds[source.fold];
      const bool is_second = fold.kind == FoldKind::kMinMax && source.kind == FoldKind::kMax;
      spec.results[i].first_word[k] = static_cast<uint8_t>(fold.first_word + (is_second ? 1 : 0));
    }
  }
  CutPass(spec, pass.dtype, multiprocessors_);
  pass.nodes = Reserve(NodeByteCount(spec));
}

absl::StatusOr<DevicePlan> DevicePlan::Make(const Plan& plan, int multiprocessors) {
  DevicePlan device_plan;
  device_plan.multiprocessors_ = multiprocessors;
  device_plan.dtype_ = plan.dtype;
  device_plan.element_count_ = plan.element_count;
  if (plan.element_count == 0) return Refusal("no elements");
  if (plan.element_count > kMostElements) return Refusal("so many elements");
  for (const PlannedReduction& reduction : plan.reductions) {
    if (absl::Status added = device_plan.Add(reduction); !added.ok()) return added;
  }
  for (Pass& pass : device_plan.passes_) device_plan.Seal(pass);
  for (Selection& selection : device_plan.selections_) {
    selection.memory = device_plan.Reserve(selection.ranks.byte_count());
  }
  return device_plan;
}

double DevicePlan::SelectionTraffic() const {
  double bytes = 0;
  for (const Selection& selection : selections_) bytes += selection.ranks.TrafficByteCount();
  return bytes;
}

Error DevicePlan::Launch(const void* x, std::byte* workspace, Stream stream) const {
  for (const View& view : views_) {
    if (view.conversion == Conversion::kNone) continue;
    const Error error =
        LaunchConvert(view.conversion, dtype_, view.dtype, x, element_count_, workspace + view.converted, stream);
    if (error != kSuccess) return error;
  }
  for (const Pass& pass : passes_) {
    PassSpec spec = pass.spec;
    const View& view = views_[pass.view];
    spec.x = view.conversion == Conversion::kNone ? x : workspace + view.converted;
    for (int i = 0; i < spec.result_count; ++i) {
      const auto& outputs = pass.outputs[static_cast<size_t>(i)];
      for (size_t k = 0; k < outputs.size(); ++k) spec.results[i].out[k] = workspace + outputs[k];
    }
    if (const Error error = LaunchPass(pass.dtype, spec, workspace + pass.nodes, stream); error != kSuccess)
      return error;
  }
  for (const Selection& selection : selections_) {
    const Error error = selection.ranks.Launch(x, workspace, workspace + selection.memory, stream);
    if (error != kSuccess) return error;
  }
  return kSuccess;
}

}  // namespace treduce::cuda
