// Compares answers element by element, with tolerances for the rounding errors of PyTorch, not of treduce.
#include "tests/bench/kernels/check.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "server/engine/plan/op_registry.h"
#include "tests/engine/elements.h"
#include "tests/engine/reference.h"
#include "tests/engine/requests.h"

namespace treduce::bench {
namespace {

template <size_t kSize>
bool IsIn(std::string_view name, const std::array<std::string_view, kSize>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Results that are elements of the input, or exact with the elements there are.
constexpr std::array<std::string_view, 12> kExact = {"max",    "min",       "amax", "amin",   "aminmax",
                                                     "median", "nanmedian", "mode", "unique", "unique_consecutive",
                                                     "prod",   "all"};
// PyTorch gives any of the indices.
constexpr std::array<std::string_view, 3> kAnyIndex = {"median", "nanmedian", "mode"};

struct Tolerance {
  double relative = 0;
  double absolute = 0;
};

// Distance between neighbours of 1.
double Epsilon(DType dtype) {
  switch (dtype) {
    case DType::kFloat64:
      return 0x1p-52;
    case DType::kFloat32:
      return 0x1p-23;
    case DType::kFloat16:
      return 0x1p-10;
    default:
      return 0x1p-7;
  }
}

// Peers add in float32 or float64 at best; `reduced` elements, of magnitude 1, go into each result.
Tolerance ToleranceOf(std::string_view op, DType dtype, double reduced) {
  if (IsIn(op, kExact)) return {};
  const double rounding = 2 * Epsilon(dtype);
  const double adding = Epsilon(dtype == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32);
  // The partial sums of n elements are some sqrt(n) large; n of their rounding errors, at random, make a fifth of n
  // steps of 1, and at four times the deviation, with sums three times as large, 2 n.
  const double sum = 2 * reduced * adding;
  // PyTorch's partial sums, without NaN, are of the dtype itself.
  const double nansum = sum + 4 * std::sqrt(reduced) * Epsilon(dtype);
  if (op == "sum") return {rounding, sum};
  if (op == "nansum") return {rounding, nansum};
  // PyTorch divides by the count in float16, where that is infinite; the means of these elements are small anyway.
  if (op == "nanmean" && dtype == DType::kFloat16 && reduced > 65504) return {rounding, 0x1p-6};
  if (op == "mean") return {rounding, sum / reduced};
  if (op == "nanmean") return {rounding, nansum / reduced};
  if (op == "quantile" || op == "nanquantile") return {rounding, adding};
  // Sums of positive terms, one after the other in a few lanes, 32 perhaps. PyTorch's of squares stop growing where a
  // term is less than half a step, which takes a tenth off the norm of 2^26 float16.
  if (op == "vector_norm") return {rounding + adding * std::max(8 * std::sqrt(reduced), reduced / 32), 0};
  return {rounding + adding * 8 * std::sqrt(reduced), adding * 8};
}

std::string Difference(std::string_view op, const TensorView& got, const TensorView& want, double reduced) {
  const int64_t count = ComponentCount(got);
  if (ComponentCount(want) != count) {
    return absl::StrCat(count, " elements, not ", ComponentCount(want));
  }
  const bool floating = IsFloatingPoint(got.dtype);
  const Tolerance tolerance = floating ? ToleranceOf(op, got.dtype, reduced) : Tolerance();
  for (int64_t i = 0; i < count; ++i) {
    const long double a = ComponentAt(got, i);
    const long double b = ComponentAt(want, i);
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    if (!floating && std::abs(a - b) == 0x1p64L) continue;  // NumPy's sums of unsigned integers are unsigned
    if (floating && std::isinf(b) && op != "max" && op != "min") continue;  // the peer's accumulator overflowed
    if (std::abs(a - b) <= tolerance.absolute + tolerance.relative * std::abs(b)) continue;
    return absl::StrCat("[", i, "] is ", ComponentText(got, i), ", not ", ComponentText(want, i));
  }
  return "";
}

int64_t OutputCount(absl::Span<const ReductionResult> results) {
  int64_t count = 0;
  for (const ReductionResult& result : results) count += static_cast<int64_t>(result.outputs.size());
  return count;
}

}  // namespace

std::string DifferenceFromPeer(const Problem& problem, absl::Span<const ReductionResult> results,
                               absl::Span<const Tensor> peer) {
  const int64_t output_count = OutputCount(results);
  const bool is_without_index = IsIn(problem.op, kAnyIndex) && peer.size() == 1;  // NumPy's mode
  if (output_count != static_cast<int64_t>(peer.size()) && !is_without_index) {
    return absl::StrCat(output_count, " outputs, not ", peer.size());
  }
  const Tensor* want = peer.data();
  for (size_t i = 0; i < results.size(); ++i) {
    const std::string_view op = FindOp(problem.reductions[i].op)->name;
    const auto& outputs = results[i].outputs;
    for (size_t output = 0; output < outputs.size(); ++output, ++want) {
      if (output == 1 && IsIn(op, kAnyIndex)) continue;
      const auto kept = std::max<double>(1, static_cast<double>(ComponentCount(outputs[output].view())));
      const double reduced = static_cast<double>(problem.shape->ElementCount()) / kept;
      const std::string difference = Difference(op, outputs[output].view(), want->view(), reduced);
      if (!difference.empty()) return absl::StrCat(std::string(op), " output ", output, ": ", difference);
    }
  }
  return "";
}

bool CanCheckWithNumpy(const Problem& problem) {
  constexpr std::array<std::string_view, 2> kOtherMeaning = {"median", "nanmedian"};
  const size_t bytes = ByteSize(problem.dtype);
  // Of single bytes it adds exponentials in float16.
  const bool in_half = (IsFloatingPoint(problem.dtype) && bytes == 2) || (problem.op == "logsumexp" && bytes == 1);
  return !IsIn(problem.op, kOtherMeaning) && !in_half;
}

bool CanCheckWithReference(const Problem& problem) {
  return problem.shape->dim.empty() && problem.shape->ElementCount() <= int64_t{1} << 20;
}

std::string DifferenceFromReference(const Problem& problem, absl::Span<const std::byte> data,
                                    absl::Span<const ReductionResult> results) {
  const TensorView tensor{problem.dtype, problem.shape->shape, data.first(problem.ByteCount())};
  std::vector<LongComplex> elements;
  for (int64_t i = 0; i < problem.shape->ElementCount(); ++i) elements.push_back(ComponentAt(tensor, i));
  for (size_t i = 0; i < results.size(); ++i) {
    const auto expected = ReferenceOf(problem.reductions[i], problem.dtype, elements);
    for (size_t output = 0; output < std::min(expected.size(), results[i].outputs.size()); ++output) {
      const TensorView got = results[i].outputs[output].view();
      const Expected& want = expected[output].front();
      const long double value = ComponentAt(got, 0);
      if (value == want.value || (std::isnan(value) && std::isnan(want.value))) continue;
      if (std::abs(value - want.value) <= want.tolerance) continue;
      return absl::StrCat("output ", output, " is ", ComponentText(got, 0), ", not ", static_cast<double>(want.value));
    }
  }
  return "";
}

std::string DifferenceOfThreads(absl::Span<const ReductionResult> one, absl::Span<const ReductionResult> more) {
  for (size_t i = 0; i < one.size(); ++i) {
    const std::string difference = BitDifference(more[i], one[i]);
    if (!difference.empty()) return absl::StrCat("with more threads, ", difference);
  }
  return "";
}

}  // namespace treduce::bench
