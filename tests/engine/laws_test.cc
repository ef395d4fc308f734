// Laws that every op obeys, and those that tie ops together.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/engine/engine.h"
#include "server/engine/plan/op_registry.h"
#include "tests/engine/elements.h"
#include "tests/engine/generate.h"
#include "tests/engine/requests.h"

namespace treduce {
namespace {

// The bytes of `tensor` in another shape.
Tensor Reshaped(Tensor tensor, const Shape& shape) {
  tensor.shape = shape;
  return tensor;
}

// Drops the extents of one.
void Squeeze(Tensor& tensor) {
  tensor.shape.erase(std::remove(tensor.shape.begin(), tensor.shape.end(), 1), tensor.shape.end());
}

Tensor Row(const Tensor& matrix, int64_t row) {
  const size_t bytes = matrix.data.size() / matrix.shape[0];
  const auto begin = matrix.data.begin() + row * bytes;
  return {matrix.dtype, {matrix.shape[1]}, {begin, begin + bytes}};
}

Tensor Reversed(const Tensor& vector) {
  Tensor reversed = vector;
  const size_t bytes = ByteSize(vector.dtype);
  for (size_t at = 0; at < vector.data.size(); at += bytes) {
    std::memcpy(&reversed.data[vector.data.size() - at - bytes], &vector.data[at], bytes);
  }
  return reversed;
}

class LawsTest : public ::testing::TestWithParam<DType> {
 protected:
  // The results of `reductions` of `tensor`.
  std::vector<ReductionResult> Reduce(const Tensor& tensor, const std::vector<Reduction>& reductions) {
    absl::StatusOr<std::vector<ReductionResult>> results = engine_.Reduce(tensor.view(), reductions);
    EXPECT_TRUE(results.ok()) << results.status();
    return results.ok() ? *std::move(results) : std::vector<ReductionResult>(reductions.size());
  }
  ReductionResult Reduce(const Tensor& tensor, const Reduction& reduction) {
    return std::move(Reduce(tensor, std::vector<Reduction>{reduction})[0]);
  }

  // Every op of this dtype gives the same bits in both.
  void ExpectSame(const Tensor& a, const std::vector<int64_t>& a_dim, const Tensor& b,
                  const std::vector<int64_t>& b_dim) {
    const std::vector<Reduction> reductions = WithDim(ReductionsOf(GetParam()), a_dim);
    EXPECT_EQ(BitDifference(reductions, Reduce(a, reductions), Reduce(b, WithDim(reductions, b_dim))), "");
  }

  Tensor Make(const Shape& shape, Fill fill = Fill::kSpecial) { return Generate(GetParam(), shape, fill); }
  bool Takes(Op op) const { return FindOp(op)->accepts(GetParam()); }

  Engine engine_{{.thread_count = 1}};
};

TEST_P(LawsTest, DimsMayComeInAnyOrderAndFromTheEnd) {
  const Tensor tensor = Make({3, 4, 5});
  ExpectSame(tensor, {0, 2}, tensor, {2, 0});
  ExpectSame(tensor, {0, 2}, tensor, {-1, -3});
  ExpectSame(tensor, {1}, tensor, {-2});
}

TEST_P(LawsTest, NeighbouringDimsAreOne) {
  const Tensor tensor = Make({6, 7, 40});
  ExpectSame(tensor, {1, 2}, Reshaped(tensor, {6, 280}), {1});
  const std::vector<int64_t> all;
  ExpectSame(tensor, all, Reshaped(tensor, {1680}), all);
}

// Few columns take shortcuts that many do not.
TEST_P(LawsTest, ColumnsDoNotDependOnHowManyThereAre) {
  constexpr int64_t kRows = 700;
  const std::vector<Reduction> reductions = WithDim(ReductionsOf(GetParam()), {0});
  for (Fill fill : kAllFills) {
    for (int64_t width : {2, 3, 7, 8, 16, 31}) {
      const Tensor narrow = Make({kRows, width}, fill);
      Tensor wide = Make({kRows, 40}, Fill::kPlain);
      const size_t narrow_row = narrow.data.size() / kRows;
      const size_t wide_row = wide.data.size() / kRows;
      for (size_t r = 0; r < kRows; ++r) {
        std::memcpy(&wide.data[r * wide_row], &narrow.data[r * narrow_row], narrow_row);
      }
      std::vector<ReductionResult> of_wide = Reduce(wide, reductions);
      for (ReductionResult& result : of_wide) {
        for (Tensor& output : result.outputs) {
          output.shape = {width};
          output.data.resize(output.data.size() / 40 * static_cast<size_t>(width));
        }
      }
      EXPECT_EQ(BitDifference(reductions, of_wide, Reduce(narrow, reductions)), "") << width;
    }
  }
}

TEST_P(LawsTest, DimsOfExtentOneDoNotMatter) {
  const Tensor tensor = Make({40, 30});
  for (int64_t dim : {0, 1}) {
    const std::vector<Reduction> reductions = WithDim(ReductionsOf(GetParam()), {dim});
    const std::vector<Reduction> wider = WithDim(reductions, {2 * dim + 1});
    std::vector<ReductionResult> results = Reduce(Reshaped(tensor, {1, 40, 1, 30}), wider);
    for (ReductionResult& result : results) {
      for (Tensor& output : result.outputs) Squeeze(output);
    }
    EXPECT_EQ(BitDifference(reductions, results, Reduce(tensor, reductions)), "");
  }
}

TEST_P(LawsTest, KeepdimChangesOnlyTheShape) {
  const Tensor tensor = Make({3, 40, 5});
  for (const std::vector<int64_t>& dim : DimSubsets(3)) {
    const std::vector<Reduction> reductions = WithDim(ReductionsOf(GetParam()), dim);
    std::vector<Reduction> keeping = reductions;
    for (Reduction& reduction : keeping) reduction.keepdim = true;
    std::vector<ReductionResult> kept = Reduce(tensor, keeping);
    for (ReductionResult& result : kept) {
      for (Tensor& output : result.outputs) {
        EXPECT_EQ(output.shape.size(), 3u);
        Squeeze(output);
      }
    }
    EXPECT_EQ(BitDifference(reductions, kept, Reduce(tensor, reductions)), "");
  }
}

TEST_P(LawsTest, ReductionsDoNotAffectEachOther) {
  const Tensor tensor = Make({5, 1100, 3});
  std::vector<Reduction> reductions;
  for (const std::vector<int64_t>& dim : {std::vector<int64_t>{}, {0}, {1}, {0, 2}}) {
    for (Reduction& reduction : WithDim(ReductionsOf(GetParam()), dim)) reductions.push_back(std::move(reduction));
  }
  const std::vector<ReductionResult> together = Reduce(tensor, reductions);
  for (size_t i = 0; i < reductions.size(); ++i) {
    EXPECT_EQ(BitDifference(together[i], Reduce(tensor, reductions[i])), "") << Describe(reductions[i]);
  }
}

TEST_P(LawsTest, RowsDoNotAffectEachOther) {
  const Tensor tensor = Make({7, 1100});
  const std::vector<Reduction> reductions = WithDim(ReductionsOf(GetParam()), {1});
  const std::vector<ReductionResult> together = Reduce(tensor, reductions);
  for (int64_t row = 0; row < 7; ++row) {
    const std::vector<ReductionResult> alone = Reduce(Row(tensor, row), WithDim(reductions, {0}));
    for (size_t i = 0; i < reductions.size(); ++i) {
      for (size_t o = 0; o < alone[i].outputs.size(); ++o) {
        const Tensor all = Reshaped(together[i].outputs[o], {7, 1});
        EXPECT_EQ(Row(all, row).data, alone[i].outputs[o].data) << Describe(reductions[i]) << " row " << row;
      }
    }
  }
}

// Integers have no rounding, so only an index depends on the order.
TEST_P(LawsTest, OrderDoesNotMatterToIntegers) {
  const Tensor tensor = Make({1100}, Fill::kWide);
  const std::vector<Reduction> reductions = ReductionsOf(GetParam());
  const std::vector<ReductionResult> forward = Reduce(tensor, reductions);
  const std::vector<ReductionResult> backward = Reduce(Reversed(tensor), reductions);
  for (size_t i = 0; i < reductions.size(); ++i) {
    const bool rounds = IsFloatingPoint(RealDType(forward[i].outputs[0].dtype));
    const bool indexed = reductions[i].op == Op::kArgMax || reductions[i].op == Op::kArgMin ||
                         FindOp(reductions[i].op)->outputs_all_dims.back() == "indices";
    if (rounds || indexed) continue;
    EXPECT_EQ(BitDifference(forward[i], backward[i]), "") << Describe(reductions[i]);
  }
}

TEST_P(LawsTest, EmptyReductionsHaveAValueOrAreRefused) {
  for (const Reduction& reduction : ReductionsOf(GetParam())) {
    if (reduction.options.index() != 0) continue;  // some orders of a norm have no value, others do
    for (const Shape& shape : {Shape{0}, Shape{3, 0}, Shape{0, 2}}) {
      const Tensor tensor{GetParam(), shape, {}};
      const bool has_value = FindOp(reduction.op)->empty == EmptyReduction::kValue;
      const absl::StatusOr<std::vector<ReductionResult>> results = engine_.Reduce(tensor.view(), {reduction});
      EXPECT_EQ(results.status().code(), has_value ? absl::StatusCode::kOk : absl::StatusCode::kInvalidArgument)
          << Describe(reduction) << " of " << ToString(shape);
    }
  }
}

TEST_P(LawsTest, EmptyKeptDimsGiveEmptyResults) {
  const Tensor tensor{GetParam(), {2, 0, 3}, {}};
  for (const Reduction& reduction : WithDim(ReductionsOf(GetParam()), {0})) {
    if (FindOp(reduction.op)->empty == EmptyReduction::kRefusesEmptyTensors) continue;
    for (const Tensor& output : Reduce(tensor, reduction).outputs) {
      EXPECT_EQ(output.shape, (Shape{0, 3})) << Describe(reduction);
      EXPECT_TRUE(output.data.empty());
    }
  }
}

TEST_P(LawsTest, ValuesOfNothing) {
  const Tensor nothing{GetParam(), {0}, {}};
  const auto value = [&](Op op) { return ComponentAt(Reduce(nothing, {.op = op}).outputs[0].view(), 0); };
  EXPECT_EQ(value(Op::kLogSumExp), -HUGE_VALL);
  for (const auto& [op, neutral] : {std::pair(Op::kSum, 0),
                                    {Op::kNanSum, 0},
                                    {Op::kProd, 1},
                                    {Op::kAll, 1},
                                    {Op::kAny, 0},
                                    {Op::kCountNonzero, 0},
                                    {Op::kVectorNorm, 0}}) {
    EXPECT_TRUE(!Takes(op) || value(op) == neutral) << FindOp(op)->name;
  }
  for (Op op : {Op::kMean, Op::kNanMean, Op::kVar, Op::kStd}) {
    EXPECT_TRUE(!Takes(op) || std::isnan(value(op))) << FindOp(op)->name;
  }
}

TEST_P(LawsTest, CastsComeFirst) {
  const Tensor tensor = Make({3, 40}, Fill::kPlain);
  for (const Reduction& cast : WithDim(CastsOf(GetParam()), {1})) {
    // A result in the dtype that is cast to is asked for by name: SUM of int8 gives int64 otherwise.
    const Tensor input = Cast(tensor.view(), *cast.dtype);
    EXPECT_EQ(BitDifference(Reduce(tensor, cast), Reduce(input, cast)), "") << Describe(cast);
  }
}

TEST_P(LawsTest, MaxAndMinAgreeWithTheirRelatives) {
  if (!Takes(Op::kMax)) return;
  for (Fill fill : kAllFills) {
    const Tensor tensor = Make({4, 600, 3}, fill);
    const auto reduce = [&](Op op) { return Reduce(tensor, {.op = op, .dim = {1}}).outputs; };
    const auto max = reduce(Op::kMax), min = reduce(Op::kMin), both = reduce(Op::kAMinMax);
    EXPECT_EQ(max[0].data, reduce(Op::kAMax)[0].data);
    EXPECT_EQ(min[0].data, reduce(Op::kAMin)[0].data);
    EXPECT_EQ(both[0].data, min[0].data);
    EXPECT_EQ(both[1].data, max[0].data);
    EXPECT_EQ(Reduce(tensor, {.op = Op::kMax}).outputs[0].data, Reduce(tensor, {.op = Op::kAMax}).outputs[0].data);
    if (Takes(Op::kArgMax)) {
      EXPECT_EQ(max[1].data, reduce(Op::kArgMax)[0].data);
      EXPECT_EQ(min[1].data, reduce(Op::kArgMin)[0].data);
    }
    // An index points at an element with the value beside it, and none before it has that value.
    for (const auto& outputs : {max, min}) {
      for (int64_t k = 0; k < 12; ++k) {
        int64_t first = 0;
        const auto at = [&](int64_t r) { return (k / 3 * 600 + r) * 3 + k % 3; };
        const TensorView value = outputs[0].view();
        const auto is_value = [&](int64_t r) {
          const long double x = ComponentAt(tensor.view(), at(r));
          return std::isnan(x) ? std::isnan(ComponentAt(value, k)) : x == ComponentAt(value, k);
        };
        while (first < 600 && !is_value(first)) ++first;
        EXPECT_EQ(ComponentAt(outputs[1].view(), k), first);
      }
    }
  }
}

TEST_P(LawsTest, TruthsAreCounts) {
  for (Fill fill : kAllFills) {
    const Tensor tensor = Make({50, 2}, fill);
    const auto reduce = [&](Op op, int64_t i) {
      return ComponentAt(Reduce(tensor, {.op = op, .dim = {1}}).outputs[0].view(), i);
    };
    for (int64_t i = 0; i < 50; ++i) {
      const long double count = reduce(Op::kCountNonzero, i);
      EXPECT_EQ(reduce(Op::kAll, i), count == 2);
      EXPECT_EQ(reduce(Op::kAny, i), count > 0);
      if (Takes(Op::kVectorNorm)) {
        EXPECT_EQ(
            ComponentAt(
                Reduce(tensor, {.op = Op::kVectorNorm, .dim = {1}, .options = NormOptions{0}}).outputs[0].view(), i),
            count);
      }
    }
  }
}

TEST_P(LawsTest, SumsWithoutNanAreSums) {
  if (!Takes(Op::kNanSum)) return;
  const Tensor tensor = Make({40, 1100}, Fill::kPlain);
  for (int64_t dim : {0, 1}) {
    EXPECT_EQ(BitDifference(Reduce(tensor, {.op = Op::kNanSum, .dim = {dim}}),
                            Reduce(tensor, {.op = Op::kSum, .dim = {dim}})),
              "");
    if (!Takes(Op::kNanMean)) continue;
    EXPECT_EQ(BitDifference(Reduce(tensor, {.op = Op::kNanMean, .dim = {dim}}),
                            Reduce(tensor, {.op = Op::kMean, .dim = {dim}})),
              "");
  }
}

TEST_P(LawsTest, DeviationsAreRootsOfVariances) {
  if (!Takes(Op::kVar)) return;
  const Tensor tensor = Make({40, 1100}, Fill::kPlain);
  const auto reduce = [&](Op op) { return Reduce(tensor, {.op = op, .dim = {1}}).outputs; };
  const auto var = reduce(Op::kVar), std = reduce(Op::kStd);
  EXPECT_EQ(reduce(Op::kVarMean)[0].data, var[0].data);
  EXPECT_EQ(reduce(Op::kStdMean)[0].data, std[0].data);
  EXPECT_EQ(reduce(Op::kVarMean)[1].data, reduce(Op::kStdMean)[1].data);
  for (int64_t i = 0; i < 40; ++i) {
    const long double v = ComponentAt(var[0].view(), i);
    const long double s = ComponentAt(std[0].view(), i);
    // Both come from the same M2: half an ulp of v, and of s doubled by the square.
    const long double tolerance = UlpOf(var[0].dtype, v) / 2 + s * UlpOf(std[0].dtype, s) * 1.01L;
    EXPECT_LE(std::abs(s * s - v), tolerance + v * 0x1p-50L);
  }
}

TEST_P(LawsTest, MeansAreSumsDivided) {
  if (!Takes(Op::kMean)) return;
  const Tensor tensor = Make({40, 30}, Fill::kPlain);
  const Tensor sum = Reduce(tensor, {.op = Op::kSum, .dim = {1}}).outputs[0];
  const Tensor mean = Reduce(tensor, {.op = Op::kMean, .dim = {1}}).outputs[0];
  for (int64_t i = 0; i < ComponentCount(sum.view()); ++i) {
    const long double quotient = ComponentAt(sum.view(), i) / 30;
    // An ulp of each.
    const long double tolerance = UlpOf(sum.dtype, quotient * 30) / 30 + UlpOf(mean.dtype, quotient);
    EXPECT_LE(std::abs(ComponentAt(mean.view(), i) - quotient), tolerance);
  }
}

INSTANTIATE_TEST_SUITE_P(DTypes, LawsTest, ::testing::ValuesIn(kAllDTypes),
                         [](const auto& test) { return std::string(Name(test.param)); });

}  // namespace
}  // namespace treduce
