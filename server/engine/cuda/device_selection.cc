// Takes the ranks of a plan a few at a time.
#include "server/engine/cuda/device_selection.h"

#include <algorithm>
#include <cmath>

#include "server/engine/cuda/cut.h"
#include "server/engine/cuda/gather_kernels.h"
#include "server/engine/cuda/selection_kernels.h"
#include "server/engine/cuda/set_nest.h"
#include "server/engine/plan/pass_shape.h"

namespace treduce::cuda {
namespace {

constexpr size_t kNoIndex = SIZE_MAX;

size_t Aligned(size_t bytes) { return (bytes + 15) / 16 * 16; }

// Whether the elements of an output are not neighbours.
bool IsApart(const NestSpec& nest) { return nest.columns || nest.interleaved; }

}  // namespace

DeviceSelection::DeviceSelection(const LoopNest& nest, DType dtype, int multiprocessors) : nest_(nest), dtype_(dtype) {
  SetNest(PassShape(nest, /*whole_leaves=*/false), nest.reduced_count, nest_spec_);
  spec_.outputs = nest.kept_count;
  spec_.n = nest.reduced_count;
  CutSelection(spec_, multiprocessors);
}

bool DeviceSelection::Has(const Lowered& lowered) {
  if (*lowered.selection == SelectionKind::kMode) return false;
  const QuantileOptions* quantiles = lowered.selection_params.quantiles;
  return quantiles == nullptr || quantiles->q.values().size() <= kMaxQuantiles;
}

void DeviceSelection::Add(const PlannedReduction& reduction, const Lowered& lowered, absl::Span<const size_t> outputs) {
  Rank rank = {};
  rank.spec.ignores_nan =
      *lowered.selection == SelectionKind::kNanMedian || *lowered.selection == SelectionKind::kNanQuantiles;
  rank.out = outputs[0];
  rank.index = outputs.size() > 1 ? outputs[1] : kNoIndex;
  const QuantileOptions* quantiles = lowered.selection_params.quantiles;
  if (quantiles == nullptr) return ranks_.push_back(rank);
  rank.spec.is_quantile = true;
  rank.spec.interpolation = quantiles->interpolation;
  rank.spec.is_wide = reduction.compute_dtype == DType::kFloat64;
  for (size_t i = 0; i < quantiles->q.values().size(); ++i) {
    rank.spec.q = QuantileAt(lowered.selection_params, i);
    ranks_.push_back(rank);
    rank.out += static_cast<size_t>(nest_.kept_count) * ByteSize(reduction.compute_dtype);
  }
}

DeviceSelection::Layout DeviceSelection::LayOut() const {
  const auto outputs = static_cast<size_t>(spec_.outputs);
  const size_t shared = IsShared(spec_) ? outputs : 0;
  const size_t elements = IsApart(nest_spec_) ? outputs * static_cast<size_t>(spec_.n) * ByteSize(dtype_) : 0;
  Layout layout;
  layout.searches = Aligned(elements);
  layout.tables = layout.searches + Aligned(shared * sizeof(Search));
  const size_t tables = shared * std::min<size_t>(kMaxRanks, ranks_.size());
  layout.end = layout.tables + tables * kTableWords * sizeof(uint64_t);
  return layout;
}

double DeviceSelection::TrafficByteCount() const {
  const double bytes =
      static_cast<double>(nest_.kept_count * nest_.reduced_count) * static_cast<double>(ByteSize(dtype_));
  const double readings = static_cast<double>(ByteSize(dtype_)) + 1;  // a digit each, at most
  return bytes * (std::ceil(static_cast<double>(ranks_.size()) / kMaxRanks) * readings + (IsApart(nest_spec_) ? 2 : 0));
}

Error DeviceSelection::Launch(const void* x, std::byte* workspace, std::byte* memory, Stream stream) const {
  const Layout layout = LayOut();
  SelectionSpec spec = spec_;
  spec.x = x;
  spec.searches = reinterpret_cast<Search*>(memory + layout.searches);
  spec.tables = reinterpret_cast<uint64_t*>(memory + layout.tables);
  if (IsApart(nest_spec_) && !ranks_.empty()) {
    const Error error = LaunchGather(nest_spec_, ByteSize(dtype_), x, memory, stream);
    if (error != kSuccess) return error;
    spec.x = memory;
  }
  for (size_t first = 0; first < ranks_.size(); first += kMaxRanks) {
    spec.rank_count = static_cast<int>(std::min<size_t>(kMaxRanks, ranks_.size() - first));
    for (int r = 0; r < spec.rank_count; ++r) {
      const Rank& rank = ranks_[first + static_cast<size_t>(r)];
      spec.ranks[r] = rank.spec;
      spec.ranks[r].out = workspace + rank.out;
      if (rank.index != kNoIndex) spec.ranks[r].index = reinterpret_cast<int64_t*>(workspace + rank.index);
    }
    if (const Error error = LaunchSelection(dtype_, spec, stream); error != kSuccess) return error;
  }
  return kSuccess;
}

}  // namespace treduce::cuda
