// Parameters become the options of ops, in their natural types and as text; what is neither is refused by name.
#include "server/inference/parameters.h"

#include <string>
#include <variant>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/engine/values/errors.h"

namespace treduce {
namespace {

using inference::InferParameter;
using testing::ElementsAre;

InferParameter Bool(bool value) {
  InferParameter parameter;
  parameter.set_bool_param(value);
  return parameter;
}

InferParameter Int(int64_t value) {
  InferParameter parameter;
  parameter.set_int64_param(value);
  return parameter;
}

InferParameter Unsigned(uint64_t value) {
  InferParameter parameter;
  parameter.set_uint64_param(value);
  return parameter;
}

InferParameter Double(double value) {
  InferParameter parameter;
  parameter.set_double_param(value);
  return parameter;
}

InferParameter Text(const std::string& value) {
  InferParameter parameter;
  parameter.set_string_param(value);
  return parameter;
}

absl::StatusOr<Reduction> Of(Op op, const std::string& name, const InferParameter& value) {
  google::protobuf::Map<std::string, InferParameter> parameters;
  parameters[name] = value;
  return ReductionOf(*FindOp(op), parameters);
}

// The reduction, which there must be.
Reduction With(Op op, const std::string& name, const InferParameter& value) {
  const absl::StatusOr<Reduction> reduction = Of(op, name, value);
  EXPECT_TRUE(reduction.ok()) << reduction.status();
  return reduction.value_or(Reduction());
}

TEST(Parameters, NoneAreTheDefaultsOfEachOp) {
  for (const OpInfo& model : AllOps()) {
    const absl::StatusOr<Reduction> reduction = ReductionOf(model, {});
    ASSERT_TRUE(reduction.ok()) << reduction.status();
    EXPECT_EQ(reduction->op, model.op);
    EXPECT_TRUE(reduction->dim.empty());
    EXPECT_EQ(std::holds_alternative<std::monostate>(reduction->options), model.options == OptionsKind::kNone);
  }
}

TEST(Parameters, DimIsAnIntegerOrAListInText) {
  EXPECT_THAT(With(Op::kSum, "dim", Int(-1)).dim, ElementsAre(-1));
  EXPECT_THAT(With(Op::kSum, "dim", Unsigned(1)).dim, ElementsAre(1));
  EXPECT_THAT(With(Op::kSum, "dim", Text("0,2")).dim, ElementsAre(0, 2));
  EXPECT_THAT(With(Op::kSum, "dim", Text(" [ 0, -2 ] ")).dim, ElementsAre(0, -2));
  EXPECT_THAT(With(Op::kSum, "dim", Text("(1,)")).dim, ElementsAre(1));
  EXPECT_THAT(With(Op::kSum, "dim", Text("")).dim, ElementsAre());
  EXPECT_THAT(With(Op::kSum, "dim", Text("()")).dim, ElementsAre());
}

TEST(Parameters, BoolsAndNumbersMayBeText) {
  EXPECT_TRUE(With(Op::kSum, "keepdim", Bool(true)).keepdim);
  EXPECT_TRUE(With(Op::kSum, "keepdim", Text("True")).keepdim);
  EXPECT_FALSE(With(Op::kSum, "keepdim", Text("false")).keepdim);
  for (const InferParameter& value : {Int(0), Double(0), Text("0"), Text("0.0")}) {
    EXPECT_EQ(std::get<VarianceOptions>(With(Op::kStd, "correction", value).options).correction, 0);
  }
  EXPECT_EQ(std::get<NormOptions>(With(Op::kVectorNorm, "ord", Text("-inf")).options).ord,
            -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::get<UniqueOptions>(With(Op::kUnique, "return_inverse", Bool(true)).options).return_inverse);
  EXPECT_TRUE(std::get<UniqueOptions>(With(Op::kUnique, "return_counts", Text("true")).options).return_counts);
}

// Clients whose languages have no bools, or no signed integers, send these.
TEST(Parameters, BoolsMayBeZeroOrOne) {
  for (const InferParameter& one : {Int(1), Unsigned(1), Text("1")}) {
    EXPECT_TRUE(With(Op::kSum, "keepdim", one).keepdim);
    EXPECT_TRUE(std::get<UniqueOptions>(With(Op::kUnique, "return_counts", one).options).return_counts);
  }
  for (const InferParameter& zero : {Int(0), Unsigned(0), Text("0")}) {
    EXPECT_FALSE(With(Op::kSum, "keepdim", zero).keepdim);
  }
}

TEST(Parameters, QuantilesAreOneOrAList) {
  const auto q = [](const InferParameter& value) {
    return std::get<QuantileOptions>(With(Op::kQuantile, "q", value).options).q;
  };
  EXPECT_EQ(q(Double(0.25)), Quantiles(0.25));
  EXPECT_EQ(q(Text("0.25")), Quantiles(0.25));
  EXPECT_EQ(q(Text("0.25,")), Quantiles(std::vector<double>{0.25}));
  EXPECT_EQ(q(Text("[0.25]")), Quantiles(std::vector<double>{0.25}));
  EXPECT_EQ(q(Text("0.25, 0.75")), Quantiles(std::vector<double>{0.25, 0.75}));
  EXPECT_EQ(std::get<QuantileOptions>(With(Op::kQuantile, "interpolation", Text("midpoint")).options).interpolation,
            Interpolation::kMidpoint);
}

TEST(Parameters, DtypeHasTheProtocolsNamesAndPyTorchs) {
  EXPECT_EQ(With(Op::kSum, "dtype", Text("FP64")).dtype, DType::kFloat64);
  EXPECT_EQ(With(Op::kSum, "dtype", Text("float64")).dtype, DType::kFloat64);
}

TEST(Parameters, ReservedOnesChangeNothing) {
  for (const char* name :
       {"priority", "timeout", "sequence_id", "binary_data_output", "triton_enable_empty", "content_type"}) {
    EXPECT_EQ(With(Op::kSum, name, Int(1)), With(Op::kSum, "dim", Text(""))) << name;
  }
}

struct BadParameter {
  Op op;
  const char* name;
  InferParameter value;
  const char* reason;
};

class BadParameterTest : public testing::TestWithParam<BadParameter> {};

TEST_P(BadParameterTest, IsRefusedByName) {
  const BadParameter& bad = GetParam();
  const absl::Status status = Of(bad.op, bad.name, bad.value).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  ASSERT_TRUE(DetailOf(status).has_value()) << status;
  EXPECT_EQ(DetailOf(status)->reason, bad.reason) << status;
  EXPECT_EQ(DetailOf(status)->field, std::string("parameters.") + bad.name);
}

INSTANTIATE_TEST_SUITE_P(All, BadParameterTest,
                         testing::Values(BadParameter{Op::kSum, "keep_dim", Bool(true), "UNKNOWN_PARAMETER"},
                                         BadParameter{Op::kSum, "correction", Int(0), "UNKNOWN_PARAMETER"},
                                         BadParameter{Op::kMax, "dtype", Text("FP32"), "UNKNOWN_PARAMETER"},
                                         BadParameter{Op::kUnique, "keepdim", Bool(true), "UNKNOWN_PARAMETER"},
                                         BadParameter{Op::kSum, "dim", Text("0,,1"), "PARAMETER_VALUE"},
                                         BadParameter{Op::kSum, "dim", Text("0,x"), "PARAMETER_VALUE"},
                                         BadParameter{Op::kSum, "dim", Text("1.5"), "PARAMETER_VALUE"},
                                         BadParameter{Op::kSum, "dim", Text("99999999999999999999"), "PARAMETER_VALUE"},
                                         BadParameter{Op::kSum, "dim", Text("["), "PARAMETER_VALUE"},
                                         BadParameter{Op::kSum, "dim", Text(","), "PARAMETER_VALUE"},
                                         BadParameter{Op::kSum, "dim", Double(0), "PARAMETER_VALUE"},
                                         BadParameter{Op::kSum, "dim", InferParameter(), "PARAMETER_VALUE"},
                                         BadParameter{Op::kSum, "keepdim", Int(2), "PARAMETER_VALUE"},
                                         BadParameter{Op::kSum, "keepdim", Int(-1), "PARAMETER_VALUE"},
                                         BadParameter{Op::kSum, "keepdim", Double(1), "PARAMETER_VALUE"},
                                         BadParameter{Op::kSum, "dim", Unsigned(uint64_t{1} << 63), "PARAMETER_VALUE"},
                                         BadParameter{Op::kSum, "keepdim", Text("maybe"), "PARAMETER_VALUE"},
                                         BadParameter{Op::kSum, "dtype", Text("FP128"), "PARAMETER_VALUE"},
                                         BadParameter{Op::kSum, "dtype", Text("complex64"), "PARAMETER_VALUE"},
                                         BadParameter{Op::kSum, "dtype", Int(1), "PARAMETER_VALUE"},
                                         BadParameter{Op::kVar, "correction", Text("one"), "PARAMETER_VALUE"},
                                         BadParameter{Op::kVar, "correction", Bool(true), "PARAMETER_VALUE"},
                                         BadParameter{Op::kQuantile, "q", Text("half"), "PARAMETER_VALUE"},
                                         BadParameter{Op::kQuantile, "interpolation", Text("cubic"), "PARAMETER_VALUE"},
                                         BadParameter{Op::kUnique, "return_counts", Int(2), "PARAMETER_VALUE"}));

}  // namespace
}  // namespace treduce
