// The table of shapes, and what is made of it and of the registry of ops.
#include "tests/bench/kernels/cells.h"

#include <algorithm>
#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/engine/plan/op_registry.h"
#include "server/engine/plan/plan.h"

namespace treduce::bench {
namespace {

constexpr Op kFusedOps[] = {Op::kSum, Op::kAMin, Op::kAMax, Op::kMean, Op::kStd};

// Whether `name` is wanted; drops it from `unknown`, the names not met so far.
bool Take(const std::vector<std::string>& wanted, std::string_view name, std::vector<std::string>& unknown) {
  std::erase(unknown, name);
  return wanted.empty() || std::find(wanted.begin(), wanted.end(), name) != wanted.end();
}

std::vector<Problem> ProblemsOf(DType dtype, const ShapeCase& shape) {
  std::vector<Problem> problems;
  const auto add = [&](std::string_view op, absl::Span<const Op> ops) {
    Problem problem{.op = std::string(op), .dtype = dtype, .shape = &shape, .reductions = {}};
    for (Op part : ops) problem.reductions.push_back({.op = part, .dim = shape.dim});
    if (MakePlan({dtype, shape.shape, problem.reductions}).ok()) problems.push_back(std::move(problem));
  };
  for (const OpInfo& op : AllOps()) add(op.name, {op.op});
  add("fused", kFusedOps);
  return problems;
}

}  // namespace

int64_t ShapeCase::ElementCount() const {
  int64_t count = 1;
  for (int64_t extent : shape) count *= extent;
  return count;
}

const std::vector<ShapeCase>& AllShapes() {
  static const auto& shapes = *new std::vector<ShapeCase>{
      {"1K", Layout::kWhole, {1 << 10}, {}},
      {"64K", Layout::kWhole, {1 << 16}, {}},
      {"1M", Layout::kWhole, {1 << 20}, {}},
      {"32x64x56x56:0,2,3", Layout::kChannels, {32, 64, 56, 56}, {0, 2, 3}},
      {"1000000x8:0", Layout::kFewColumns, {1000000, 8}, {0}},
      {"1000000x8:1", Layout::kShortRows, {1000000, 8}, {1}},
      {"8x1000000:0", Layout::kTallRows, {8, 1000000}, {0}},
      {"8x1000000:1", Layout::kRows, {8, 1000000}, {1}},
      {"64M", Layout::kWhole, {1 << 26}, {}},
      {"8192x8192:0", Layout::kColumns, {8192, 8192}, {0}},
      {"8192x8192:1", Layout::kRows, {8192, 8192}, {1}},
      {"64x1024x1024:1", Layout::kMiddle, {64, 1024, 1024}, {1}},
  };
  return shapes;
}

size_t Problem::ByteCount() const { return static_cast<size_t>(shape->ElementCount()) * ByteSize(dtype); }

std::string Problem::Name() const {
  return absl::StrCat(op, "/", std::string(treduce::Name(dtype)), "/", std::string(shape->name));
}

absl::StatusOr<std::vector<Problem>> SelectProblems(const Selection& selection) {
  Selection unknown = selection;
  for (const OpInfo& op : AllOps()) std::erase(unknown.ops, op.name);
  std::erase(unknown.ops, "fused");
  std::vector<Problem> problems;
  for (DType dtype : kMeasuredDTypes) {
    const bool take_dtype = Take(selection.dtypes, Name(dtype), unknown.dtypes);
    for (const ShapeCase& shape : AllShapes()) {
      if (!Take(selection.shapes, shape.name, unknown.shapes) || !take_dtype) continue;
      for (Problem& problem : ProblemsOf(dtype, shape)) {
        if (Take(selection.ops, problem.op, unknown.ops)) problems.push_back(std::move(problem));
      }
    }
  }
  for (const std::vector<std::string>* names : {&unknown.ops, &unknown.dtypes, &unknown.shapes}) {
    if (!names->empty()) return absl::InvalidArgumentError(absl::StrCat("there is no ", names->front()));
  }
  return problems;
}

std::string Cell::Name() const { return absl::StrCat(problem.Name(), "/", threads); }

double GeometricMean(const std::vector<double>& values) {
  double sum = 0;
  for (double value : values) sum += std::log(value);
  return std::exp(sum / static_cast<double>(values.size()));
}

}  // namespace treduce::bench
