// The parser of vectors.
#include "tests/conformance/vectors.h"

#include <fstream>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace treduce::conformance {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kInput[] = R"("input": {"dtype": "int8", "shape": [2, 1], "data": "AQI="})";
constexpr char kExpect[] = R"("expect": [{"dtype": "int64", "shape": [], "data": "AwAAAAAAAAA="}])";

// A case of `op` with these params and expectation.
std::string Line(const std::string& op, const std::string& params, const std::string& expectation) {
  return R"({"id": "x-1", "op": ")" + op + R"(", "params": {)" + params + "}, " + kInput + ", " + expectation + "}";
}

Case Parsed(const std::string& line) {
  absl::StatusOr<Case> test = ParseCase(line);
  EXPECT_TRUE(test.ok()) << test.status();
  return test.ok() ? *test : Case();
}

std::string Complaint(const std::string& line) { return std::string(ParseCase(line).status().message()); }

TEST(ParseCase, ReadsInputAndAnswer) {
  const Case test = Parsed(Line("sum", "", std::string(kExpect) + R"(, "check": "exact")"));
  EXPECT_EQ(test.id, "x-1");
  EXPECT_EQ(test.op, "sum");
  EXPECT_EQ(test.skipped, "");
  EXPECT_EQ(test.reduction, Reduction{.op = Op::kSum});
  EXPECT_EQ(test.input.dtype, DType::kInt8);
  EXPECT_THAT(test.input.shape, ElementsAre(2, 1));
  EXPECT_THAT(test.input.data, ElementsAre(std::byte{1}, std::byte{2}));
  ASSERT_EQ(test.answers.size(), 1u);
  EXPECT_EQ(test.answers[0][0].dtype, DType::kInt64);
  EXPECT_THAT(test.tolerances, ElementsAre(Tolerance{}));
  EXPECT_FALSE(test.refusal);
}

TEST(ParseCase, ReadsParams) {
  const std::string expect = std::string(kExpect) + R"(, "check": {"ulp": 2})";
  EXPECT_EQ(Parsed(Line("sum", R"("dim": -1, "keepdim": true, "dtype": "float64")", expect)).reduction,
            (Reduction{.op = Op::kSum, .dim = {-1}, .keepdim = true, .dtype = DType::kFloat64}));
  EXPECT_EQ(Parsed(Line("sum", R"("dim": [1, 0])", expect)).reduction, (Reduction{.op = Op::kSum, .dim = {1, 0}}));
  EXPECT_EQ(Parsed(Line("sum", R"("dim": null)", expect)).reduction, Reduction{.op = Op::kSum});
  EXPECT_EQ(Parsed(Line("var", R"("correction": 0.5)", expect)).reduction,
            (Reduction{.op = Op::kVar, .options = VarianceOptions{0.5}}));
  EXPECT_EQ(Parsed(Line("vector_norm", R"("ord": "-inf")", expect)).reduction,
            (Reduction{.op = Op::kVectorNorm, .options = NormOptions{-std::numeric_limits<double>::infinity()}}));
}

TEST(ParseCase, ReadsQuantiles) {
  const std::string expect = std::string(kExpect) + R"(, "check": "exact")";
  EXPECT_EQ(Parsed(Line("quantile", R"("q": 0.5, "interpolation": "nearest")", expect)).reduction,
            (Reduction{.op = Op::kQuantile, .options = QuantileOptions{0.5, Interpolation::kNearest}}));
  EXPECT_EQ(Parsed(Line("quantile", R"("q": [0, 0.25])", expect)).reduction,
            (Reduction{.op = Op::kQuantile, .options = QuantileOptions{std::vector<double>{0, 0.25}}}));
  EXPECT_EQ(Complaint(Line("quantile", R"("q": 0, "interpolation": "bogus")", expect)),
            "interpolation \"bogus\" is unknown");
  EXPECT_EQ(Complaint(Line("quantile", "", expect)), "q is missing");
}

TEST(ParseCase, ReadsTolerances) {
  EXPECT_THAT(Parsed(Line("sum", "", std::string(kExpect) + R"(, "check": {"ulp": 4, "abs": 0.5})")).tolerances,
              ElementsAre(Tolerance{.ulp = 4, .abs = 0.5}));
  EXPECT_THAT(Parsed(Line("sum", "", std::string(kExpect) + R"(, "check": [{"rel": 1e-3}])")).tolerances,
              ElementsAre(Tolerance{.rel = 1e-3}));
  EXPECT_THAT(Parsed(Line("sum", "", std::string(kExpect) + R"(, "check": "index")")).tolerances,
              ElementsAre(Tolerance{.index = true}));
}

TEST(ParseCase, TakesRefusalsAsRightWhereTheyAre) {
  const Case hard = Parsed(Line("sum", "", R"("error": {"code": "INVALID_ARGUMENT", "why": "no"})"));
  EXPECT_EQ(hard.refusal, absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(hard.answers, IsEmpty());

  std::string soft_expect(kExpect);
  soft_expect.replace(soft_expect.find("expect"), 6, "or_expect");
  const Case soft = Parsed(
      Line("sum", "", R"("error": {"code": "INVALID_ARGUMENT", "soft": true}, "check": "exact", )" + soft_expect));
  EXPECT_EQ(soft.refusal, absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(soft.answers.size(), 1u);

  const Case may = Parsed(Line("sum", "", std::string(kExpect) + R"(, "check": "exact", "may_refuse": true)"));
  EXPECT_EQ(may.refusal, absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(may.answers.size(), 1u);
}

TEST(ParseCase, TakesTorchsAnswerAsRightOnlyWhereItIsAcceptable) {
  std::string torch(kExpect);
  torch.replace(torch.find("expect"), 6, "torch");
  const std::string both = std::string(kExpect) + ", " + torch + R"(, "check": "exact")";
  EXPECT_EQ(Parsed(Line("sum", "", both)).answers.size(), 1u);
  EXPECT_EQ(Parsed(Line("sum", "", both + R"(, "accept_torch": true)")).answers.size(), 2u);
}

TEST(ParseCase, SkipsWhatTheApiDoesNotOffer) {
  EXPECT_EQ(Parsed(Line("cumsum", "", R"("check": "exact")")).skipped, "cumsum is not served");
  EXPECT_THAT(Parsed(Line("all", R"("dim": [])", "\"check\": 1")).skipped, HasSubstr("dim=[]"));
}

TEST(ParseCase, RefusesMalformedCases) {
  const std::string expect = std::string(kExpect) + R"(, "check": "exact")";
  EXPECT_EQ(Complaint("{"), "not a JSON object");
  EXPECT_EQ(Complaint(R"({"id": "x", "op": 1, "params": {}, "input": {}})"), "op is not a string");
  EXPECT_EQ(Complaint(Line("sum", R"("dim": true)", expect)), "dim is not a list of integers");
  EXPECT_EQ(Complaint(Line("sum", R"("dim": [0.5])", expect)), "dim is not a list of integers");
  EXPECT_EQ(Complaint(Line("sum", R"("dtype": "float8")", expect)), "dtype float8 is unknown");
  EXPECT_EQ(Complaint(Line("vector_norm", R"("ord": "two")", expect)), "ord is not a number");
  EXPECT_EQ(Complaint(Line("sum", "", kExpect)), "check is missing");
  EXPECT_EQ(Complaint(Line("sum", "", std::string(kExpect) + R"(, "check": {"ulps": 1})")),
            R"(check {"ulps":1} is unknown)");
  EXPECT_EQ(Complaint(Line("sum", "", R"("tags": [])")), "neither expect nor error is given");
  EXPECT_EQ(Complaint(Line("sum", "", R"("error": {"code": "BAD"})")), "error code BAD is unknown");
  std::string truncated = Line("sum", "", expect);
  truncated.replace(truncated.find("AQI="), 4, "AQ==");
  EXPECT_EQ(Complaint(truncated), "data is 1 bytes, which is not 2 elements");
}

class ReadCasesTest : public ::testing::Test {
 protected:
  // Writes a file and reads it.
  absl::StatusOr<std::vector<Case>> Read(const std::string& text) {
    std::ofstream(path_) << text;
    return ReadCases(path_);
  }
  const std::string path_ = ::testing::TempDir() + "vectors_test.jsonl";
  const std::string line_ = Line("sum", "", std::string(kExpect) + R"(, "check": "exact")") + "\n";
};

TEST_F(ReadCasesTest, ReadsAFile) {
  absl::StatusOr<std::vector<Case>> cases = Read(R"({"format": "treduce-conformance/1", "cases": 2})"
                                                 "\n" +
                                                 line_ + line_);
  ASSERT_TRUE(cases.ok()) << cases.status();
  EXPECT_EQ(cases->size(), 2u);
}

TEST_F(ReadCasesTest, NamesFileAndLine) {
  EXPECT_EQ(Read(R"({"format": "treduce-conformance/1", "cases": 2})"
                 "\n" +
                 line_ + "[]\n")
                .status()
                .message(),
            path_ + ":3: not a JSON object");
  EXPECT_THAT(std::string(Read("{}\n").status().message()), HasSubstr(":1: the header does not say format"));
  EXPECT_THAT(std::string(Read(R"({"format": "treduce-conformance/1", "cases": 2})"
                               "\n" +
                               line_)
                              .status()
                              .message()),
              HasSubstr(":1: the header does not say cases 1"));
}

TEST_F(ReadCasesTest, RefusesPathsWithoutVectors) {
  EXPECT_EQ(ReadCases(path_ + ".none").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace treduce::conformance
