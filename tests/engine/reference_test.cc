// Every op against its definition, with tolerances that follow from the arithmetic.
#include "tests/engine/reference.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/engine/engine.h"
#include "tests/engine/elements.h"
#include "tests/engine/generate.h"
#include "tests/engine/requests.h"

namespace treduce {
namespace {

std::vector<LongComplex> ElementsOf(const TensorView& tensor) {
  std::vector<LongComplex> elements;
  const int64_t step = IsComplex(tensor.dtype) ? 2 : 1;
  for (int64_t i = 0; i < ComponentCount(tensor); i += step) {
    elements.emplace_back(ComponentAt(tensor, i), step == 2 ? ComponentAt(tensor, i + 1) : 0);
  }
  return elements;
}

// The elements that are reduced into each output, in row-major order.
std::vector<std::vector<LongComplex>> Grouped(const Tensor& tensor, const std::vector<int64_t>& dim) {
  const int64_t rank = static_cast<int64_t>(tensor.shape.size());
  std::vector<bool> reduced(rank, dim.empty());
  for (int64_t d : dim) reduced[d] = true;
  int64_t kept_count = 1;
  std::vector<int64_t> kept_stride(rank, 0);
  for (int64_t d = rank - 1; d >= 0; --d) {
    if (reduced[d]) continue;
    kept_stride[d] = kept_count;
    kept_count *= tensor.shape[d];
  }
  std::vector<std::vector<LongComplex>> groups(kept_count);
  const std::vector<LongComplex> elements = ElementsOf(tensor.view());
  for (size_t i = 0; i < elements.size(); ++i) {
    int64_t rest = static_cast<int64_t>(i);
    int64_t group = 0;
    for (int64_t d = rank - 1; d >= 0; --d) {
      group += rest % tensor.shape[d] * kept_stride[d];
      rest /= tensor.shape[d];
    }
    groups[group].push_back(elements[i]);
  }
  return groups;
}

// Values beyond the largest of a dtype count as the next one, which infinity stands for.
long double Clamped(DType dtype, long double value) {
  if (!IsFloatingPoint(RealDType(dtype)) || std::isnan(value)) return value;
  const long double end = LargestOf(dtype) + UlpOf(dtype, LargestOf(dtype));
  return std::clamp(value, -end, end);
}

bool IsRight(DType dtype, long double got, const Expected& want) {
  if (std::isnan(got) || std::isnan(want.value)) return std::isnan(got) && std::isnan(want.value);
  return std::abs(Clamped(dtype, got) - Clamped(dtype, want.value)) <= want.tolerance;
}

// Overflow of complex products and angles of any size are beyond the reference.
bool IsCovered(const Reduction& reduction, DType dtype, Fill fill) {
  if (!IsComplex(dtype)) return true;
  const bool is_sensitive = reduction.op == Op::kProd || reduction.op == Op::kLogSumExp;
  return fill != Fill::kSpecial && !(fill == Fill::kWide && is_sensitive);
}

class ReferenceTest : public ::testing::TestWithParam<DType> {
 protected:
  void Check(const Tensor& tensor, const Reduction& reduction, const ReductionResult& result,
             const std::vector<std::vector<LongComplex>>& groups) {
    for (size_t group = 0; group < groups.size(); ++group) {
      const std::vector<std::vector<Expected>> want = ReferenceOf(reduction, tensor.dtype, groups[group]);
      ASSERT_FALSE(want.empty()) << Describe(reduction) << " has no reference";
      for (size_t o = 0; o < result.outputs.size(); ++o) {
        const TensorView output = result.outputs[o].view();
        ASSERT_EQ(ComponentCount(output), static_cast<int64_t>(groups.size() * want[o].size()));
        for (size_t c = 0; c < want[o].size(); ++c) {
          const int64_t at = static_cast<int64_t>(group * want[o].size() + c);
          ASSERT_TRUE(IsRight(output.dtype, ComponentAt(output, at), want[o][c]))
              << Describe(reduction) << ": output " << o << " component " << at << " is " << ComponentText(output, at)
              << ", not " << static_cast<double>(want[o][c].value) << " within "
              << static_cast<double>(want[o][c].tolerance / UlpOf(output.dtype, want[o][c].value)) << " ulp";
        }
      }
    }
  }

  Engine engine_{{.thread_count = 1}};
};

TEST_P(ReferenceTest, HoldsForEveryOp) {
  for (const Shape& shape :
       {Shape{}, Shape{1}, Shape{33}, Shape{1500}, Shape{2, 1100}, Shape{40, 33}, Shape{600, 3}, Shape{3, 33, 5}}) {
    for (Fill fill : kAllFills) {
      const Tensor tensor = Generate(GetParam(), shape, fill);
      for (const std::vector<int64_t>& dim : DimSubsets(static_cast<int>(shape.size()))) {
        const std::vector<Reduction> reductions = WithDim(ReductionsOf(GetParam()), dim);
        absl::StatusOr<std::vector<ReductionResult>> results = engine_.Reduce(tensor.view(), reductions);
        ASSERT_TRUE(results.ok()) << results.status();
        const std::vector<std::vector<LongComplex>> groups = Grouped(tensor, dim);
        SCOPED_TRACE(absl::StrCat("shape ", ToString(shape), " fill ", static_cast<int>(fill)));
        for (size_t i = 0; i < reductions.size(); ++i) {
          if (IsCovered(reductions[i], GetParam(), fill)) Check(tensor, reductions[i], (*results)[i], groups);
        }
      }
    }
  }
}

// A few values, many of them NaN, infinite or zeros of both signs.
Tensor FewValues(DType dtype, const Shape& shape) {
  std::vector<double> values = {0, 1, 2, 3, 100};
  if (IsFloatingPoint(dtype)) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
    values = {-0.0, 0, 1, -1, 65504, kInfinity, -kInfinity, kNan, kNan};
  }
  Random random(static_cast<uint64_t>(shape[0]));
  std::vector<double> elements(static_cast<size_t>(*ElementCount(shape)));
  for (double& element : elements) element = values[random.Below(values.size())];
  const auto* bytes = reinterpret_cast<const std::byte*>(elements.data());
  return Cast(Tensor{DType::kFloat64, shape, {bytes, bytes + elements.size() * sizeof(double)}}.view(), dtype);
}

// Those are sorted side by side; rows, columns, and blocks that are gathered either way.
TEST_P(ReferenceTest, HoldsForSelectionsOfFewElements) {
  if (IsComplex(GetParam())) return;
  std::vector<Reduction> selections = ReductionsOf(GetParam());
  std::erase_if(selections, [](const Reduction& reduction) {
    return reduction.op != Op::kMedian && reduction.op != Op::kNanMedian && reduction.op != Op::kMode &&
           reduction.op != Op::kQuantile && reduction.op != Op::kNanQuantile;
  });
  for (int64_t n = 1; n <= 34; ++n) {
    for (const auto& [shape, dim] : std::vector<std::pair<Shape, std::vector<int64_t>>>{
             {{67, n}, {1}}, {{n, 67}, {0}}, {{2, n, 5}, {1}}, {{2, 5, n}, {0, 2}}, {{2, 3, n, 4}, {0, 2}}}) {
      for (const Tensor& tensor : {FewValues(GetParam(), shape), Generate(GetParam(), shape, Fill::kWide)}) {
        const std::vector<Reduction> reductions = WithDim(selections, dim);
        absl::StatusOr<std::vector<ReductionResult>> results = engine_.Reduce(tensor.view(), reductions);
        ASSERT_TRUE(results.ok()) << results.status();
        const std::vector<std::vector<LongComplex>> groups = Grouped(tensor, dim);
        SCOPED_TRACE(absl::StrCat("shape ", ToString(shape)));
        for (size_t i = 0; i < reductions.size(); ++i) {
          Check(tensor, reductions[i], (*results)[i], groups);
          const TensorView values = (*results)[i].outputs[0].view();
          for (int64_t k = 0; k < ComponentCount(values); ++k) {
            const long double value = ComponentAt(values, k);
            // What is between two may round to -0.0.
            const bool is_between = std::holds_alternative<QuantileOptions>(reductions[i].options);
            ASSERT_FALSE(value == 0 && std::signbit(value) && !is_between) << Describe(reductions[i]);
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(DTypes, ReferenceTest, ::testing::ValuesIn(kAllDTypes),
                         [](const auto& test) { return std::string(Name(test.param)); });

// The definition near zero, where the tolerance of the reference is large beside the result.
long double ExactLogSumExp(const std::vector<LongComplex>& elements) {
  long double largest = elements[0].real();
  for (const LongComplex& x : elements) largest = std::max(largest, x.real());
  long double rest = -1;
  for (const LongComplex& x : elements) rest += x.real() == largest ? 1 : 0;
  for (const LongComplex& x : elements) rest += x.real() == largest ? 0 : std::exp(x.real() - largest);
  return largest + std::log1p(rest);
}

TEST(LogSumExpTest, IsWithinOneUlpNearZero) {
  const auto copies = [](size_t n, double x) { return std::vector<double>(n, x); };
  std::vector<std::vector<double>> cases = {{0, -40},
                                            {-40, 0},
                                            {0, -80, -90},
                                            {0, -103},
                                            {0, -3e38},
                                            {1e-30, -40},
                                            copies(2, -std::log(2)),
                                            copies(3, -std::log(3)),
                                            copies(70'000, -std::log(70'000)),
                                            copies(5'000, -60)};
  cases.back().back() = 0;  // the largest comes last
  std::vector<double> normalized(70'000);
  for (size_t i = 0; i < normalized.size(); ++i) normalized[i] = std::sin(static_cast<double>(i)) * 5;
  double sum = 0;
  for (double x : normalized) sum += std::exp(x);
  for (double& x : normalized) x += 1e-4 - std::log(sum);
  cases.push_back(normalized);

  Engine engine{{.thread_count = 1}};
  for (DType dtype : {DType::kFloat32, DType::kFloat16, DType::kBFloat16}) {
    for (const std::vector<double>& elements : cases) {
      const auto n = static_cast<int64_t>(elements.size());
      const auto* bytes = reinterpret_cast<const std::byte*>(elements.data());
      const Tensor row = Cast(Tensor{DType::kFloat64, {n}, {bytes, bytes + n * 8}}.view(), dtype);
      const long double exact = ExactLogSumExp(ElementsOf(row.view()));
      constexpr int64_t kColumns = 45;  // of which some are folded side by side, others on their own
      Tensor columns{dtype, {n, kColumns}, {}};
      for (int64_t i = 0; i < n * kColumns; ++i) {
        const auto from = row.data.begin() + i / kColumns * static_cast<int64_t>(ByteSize(dtype));
        columns.data.insert(columns.data.end(), from, from + static_cast<int64_t>(ByteSize(dtype)));
      }
      for (const Tensor* tensor : {&row, static_cast<const Tensor*>(&columns)}) {
        const auto results = engine.Reduce(tensor->view(), {{.op = Op::kLogSumExp, .dim = {0}}});
        ASSERT_TRUE(results.ok()) << results.status();
        const Tensor& output = (*results)[0].outputs[0];
        for (int64_t i = 0; i < ComponentCount(output.view()); ++i) {
          EXPECT_LE(std::abs(ComponentAt(output.view(), i) - exact), UlpOf(dtype, exact))
              << Name(dtype) << ", " << n << " elements, the first " << elements[0] << ": "
              << ComponentText(output.view(), i) << ", not " << static_cast<double>(exact);
        }
      }
    }
  }
}

}  // namespace
}  // namespace treduce
