// Requests made from the registry, so that an op that is added there is asked for by every test.
#include "tests/engine/requests.h"

#include <cstring>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/engine/plan/op_registry.h"
#include "server/engine/plan/plan.h"
#include "tests/engine/elements.h"

namespace treduce {
namespace {

std::vector<ReductionOptions> OptionsOf(OptionsKind kind) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  std::vector<ReductionOptions> options = {std::monostate()};
  if (kind == OptionsKind::kVariance) {
    for (double correction : {0.0, 0.5}) options.push_back(VarianceOptions{correction});
  } else if (kind == OptionsKind::kNorm) {
    for (double ord : {0.0, 1.0, 3.0, 0.5, -2.0, kInfinity, -kInfinity}) options.push_back(NormOptions{ord});
  } else if (kind == OptionsKind::kQuantile) {
    for (const auto& [q, interpolation] : {std::pair(0.0, Interpolation::kLinear),
                                           {0.7, Interpolation::kLinear},
                                           {0.29, Interpolation::kLower},
                                           {0.9, Interpolation::kHigher},
                                           {1.0, Interpolation::kNearest},
                                           {0.3, Interpolation::kNearest},
                                           {0.6, Interpolation::kMidpoint}}) {
      options.push_back(QuantileOptions{q, interpolation});
    }
  }
  return options;
}

std::vector<ReductionOptions> ListOptionsOf(OptionsKind kind) {
  std::vector<ReductionOptions> options;
  if (kind == OptionsKind::kQuantile) {
    std::vector<double> many;
    for (int i = 0; i <= 20; ++i) many.push_back(i / 20.0);
    for (const std::vector<double>& q : {std::vector<double>{}, {0.5}, {0.9, 0.1, 0.1, 0.5}, many}) {
      options.push_back(QuantileOptions{q, Interpolation::kLinear});
    }
  } else if (kind == OptionsKind::kUnique) {
    for (bool inverse : {false, true}) {
      for (bool counts : {false, true}) options.push_back(UniqueOptions{inverse, counts});
    }
  }
  return options;
}

bool IsAccepted(DType dtype, const Reduction& reduction) { return MakePlan({dtype, {1}, {reduction}}).ok(); }

std::string ShapeText(const Tensor& tensor) {
  return absl::StrCat(std::string(Name(tensor.dtype)), " ", ToString(tensor.shape));
}

std::string BitDifference(const Tensor& got, const Tensor& want) {
  if (got.dtype != want.dtype || got.shape != want.shape || got.data.size() != want.data.size()) {
    return absl::StrCat("is ", ShapeText(got), ", not ", ShapeText(want));
  }
  if (got.data == want.data) return "";
  const size_t bytes = ByteSize(RealDType(want.dtype));
  int64_t i = 0;
  while (std::memcmp(&got.data[i * bytes], &want.data[i * bytes], bytes) == 0) ++i;
  return absl::StrCat(ShapeText(want), " component ", i, " is ", ComponentText(got.view(), i), ", not ",
                      ComponentText(want.view(), i));
}

}  // namespace

std::vector<Reduction> ReductionsOf(DType dtype) {
  std::vector<Reduction> reductions;
  for (const OpInfo& op : AllOps()) {
    if (!op.has_fixed_shape) continue;
    for (const ReductionOptions& options : OptionsOf(op.options)) {
      const Reduction reduction{.op = op.op, .options = options};
      if (IsAccepted(dtype, reduction)) reductions.push_back(reduction);
    }
  }
  return reductions;
}

std::vector<Reduction> ListsOf(DType dtype) {
  std::vector<Reduction> reductions;
  for (const OpInfo& op : AllOps()) {
    for (const ReductionOptions& options : ListOptionsOf(op.options)) {
      const Reduction reduction{.op = op.op, .options = options};
      if (IsAccepted(dtype, reduction)) reductions.push_back(reduction);
    }
  }
  return reductions;
}

std::vector<Reduction> CastsOf(DType dtype) {
  std::vector<Reduction> reductions;
  for (const OpInfo& op : AllOps()) {
    for (DType to : kAllDTypes) {
      const Reduction reduction{.op = op.op, .dtype = to};
      if (to != dtype && IsAccepted(dtype, reduction)) reductions.push_back(reduction);
    }
  }
  return reductions;
}

std::vector<Reduction> WithDim(std::vector<Reduction> reductions, const std::vector<int64_t>& dim) {
  for (Reduction& reduction : reductions) reduction.dim = dim;
  return reductions;
}

std::vector<std::vector<int64_t>> DimSubsets(int count) {
  std::vector<std::vector<int64_t>> subsets;
  for (uint64_t mask = 0; mask < uint64_t{1} << count; ++mask) {
    std::vector<int64_t>& dims = subsets.emplace_back();
    for (int dim = 0; dim < count; ++dim) {
      if (mask >> dim & 1) dims.push_back(dim);
    }
  }
  return subsets;
}

std::string Describe(const Reduction& reduction) {
  std::string text(FindOp(reduction.op)->name);
  if (!reduction.dim.empty()) absl::StrAppend(&text, " dim=", ToString(reduction.dim));
  if (reduction.keepdim) absl::StrAppend(&text, " keepdim");
  if (reduction.dtype) absl::StrAppend(&text, " dtype=", std::string(Name(*reduction.dtype)));
  if (const auto* variance = std::get_if<VarianceOptions>(&reduction.options)) {
    absl::StrAppend(&text, " correction=", variance->correction);
  } else if (const auto* norm = std::get_if<NormOptions>(&reduction.options)) {
    absl::StrAppend(&text, " ord=", norm->ord);
  } else if (const auto* quantile = std::get_if<QuantileOptions>(&reduction.options)) {
    absl::StrAppend(&text, " q=", absl::StrJoin(quantile->q.values(), ","),
                    " interpolation=", static_cast<int>(quantile->interpolation));
  } else if (const auto* unique = std::get_if<UniqueOptions>(&reduction.options)) {
    absl::StrAppend(&text, unique->return_inverse ? " inverse" : "", unique->return_counts ? " counts" : "");
  }
  return text;
}

std::string BitDifference(const ReductionResult& got, const ReductionResult& want) {
  if (got.outputs.size() != want.outputs.size()) {
    return absl::StrCat(got.outputs.size(), " outputs, not ", want.outputs.size());
  }
  for (size_t i = 0; i < want.outputs.size(); ++i) {
    const std::string difference = BitDifference(got.outputs[i], want.outputs[i]);
    if (!difference.empty()) return absl::StrCat("output ", i, " ", difference);
  }
  return "";
}

std::string BitDifference(absl::Span<const Reduction> reductions, absl::Span<const ReductionResult> got,
                          absl::Span<const ReductionResult> want) {
  for (size_t i = 0; i < reductions.size(); ++i) {
    const std::string difference = BitDifference(got[i], want[i]);
    if (!difference.empty()) return absl::StrCat(Describe(reductions[i]), ": ", difference);
  }
  return "";
}

}  // namespace treduce
