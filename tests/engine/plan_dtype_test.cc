// Tests of server/engine/plan/plan.cc: which dtypes are taken, folded and given.
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "server/engine/plan/op_registry.h"
#include "server/engine/plan/plan.h"
#include "server/engine/values/errors.h"

namespace treduce {
namespace {

using testing::ElementsAre;

// The dtypes of the outputs of `reduction` of a [2, 3] tensor, or its refusal: "field: message".
std::vector<std::string> Outputs(Reduction reduction, DType input) {
  const auto plan = MakePlan({input, {2, 3}, {std::move(reduction)}});
  if (!plan.ok()) return {std::string(plan.status().message())};
  std::vector<std::string> names;
  for (const OutputSpec& output : plan->reductions[0].outputs) names.emplace_back(Name(output.dtype));
  return names;
}

DType ComputeDType(Reduction reduction, DType input) {
  return MakePlan({input, {2, 3}, {std::move(reduction)}})->reductions[0].compute_dtype;
}

TEST(PlanDType, EveryOpTakesWhatItsEntrySays) {
  for (const OpInfo& info : AllOps()) {
    for (DType dtype : kAllDTypes) {
      const auto plan = MakePlan({dtype, {2, 3}, {{.op = info.op}}});
      EXPECT_EQ(plan.ok(), info.accepts(dtype)) << info.name << " of " << Name(dtype);
      if (plan.ok()) continue;
      EXPECT_EQ(DetailOf(plan.status())->reason, "UNSUPPORTED_DTYPE");
      EXPECT_EQ(DetailOf(plan.status())->field, "dtype");
    }
  }
}

TEST(PlanDType, IntegersAndBoolSumToInt64) {
  for (Op op : {Op::kSum, Op::kNanSum, Op::kProd}) {
    for (DType dtype : {DType::kInt8, DType::kInt32, DType::kUInt8, DType::kUInt64, DType::kBool}) {
      EXPECT_THAT(Outputs({.op = op}, dtype), ElementsAre("int64"));
      EXPECT_EQ(ComputeDType({.op = op}, dtype), dtype);
    }
    EXPECT_THAT(Outputs({.op = op}, DType::kFloat16), ElementsAre("float16"));
  }
  EXPECT_THAT(Outputs({.op = Op::kSum}, DType::kComplex64), ElementsAre("complex64"));
}

TEST(PlanDType, SumsCastToWhatIsAskedFor) {
  for (DType to : kAllDTypes) {
    const Reduction sum = {.op = Op::kSum, .dtype = to};
    EXPECT_THAT(Outputs(sum, DType::kInt32), ElementsAre(std::string(Name(to))));
    EXPECT_EQ(ComputeDType(sum, DType::kInt32), to);
  }
}

TEST(PlanDType, NanSumOfFloatsCastsToIntegers) {
  EXPECT_THAT(Outputs({.op = Op::kNanSum, .dtype = DType::kInt64}, DType::kFloat32), ElementsAre("int64"));
}

TEST(PlanDType, NanSumTakesNoComplexDType) {
  const std::string refusal = "nansum on CPU does not support complex inputs";
  EXPECT_THAT(Outputs({.op = Op::kNanSum, .dtype = DType::kFloat32}, DType::kComplex64),
              ElementsAre("dtype: " + refusal));
  EXPECT_THAT(Outputs({.op = Op::kNanSum, .dtype = DType::kComplex64}, DType::kFloat32),
              ElementsAre("reductions[0].dtype: " + refusal));
}

TEST(PlanDType, MeanOfIntegersNeedsACastToFloats) {
  EXPECT_THAT(Outputs({.op = Op::kMean}, DType::kInt64),
              ElementsAre("dtype: mean(): could not infer output dtype. Input dtype must be either a floating point or "
                          "complex dtype. Got: Long"));
  EXPECT_THAT(Outputs({.op = Op::kMean, .dtype = DType::kInt8}, DType::kInt64),
              ElementsAre("reductions[0].dtype: mean(): could not infer output dtype. Optional dtype must be either a "
                          "floating point or complex dtype. Got: Char"));
  EXPECT_THAT(Outputs({.op = Op::kMean, .dtype = DType::kFloat32}, DType::kInt64), ElementsAre("float32"));
  EXPECT_THAT(Outputs({.op = Op::kMean, .dtype = DType::kComplex128}, DType::kBool), ElementsAre("complex128"));
}

TEST(PlanDType, NanMeanOfIntegersIsRefusedWhateverTheCast) {
  EXPECT_THAT(Outputs({.op = Op::kNanMean, .dtype = DType::kFloat32}, DType::kInt64),
              ElementsAre("dtype: nanmean(): expected input to have floating point dtype but got Long"));
  EXPECT_THAT(Outputs({.op = Op::kNanMean, .dtype = DType::kFloat64}, DType::kFloat32), ElementsAre("float64"));
}

TEST(PlanDType, OrderingOpsKeepTheDTypeAndIndexInInt64) {
  for (DType dtype : {DType::kBFloat16, DType::kInt16, DType::kUInt32, DType::kBool}) {
    const std::string name(Name(dtype));
    EXPECT_THAT(Outputs({.op = Op::kMax}, dtype), ElementsAre(name));
    EXPECT_THAT(Outputs({.op = Op::kMin, .dim = {0}}, dtype), ElementsAre(name, "int64"));
    EXPECT_THAT(Outputs({.op = Op::kAMax, .dim = {0}}, dtype), ElementsAre(name));
    EXPECT_THAT(Outputs({.op = Op::kAMinMax}, dtype), ElementsAre(name, name));
  }
  EXPECT_THAT(Outputs({.op = Op::kArgMin}, DType::kFloat64), ElementsAre("int64"));
}

TEST(PlanDType, OrderingOpsNameTheDTypeTheyRefuse) {
  EXPECT_THAT(Outputs({.op = Op::kMax}, DType::kComplex64),
              ElementsAre("dtype: max(): does not support complex64 input"));
  EXPECT_THAT(Outputs({.op = Op::kArgMax}, DType::kBool), ElementsAre("dtype: argmax(): does not support bool input"));
}

TEST(PlanDType, TruthIsBoolButUInt8OfUInt8) {
  for (Op op : {Op::kAll, Op::kAny}) {
    for (DType dtype : kAllDTypes) {
      EXPECT_THAT(Outputs({.op = op}, dtype), ElementsAre(dtype == DType::kUInt8 ? "uint8" : "bool"));
    }
  }
}

TEST(PlanDType, CountsAreInt64) {
  for (DType dtype : kAllDTypes) EXPECT_THAT(Outputs({.op = Op::kCountNonzero}, dtype), ElementsAre("int64"));
}

TEST(PlanDType, VarianceOfComplexIsRealAndItsMeanComplex) {
  EXPECT_THAT(Outputs({.op = Op::kVar}, DType::kComplex64), ElementsAre("float32"));
  EXPECT_THAT(Outputs({.op = Op::kStd}, DType::kComplex128), ElementsAre("float64"));
  EXPECT_THAT(Outputs({.op = Op::kVarMean}, DType::kComplex128), ElementsAre("float64", "complex128"));
  EXPECT_THAT(Outputs({.op = Op::kStdMean}, DType::kFloat16), ElementsAre("float16", "float16"));
}

TEST(PlanDType, VarianceOfIntegersIsRefused) {
  EXPECT_THAT(Outputs({.op = Op::kStd}, DType::kInt64),
              ElementsAre("dtype: std and var only support floating point and complex dtypes"));
  EXPECT_THAT(Outputs({.op = Op::kStdMean}, DType::kInt64),
              ElementsAre("dtype: std_mean only support floating point and complex dtypes"));
}

TEST(PlanDType, NormsAreReal) {
  EXPECT_THAT(Outputs({.op = Op::kVectorNorm}, DType::kComplex64), ElementsAre("float32"));
  EXPECT_THAT(Outputs({.op = Op::kVectorNorm}, DType::kBFloat16), ElementsAre("bfloat16"));
  EXPECT_THAT(Outputs({.op = Op::kVectorNorm, .dtype = DType::kComplex128}, DType::kComplex64), ElementsAre("float64"));
  EXPECT_THAT(Outputs({.op = Op::kVectorNorm}, DType::kInt32),
              ElementsAre("dtype: linalg.vector_norm: Expected a floating point or complex tensor as input. Got Int"));
}

TEST(PlanDType, NormsCastOnlyToWiderDTypesOfTheirKind) {
  const std::string prefix = "reductions[0].dtype: linalg.vector_norm: ";
  const auto norm = [](DType to) { return Reduction{.op = Op::kVectorNorm, .dtype = to}; };
  EXPECT_THAT(Outputs(norm(DType::kFloat32), DType::kFloat32), ElementsAre("float32"));
  EXPECT_THAT(Outputs(norm(DType::kFloat32), DType::kFloat64),
              ElementsAre(prefix + "the dtype of the input (Double) should be convertible without narrowing to the "
                                   "specified dtype (Float)"));
  EXPECT_THAT(Outputs(norm(DType::kBFloat16), DType::kFloat16),
              ElementsAre(prefix + "the dtype of the input (Half) should be convertible without narrowing to the "
                                   "specified dtype (BFloat16)"));
  EXPECT_THAT(Outputs(norm(DType::kComplex128), DType::kFloat64),
              ElementsAre(prefix + "dtype should be real for real inputs, but got ComplexDouble"));
  EXPECT_THAT(Outputs(norm(DType::kFloat64), DType::kComplex64),
              ElementsAre(prefix + "dtype should be complex for complex inputs, but got Double"));
  EXPECT_THAT(Outputs(norm(DType::kInt64), DType::kFloat32),
              ElementsAre(prefix + "dtype should be floating point or complex, but got Long"));
}

TEST(PlanDType, LogSumExpFoldsIntegersAsFloat32) {
  for (DType dtype : kAllDTypes) {
    const DType expected = IsFloatingPoint(dtype) || IsComplex(dtype) ? dtype : DType::kFloat32;
    EXPECT_EQ(ComputeDType({.op = Op::kLogSumExp}, dtype), expected);
    EXPECT_THAT(Outputs({.op = Op::kLogSumExp}, dtype), ElementsAre(std::string(Name(expected))));
  }
}

TEST(PlanDType, OpsWithoutADTypeArgumentRefuseOne) {
  for (const OpInfo& info : AllOps()) {
    if (info.casts) continue;
    const std::string refusal = "reductions[0].dtype: " + std::string(info.name) + "() takes no dtype argument";
    EXPECT_THAT(Outputs({.op = info.op, .dtype = DType::kFloat64}, DType::kFloat64), ElementsAre(refusal));
  }
}

}  // namespace
}  // namespace treduce
