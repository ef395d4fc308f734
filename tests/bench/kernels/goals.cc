// The table of goals, and the figures held against them.
#include "tests/bench/kernels/goals.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace treduce::bench {
namespace {

using Names = std::vector<std::string_view>;
using DTypes = std::vector<DType>;

constexpr DType kF32 = DType::kFloat32, kF64 = DType::kFloat64, kF16 = DType::kFloat16, kBF16 = DType::kBFloat16;

// A bound of 0 asks for nothing.
struct Goal {
  std::string_view name;
  Layout layout;
  Names ops;
  DTypes dtypes;  // empty for all
  double vs_roof;
  double vs_torch;
};

// Of large tensors; the first that fits a cell counts.
const std::vector<Goal>& Goals() {
  constexpr Layout kWhole = Layout::kWhole;
  const Names variances = {"var", "std", "var_mean", "std_mean"};
  const DTypes bytes = {DType::kUInt8, DType::kBool};
  static const auto& goals = *new std::vector<Goal>{
      {"sum, mean, prod of float32, int32, int64",
       kWhole,
       {"sum", "mean", "prod"},
       {kF32, DType::kInt32, DType::kInt64},
       0.90,
       1},
      {"sum, any, all, count_nonzero of bytes", kWhole, {"sum", "any", "all", "count_nonzero"}, bytes, 0.90, 1},
      {"min, max, amin, amax, aminmax", kWhole, {"min", "max", "amin", "amax", "aminmax"}, {}, 0.90, 1},
      {"argmax, argmin", kWhole, {"argmax", "argmin"}, {}, 0.90, 4},
      {"sum, mean of float64", kWhole, {"sum", "mean"}, {kF64}, 0.85, 1},
      {"sum of float16, bfloat16", kWhole, {"sum"}, {kF16, kBF16}, 0.75, 1},
      {"mean of float16, bfloat16", kWhole, {"mean"}, {kF16, kBF16}, 0.75, 18},
      {"variances of float32", kWhole, variances, {kF32}, 0.80, 5},
      {"variances of float64", kWhole, variances, {kF64}, 0.75, 3},
      {"variances of float16, bfloat16", kWhole, variances, {kF16, kBF16}, 0.40, 20},
      {"fused of float32", kWhole, {"fused"}, {kF32}, 0.60, 5},
      {"logsumexp of float32", kWhole, {"logsumexp"}, {kF32}, 0.30, 4},
      {"median, quantile of float32", kWhole, {"median", "quantile"}, {kF32}, 0.60, 40},
      {"sum of rows of float32", Layout::kRows, {"sum"}, {kF32}, 0.90, 1},
      {"sum of rows of 8 float32", Layout::kShortRows, {"sum"}, {kF32}, 0.60, 2},
      {"sum of columns of float32", Layout::kColumns, {"sum"}, {kF32}, 0.80, 2.5},
      {"sum of a middle dim of float32", Layout::kMiddle, {"sum"}, {kF32}, 0.80, 1.6},
  };
  return goals;
}

// Two threads should halve the time of what reads slower than this share of the roof.
constexpr double kComputeBound = 0.5;

bool Has(const auto& list, const auto& value) { return std::find(list.begin(), list.end(), value) != list.end(); }

bool IsLarge(const ShapeCase& shape) {
  return shape.ElementCount() >= int64_t{1} << 24 || shape.layout == Layout::kShortRows;
}

const Goal* GoalOf(const Problem& problem) {
  for (const Goal& goal : Goals()) {
    if (IsLarge(*problem.shape) && goal.layout == problem.shape->layout && Has(goal.ops, problem.op) &&
        (goal.dtypes.empty() || Has(goal.dtypes, problem.dtype))) {
      return &goal;
    }
  }
  return nullptr;
}

// Ratios of a class, of which all should reach a bound.
class Ratios {
 public:
  void Add(std::optional<double> ratio) {
    if (ratio) ratios_.push_back(*ratio);
  }
  void AddTarget(std::string_view what, double bound, Report& report) const {
    if (ratios_.empty() || bound == 0) return;
    const auto missed = std::count_if(ratios_.begin(), ratios_.end(), [&](double ratio) { return ratio < bound; });
    report.AddAtLeast(absl::StrCat(std::string(what), ", ", missed, " of ", ratios_.size(), " miss"),
                      *std::min_element(ratios_.begin(), ratios_.end()), bound);
  }

 private:
  std::vector<double> ratios_;
};

void AddScaling(const std::vector<Cell>& cells, Report& report) {
  std::map<std::string, const Cell*> with_one;
  for (const Cell& cell : cells) {
    if (cell.threads == 1 && IsLarge(*cell.problem.shape)) with_one[cell.problem.Name()] = &cell;
  }
  Ratios scaling;
  for (const Cell& cell : cells) {
    const auto one = with_one.find(cell.problem.Name());
    if (cell.threads != 2 || one == with_one.end() || one->second->vs_roof >= kComputeBound) continue;
    scaling.Add(one->second->seconds / cell.seconds);
  }
  scaling.AddTarget("2 threads x 1, where computing bounds", 1.9, report);
}

std::vector<double> Known(const std::vector<Cell>& cells, std::optional<double> Cell::*ratio) {
  std::vector<double> known;
  for (const Cell& cell : cells) {
    if (cell.*ratio) known.push_back(*(cell.*ratio));
  }
  return known;
}

}  // namespace

void AddGoals(const std::vector<Cell>& cells, Report& report) {
  std::map<const Goal*, std::pair<Ratios, Ratios>> classes;
  for (const Cell& cell : cells) {
    auto& [vs_roof, vs_torch] = classes[GoalOf(cell.problem)];
    vs_roof.Add(cell.vs_roof);
    vs_torch.Add(cell.vs_torch);
  }
  for (const Goal& goal : Goals()) {
    const auto found = classes.find(&goal);
    if (found == classes.end()) continue;
    found->second.first.AddTarget(absl::StrCat(std::string(goal.name), ", x roof"), goal.vs_roof, report);
    found->second.second.AddTarget(absl::StrCat(std::string(goal.name), ", x PyTorch"), goal.vs_torch, report);
  }
  classes[nullptr].second.AddTarget("every other cell, x PyTorch", 1, report);
  const std::vector<double> torch = Known(cells, &Cell::vs_torch);
  const std::vector<double> numpy = Known(cells, &Cell::vs_numpy);
  if (!torch.empty()) report.AddAtLeast("geometric mean, x PyTorch", GeometricMean(torch), 4);
  if (!numpy.empty()) report.AddAtLeast("geometric mean, x NumPy", GeometricMean(numpy), 4);
  AddScaling(cells, report);
}

void PrintSummary(const std::vector<Cell>& cells) {
  std::printf("\n%zu cells", cells.size());
  for (const auto& [name, ratio] : {std::pair("PyTorch", &Cell::vs_torch), std::pair("NumPy", &Cell::vs_numpy)}) {
    const std::vector<double> known = Known(cells, ratio);
    if (!known.empty()) std::printf(", %.2f x %s (mean of %zu)", GeometricMean(known), name, known.size());
  }
  std::printf("\n");
  const auto disturbed = std::count_if(cells.begin(), cells.end(), [](const Cell& cell) { return cell.disturbed; });
  if (disturbed > 0) std::printf("PyTorch is left out of %td cells: its threads had to wait for cores\n", disturbed);
  std::vector<const Cell*> worst;
  for (const Cell& cell : cells) {
    if (cell.vs_torch) worst.push_back(&cell);
    if (!cell.wrong.empty()) std::printf("  WRONG %s: %s\n", cell.Name().c_str(), cell.wrong.c_str());
  }
  std::sort(worst.begin(), worst.end(), [](const Cell* a, const Cell* b) { return *a->vs_torch < *b->vs_torch; });
  worst.resize(std::min<size_t>(worst.size(), 10));
  if (!worst.empty()) std::printf("\nworst against PyTorch\n");
  for (const Cell* cell : worst) std::printf("  %-44s %.3g\n", cell->Name().c_str(), *cell->vs_torch);
}

bool AllRight(const std::vector<Cell>& cells) {
  return std::all_of(cells.begin(), cells.end(), [](const Cell& cell) { return cell.wrong.empty(); });
}

}  // namespace treduce::bench
