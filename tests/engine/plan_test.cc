// Tests of server/engine/plan/plan.cc: shapes, dims, options, sizes and loop nests. Dtypes: plan_dtype_test.cc.
#include "server/engine/plan/plan.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "server/engine/plan/op_registry.h"
#include "server/engine/values/errors.h"

namespace treduce {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

absl::StatusOr<Plan> PlanOf(Shape shape, Reduction reduction, DType dtype = DType::kFloat32) {
  return MakePlan({dtype, std::move(shape), {std::move(reduction)}});
}

// The shape of the first output, as text; the error's when there is none.
std::string OutputShape(Shape shape, Reduction reduction) {
  const auto plan = PlanOf(std::move(shape), std::move(reduction));
  return plan.ok() ? ToString(plan->reductions[0].outputs[0].shape) : std::string(plan.status().message());
}

// "REASON field" of a refusal, "" for a plan.
std::string Refusal(const absl::StatusOr<Plan>& plan) {
  if (plan.ok()) return "";
  EXPECT_EQ(plan.status().code(), absl::StatusCode::kInvalidArgument);
  const auto detail = DetailOf(plan.status());
  return detail.has_value() ? detail->reason + " " + detail->field : "no detail";
}

std::string Message(const absl::StatusOr<Plan>& plan) { return std::string(plan.status().message()); }

TEST(Plan, CountsElementsAndBytes) {
  const auto plan = MakePlan({DType::kInt16, {2, 3, 4}, {{.op = Op::kSum, .dim = {1}}, {.op = Op::kMax, .dim = {0}}}});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->element_count, 24);
  EXPECT_EQ(plan->byte_count, 48);
  EXPECT_EQ(plan->reductions[0].outputs[0].byte_count, 2 * 4 * 8);
  EXPECT_EQ(plan->result_byte_count, 2 * 4 * 8 + 3 * 4 * 2 + 3 * 4 * 8);
}

TEST(Plan, WithoutDimReducesAllDims) {
  for (const OpInfo& info : AllOps()) {
    if (!info.has_fixed_shape) continue;
    const auto plan = PlanOf({2, 3}, {.op = info.op});
    ASSERT_TRUE(plan.ok()) << plan.status();
    const PlannedReduction& planned = plan->reductions[0];
    EXPECT_TRUE(planned.all_dims);
    EXPECT_THAT(planned.reduction.dim, ElementsAre(0, 1));
    EXPECT_EQ(planned.nest, (LoopNest{{{6, true}}, 1, 6}));
    ASSERT_EQ(planned.outputs.size(), info.outputs_all_dims.size());
    for (size_t i = 0; i < planned.outputs.size(); ++i) {
      EXPECT_EQ(planned.outputs[i].name, info.outputs_all_dims[i]);
      EXPECT_THAT(planned.outputs[i].shape, IsEmpty());
    }
  }
}

TEST(Plan, WithDimEveryOutputHasTheKeptExtents) {
  for (const OpInfo& info : AllOps()) {
    if (!info.has_fixed_shape) continue;
    const auto plan = PlanOf({2, 3}, {.op = info.op, .dim = {-1}});
    ASSERT_TRUE(plan.ok()) << plan.status();
    const PlannedReduction& planned = plan->reductions[0];
    EXPECT_FALSE(planned.all_dims);
    ASSERT_EQ(planned.outputs.size(), info.outputs.size());
    for (size_t i = 0; i < planned.outputs.size(); ++i) {
      EXPECT_EQ(planned.outputs[i].name, info.outputs[i]);
      EXPECT_THAT(planned.outputs[i].shape, ElementsAre(2));
      EXPECT_EQ(planned.outputs[i].byte_count, static_cast<int64_t>(2 * ByteSize(planned.outputs[i].dtype)));
    }
  }
}

TEST(Plan, DimsAreWrappedAndSorted) {
  const auto plan = PlanOf({2, 3, 4, 5}, {.op = Op::kProd, .dim = {-1, 0, -2}});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(plan->reductions[0].reduction.dim, ElementsAre(0, 2, 3));
  EXPECT_THAT(plan->reductions[0].outputs[0].shape, ElementsAre(3));
}

TEST(Plan, KeepdimLeavesOnesInPlaceOfReducedDims) {
  EXPECT_EQ(OutputShape({2, 3, 4}, {.op = Op::kSum, .dim = {1}, .keepdim = true}), "[2, 1, 4]");
  EXPECT_EQ(OutputShape({2, 3, 4}, {.op = Op::kArgMax, .keepdim = true}), "[1, 1, 1]");
  EXPECT_EQ(OutputShape({0, 3}, {.op = Op::kSum, .dim = {0}, .keepdim = true}), "[1, 3]");
  EXPECT_EQ(OutputShape({}, {.op = Op::kSum, .keepdim = true}), "[]");
}

TEST(Plan, RefusesDimsOutOfRange) {
  const std::string range = "Dimension out of range (expected to be in range of [-2, 1], but got ";
  EXPECT_EQ(OutputShape({2, 3}, {.op = Op::kSum, .dim = {2}}), "reductions[0].dim: " + range + "2)");
  EXPECT_EQ(OutputShape({2, 3}, {.op = Op::kSum, .dim = {0, -3}}), "reductions[0].dim: " + range + "-3)");
  EXPECT_EQ(Refusal(PlanOf({2, 3}, {.dim = {std::numeric_limits<int64_t>::min()}})),
            "DIM_OUT_OF_RANGE reductions[0].dim");
  EXPECT_EQ(Refusal(PlanOf({2, 3}, {.dim = {std::numeric_limits<int64_t>::max()}})),
            "DIM_OUT_OF_RANGE reductions[0].dim");
}

TEST(Plan, RefusesDuplicateDimsHoweverSpelt) {
  EXPECT_EQ(OutputShape({2, 3}, {.op = Op::kSum, .dim = {0, -2}}),
            "reductions[0].dim: dim 0 appears multiple times in the list of dims");
  EXPECT_EQ(Refusal(PlanOf({2, 3}, {.dim = std::vector<int64_t>(100000, 1)})), "DUPLICATE_DIM reductions[0].dim");
}

TEST(Plan, ScalarsTakeDimZeroAndMinusOne) {
  for (int64_t dim : {0, -1}) {
    const auto plan = PlanOf({}, {.op = Op::kMax, .dim = {dim}, .keepdim = true});
    ASSERT_TRUE(plan.ok()) << plan.status();
    EXPECT_EQ(plan->reductions[0].outputs.size(), 2u);
    EXPECT_THAT(plan->reductions[0].outputs[1].shape, IsEmpty());
    EXPECT_EQ(plan->reductions[0].nest, LoopNest());
  }
  EXPECT_THAT(OutputShape({}, {.op = Op::kSum, .dim = {1}}), HasSubstr("[-1, 0], but got 1"));
  EXPECT_EQ(Refusal(PlanOf({}, {.op = Op::kSum, .dim = {0, -1}})), "DUPLICATE_DIM reductions[0].dim");
}

TEST(Plan, Takes64Dims) {
  Shape shape(64, 1);
  shape[0] = 2;
  shape[63] = 3;
  EXPECT_EQ(OutputShape(shape, {.op = Op::kSum}), "[]");
  const auto plan = PlanOf(shape, {.op = Op::kSum, .dim = {63}});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->reductions[0].outputs[0].shape.size(), 63u);
  EXPECT_EQ(Refusal(PlanOf(Shape(65, 1), {.op = Op::kSum})), "TOO_MANY_DIMS shape");
}

TEST(Plan, RefusesNumbersThatAreNoOpOrDType) {
  const auto plan = PlanOf({2}, {.op = static_cast<Op>(99)});
  EXPECT_EQ(Refusal(plan), "UNKNOWN_OP reductions[0].op");
  EXPECT_THAT(Message(plan), testing::AllOf(HasSubstr("99"), HasSubstr("DescribeServer")));
  EXPECT_EQ(Refusal(PlanOf({2}, {.op = static_cast<Op>(0)})), "UNKNOWN_OP reductions[0].op");
  for (int number : {0, 16, 255}) {
    const auto dtype = static_cast<DType>(number);
    EXPECT_EQ(Refusal(PlanOf({2}, {.op = Op::kSum}, dtype)), "UNKNOWN_DTYPE dtype");
    EXPECT_EQ(Refusal(PlanOf({2}, {.op = Op::kSum, .dtype = dtype})), "UNKNOWN_DTYPE reductions[0].dtype");
  }
}

TEST(Plan, NamesTheReductionAtFault) {
  EXPECT_EQ(Refusal(MakePlan({DType::kFloat32, {2}, {{.op = Op::kSum}, {.op = Op::kMean, .dim = {5}}}})),
            "DIM_OUT_OF_RANGE reductions[1].dim");
}

TEST(Plan, TakesOneTo256Reductions) {
  const auto refusal = [](size_t count) {
    return Refusal(MakePlan({DType::kFloat32, {2}, std::vector<Reduction>(count, Reduction{.op = Op::kSum})}));
  };
  EXPECT_EQ(refusal(0), "NO_REDUCTIONS reductions");
  EXPECT_EQ(refusal(256), "");
  EXPECT_EQ(refusal(257), "TOO_MANY_REDUCTIONS reductions");
}

TEST(Plan, FillsInTheOptionsOfTheFamily) {
  for (const OpInfo& info : AllOps()) {
    ReductionOptions expected;
    if (info.options == OptionsKind::kVariance) expected = VarianceOptions{1.0};
    if (info.options == OptionsKind::kNorm) expected = NormOptions{2.0};
    if (info.options == OptionsKind::kQuantile) expected = QuantileOptions{0.5, Interpolation::kLinear};
    if (info.options == OptionsKind::kUnique) expected = UniqueOptions{false, false};
    EXPECT_EQ(PlanOf({2}, {.op = info.op})->reductions[0].reduction.options, expected) << info.name;
  }
}

TEST(Plan, RefusesOptionsOfAnotherFamily) {
  for (const OpInfo& info : AllOps()) {
    EXPECT_EQ(Refusal(PlanOf({2}, {.op = info.op, .options = VarianceOptions{0}})),
              info.options == OptionsKind::kVariance ? "" : "OPTIONS_MISMATCH reductions[0].options");
    EXPECT_EQ(Refusal(PlanOf({2}, {.op = info.op, .options = NormOptions{1}})),
              info.options == OptionsKind::kNorm ? "" : "OPTIONS_MISMATCH reductions[0].options");
    EXPECT_EQ(Refusal(PlanOf({2}, {.op = info.op, .options = QuantileOptions{}})),
              info.options == OptionsKind::kQuantile ? "" : "OPTIONS_MISMATCH reductions[0].options");
    EXPECT_EQ(Refusal(PlanOf({2}, {.op = info.op, .options = UniqueOptions{}})),
              info.options == OptionsKind::kUnique ? "" : "OPTIONS_MISMATCH reductions[0].options");
  }
}

TEST(Plan, TakesAnyRealCorrectionAndOrder) {
  for (double value : {0.0, 0.5, -1.0, kInf, -kInf, kNan}) {
    EXPECT_EQ(Refusal(PlanOf({2}, {.op = Op::kVar, .options = VarianceOptions{value}})), "");
    EXPECT_EQ(Refusal(PlanOf({2}, {.op = Op::kVectorNorm, .options = NormOptions{value}})), "");
  }
}

TEST(Plan, OpsWithoutIdentityRefuseToReduceNothing) {
  for (const OpInfo& info : AllOps()) {
    const std::string expected = info.empty == EmptyReduction::kError   ? "EMPTY_REDUCTION reductions[0].dim"
                                 : info.empty == EmptyReduction::kValue ? ""
                                                                        : "EMPTY_REDUCTION shape";
    EXPECT_EQ(Refusal(PlanOf({0}, {.op = info.op})), expected) << info.name;
    EXPECT_EQ(Refusal(PlanOf({2, 0}, {.op = info.op})), expected) << info.name;
    EXPECT_EQ(Refusal(PlanOf({2, 0}, {.op = info.op, .dim = {1}})), expected) << info.name;
    EXPECT_EQ(Refusal(PlanOf({0, 0}, {.op = info.op, .dim = {0}})), expected) << info.name;
  }
}

TEST(Plan, KeptDimsWithoutElementsGiveEmptyResults) {
  for (const OpInfo& info : AllOps()) {
    if (info.empty == EmptyReduction::kRefusesEmptyTensors || !info.has_fixed_shape) continue;
    EXPECT_EQ(OutputShape({2, 0, 3}, {.op = info.op, .dim = {0}}), "[0, 3]") << info.name;
  }
}

TEST(Plan, QuantilesRefuseATensorWithoutElements) {
  EXPECT_EQ(OutputShape({2, 0, 3}, {.op = Op::kNanQuantile, .dim = {0}}),
            "shape: quantile() input tensor must be non-empty");
}

TEST(Plan, AListOfQuantilesIsADimInFront) {
  const auto shape = [](Quantiles q, bool keepdim) {
    return OutputShape({4, 5}, {.op = Op::kQuantile, .dim = {1}, .keepdim = keepdim, .options = QuantileOptions{q}});
  };
  EXPECT_EQ(shape(0.5, false), "[4]");
  EXPECT_EQ(shape(0.5, true), "[4, 1]");
  EXPECT_EQ(shape(std::vector<double>{0.5}, false), "[1, 4]");
  EXPECT_EQ(shape(std::vector<double>{0.5, 0.1, 1}, true), "[3, 4, 1]");
  EXPECT_EQ(shape(std::vector<double>{}, false), "[0, 4]");
}

TEST(Plan, QuantilesAreBetween0And1) {
  const auto refusal = [](QuantileOptions options) {
    return OutputShape({2}, {.op = Op::kQuantile, .options = std::move(options)});
  };
  EXPECT_EQ(refusal({1.1}), "reductions[0].options.quantile.q: quantile() q must be in the range [0, 1] but got 1.1");
  EXPECT_THAT(refusal({kNan}), HasSubstr("must be in the range [0, 1] but got nan"));
  EXPECT_EQ(refusal({std::vector<double>{0.5, -0.1}}),
            "reductions[0].options.quantile.q: quantile() q values must be in the range [0, 1]");
  for (int number : {0, 6}) {
    EXPECT_EQ(Refusal(PlanOf(
                  {2}, {.op = Op::kQuantile, .options = QuantileOptions{0.5, static_cast<Interpolation>(number)}})),
              "UNKNOWN_INTERPOLATION reductions[0].options.quantile.interpolation");
  }
}

TEST(Plan, QuantilesOfOtherDtypesNeedACast) {
  const auto refusal = [](DType input, std::optional<DType> dtype) {
    return Refusal(MakePlan({input, {2}, {{.op = Op::kQuantile, .dtype = dtype}}}));
  };
  for (DType input : kAllDTypes) {
    const bool is_native = input == DType::kFloat32 || input == DType::kFloat64;
    EXPECT_EQ(refusal(input, std::nullopt), is_native ? "" : "UNSUPPORTED_DTYPE dtype") << Name(input);
    EXPECT_EQ(refusal(input, DType::kFloat32), IsComplex(input) ? "UNSUPPORTED_DTYPE dtype" : "") << Name(input);
    EXPECT_EQ(refusal(input, DType::kFloat16),
              IsComplex(input) ? "UNSUPPORTED_DTYPE dtype" : "UNSUPPORTED_DTYPE reductions[0].dtype");
  }
}

TEST(Plan, UniqueHasAnExtentThatTheDataDecides) {
  const auto outputs = [](Reduction reduction) {
    std::string text;
    const absl::StatusOr<Plan> plan = PlanOf({4, 5}, std::move(reduction));
    for (const OutputSpec& output : plan->reductions[0].outputs) {
      absl::StrAppend(&text, std::string(output.name), ToString(output.shape), " ");
    }
    return text;
  };
  EXPECT_EQ(outputs({.op = Op::kUnique}), "output[-1] ");
  EXPECT_EQ(outputs({.op = Op::kUnique, .options = UniqueOptions{true, true}}),
            "output[-1] inverse_indices[4, 5] counts[-1] ");
  EXPECT_EQ(outputs({.op = Op::kUniqueConsecutive, .dim = {1}, .options = UniqueOptions{true, true}}),
            "output[4, -1] inverse_indices[5] counts[-1] ");
}

TEST(Plan, UniqueTakesOneDimAndNoKeepdim) {
  for (Op op : {Op::kUnique, Op::kUniqueConsecutive}) {
    EXPECT_EQ(Refusal(PlanOf({4, 5}, {.op = op, .dim = {0, 1}})), "TOO_MANY_DIMS reductions[0].dim");
    EXPECT_EQ(Refusal(PlanOf({4, 5}, {.op = op, .keepdim = true})), "UNEXPECTED_KEEPDIM reductions[0].keepdim");
    EXPECT_EQ(Refusal(PlanOf({4, 0}, {.op = op, .dim = {0}})), "EMPTY_SLICES reductions[0].dim");
    EXPECT_EQ(Refusal(PlanOf({4, 0}, {.op = op, .dim = {1}})), "");
  }
}

TEST(Plan, SaysWhichDimIsEmpty) {
  EXPECT_EQ(OutputShape({2, 0}, {.op = Op::kAMax, .dim = {0, -1}}),
            "reductions[0].dim: amax(): Expected reduction dim 1 to have non-zero size.");
  EXPECT_EQ(OutputShape({2, 0}, {.op = Op::kMin}),
            "reductions[0].dim: min(): Expected reduction dim to be specified for input.numel() == 0. Specify the "
            "reduction dim with the 'dim' argument.");
}

TEST(Plan, NormsOfNothingNeedAFiniteOrderOfZeroOrMore) {
  for (double ord : {0.0, 0.5, 1.0, 2.0, kNan}) {
    EXPECT_EQ(Refusal(PlanOf({0}, {.op = Op::kVectorNorm, .options = NormOptions{ord}})), "") << ord;
  }
  for (double ord : {kInf, -kInf, -1.0, -0.5}) {
    EXPECT_EQ(Refusal(PlanOf({0}, {.op = Op::kVectorNorm, .options = NormOptions{ord}})),
              "EMPTY_REDUCTION reductions[0].options.norm.ord");
    EXPECT_EQ(Refusal(PlanOf({2, 0}, {.op = Op::kVectorNorm, .dim = {0}, .options = NormOptions{ord}})), "");
  }
  EXPECT_EQ(
      OutputShape({0}, {.op = Op::kVectorNorm, .options = NormOptions{-kInf}}),
      "reductions[0].options.norm.ord: linalg.vector_norm cannot compute the -inf norm on an empty tensor because "
      "the operation does not have an identity");
  EXPECT_THAT(OutputShape({0}, {.op = Op::kVectorNorm, .dim = {-1}, .options = NormOptions{kInf}}),
              HasSubstr("the inf norm on the dimension 0 because this dimension is empty"));
}

TEST(Plan, RefusesMoreBytesThanCanBeCounted) {
  const int64_t big = int64_t{1} << 60;
  EXPECT_EQ(Refusal(PlanOf({big}, {.op = Op::kSum})), "");
  EXPECT_EQ(Refusal(PlanOf({big}, {.op = Op::kSum}, DType::kComplex128)), "SHAPE_OVERFLOW shape");
  EXPECT_EQ(Refusal(PlanOf({big, 0}, {.op = Op::kSum, .dim = {1}}, DType::kInt8)), "RESULT_OVERFLOW reductions[0]");
  const Reduction amax = {.op = Op::kAMax, .dim = {0}};
  EXPECT_EQ(Refusal(MakePlan({DType::kFloat32, {1, big}, {amax}})), "");
  EXPECT_EQ(Refusal(MakePlan({DType::kFloat32, {1, big}, {amax, amax}})), "RESULT_OVERFLOW reductions");
}

TEST(LoopNest, MergesNeighboursOfOneKind) {
  EXPECT_EQ(MakeLoopNest({2, 3, 4, 5}, {1, 2}), (LoopNest{{{2, false}, {12, true}, {5, false}}, 10, 12}));
  EXPECT_EQ(MakeLoopNest({2, 3, 4, 5}, {0, 3}), (LoopNest{{{2, true}, {12, false}, {5, true}}, 12, 10}));
  EXPECT_EQ(MakeLoopNest({2, 3, 4, 5}, {}), (LoopNest{{{120, false}}, 120, 1}));
}

TEST(LoopNest, DropsDimsOfExtentOne) {
  EXPECT_EQ(MakeLoopNest({2, 1, 3}, {1}), (LoopNest{{{6, false}}, 6, 1}));
  EXPECT_EQ(MakeLoopNest({2, 1, 3}, {0, 2}), (LoopNest{{{6, true}}, 1, 6}));
  EXPECT_EQ(MakeLoopNest({1, 1}, {0}), LoopNest());
  EXPECT_EQ(MakeLoopNest({}, {}), LoopNest());
}

TEST(LoopNest, CountsNothingInDimsWithoutElements) {
  EXPECT_EQ(MakeLoopNest({2, 0, 3}, {0}), (LoopNest{{{2, true}, {0, false}}, 0, 2}));
  EXPECT_EQ(MakeLoopNest({2, 0, 3}, {1}), (LoopNest{{{2, false}, {0, true}, {3, false}}, 6, 0}));
  EXPECT_EQ(MakeLoopNest({0, 0}, {1}), (LoopNest{{{0, false}, {0, true}}, 0, 0}));
}

TEST(LoopNest, KindsAlternateAndSizesMultiplyToTheCounts) {
  const Shape shape = {2, 1, 3, 0, 4, 1, 5};
  for (unsigned mask = 0; mask < (1u << shape.size()); ++mask) {
    std::vector<int64_t> reduced;
    for (size_t d = 0; d < shape.size(); ++d) {
      if (mask >> d & 1) reduced.push_back(d);
    }
    const LoopNest nest = MakeLoopNest(shape, reduced);
    int64_t counts[2] = {1, 1};
    for (size_t i = 0; i < nest.axes.size(); ++i) {
      counts[nest.axes[i].reduced] *= nest.axes[i].size;
      if (i > 0) {
        EXPECT_NE(nest.axes[i].reduced, nest.axes[i - 1].reduced);
      }
    }
    EXPECT_EQ(counts[false], nest.kept_count);
    EXPECT_EQ(counts[true], nest.reduced_count);
  }
}

}  // namespace
}  // namespace treduce
