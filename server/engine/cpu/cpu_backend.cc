// Accumulations share the threads and the scratch memory.
#include "server/engine/cpu/cpu_backend.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/engine/cpu/cpu_accumulation.h"
#include "server/engine/fold/fold.h"
#include "server/engine/plan/lowering.h"

namespace treduce {
namespace {

// GB/s of one thread, about: what float32 from memory reaches (tests/bench/kernels.txt), the slowest of the dtypes that
// matter. It need only tell what a device is worth: the ways there and back cost it a tenth of a second for a GB.
// Complex elements are folded without SIMD.
double GigabytesPerSecond(FoldKind kind, DType dtype) {
  switch (kind) {
    case FoldKind::kMoments:
      return 10;
    case FoldKind::kPowerSum:
      return 3;
    case FoldKind::kLogSumExp:
      return IsComplex(dtype) ? 0.4 : 3;
    case FoldKind::kProduct:
      return IsComplex(dtype) ? 1.5 : 18;
    default:
      return 18;
  }
}

constexpr double kSelectionGigabytesPerSecond = 5;
// Quantiles are searched for one after the other, and many sorted for in the time of about so many searches.
constexpr size_t kMostSearches = 4;
constexpr double kUniqueGigabytesPerSecond = 1;

// Beyond so many threads memory is what folds wait for.
constexpr int kScalingThreads = 8;

double SecondsPerGigabyte(const PlannedReduction& reduction, DType input) {
  const Lowered lowered = Lower(reduction, input);
  if (lowered.unique.has_value()) return 1 / kUniqueGigabytesPerSecond;
  if (lowered.selection.has_value()) {
    const QuantileOptions* quantiles = lowered.selection_params.quantiles;
    const size_t searches =
        quantiles == nullptr ? 1 : std::clamp<size_t>(quantiles->q.values().size(), 1, kMostSearches);
    return static_cast<double>(searches) / kSelectionGigabytesPerSecond;
  }
  double seconds = 0;
  for (const FoldKind fold : lowered.folds) seconds += 1 / GigabytesPerSecond(fold, lowered.fold_dtype);
  return seconds;
}

}  // namespace

CpuBackend::CpuBackend(int thread_count)
    : threads_(thread_count), description_(absl::StrCat(SimdTargetName(), ", ", threads_.count(), " threads")) {}

absl::Duration CpuBackend::Estimate(const Plan& plan) const {
  double seconds_per_gigabyte = 0;
  for (const PlannedReduction& reduction : plan.reductions) {
    seconds_per_gigabyte += SecondsPerGigabyte(reduction, plan.dtype);
  }
  const double gigabytes = static_cast<double>(plan.byte_count) / 1e9;
  return absl::Seconds(gigabytes * seconds_per_gigabyte / std::min(threads_.count(), kScalingThreads));
}

absl::StatusOr<std::unique_ptr<Accumulation>> CpuBackend::Start(Plan plan, const std::atomic<bool>* cancelled) {
  return std::make_unique<CpuAccumulation>(std::move(plan), threads_, scratches_, cancelled);
}

}  // namespace treduce
