// Command lines: what they mean, and what is said of wrong ones.
#include "client/cli/args.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "client/cli/help.h"

namespace treduce::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<Arguments> Parse(const std::vector<std::string_view>& words, std::string_view server = "") {
  return ParseArguments(words, server);
}

std::string ErrorOf(const std::vector<std::string_view>& words) { return std::string(Parse(words).status().message()); }

TEST(Args, OneOpAndAFile) {
  const auto arguments = Parse({"sum", "x.npy", "--dim", "0", "--keepdim"});
  ASSERT_TRUE(arguments.ok()) << arguments.status();
  EXPECT_EQ(arguments->command, Command::kReduce);
  EXPECT_EQ(arguments->file, "x.npy");
  EXPECT_THAT(ReductionsOf(*arguments), ElementsAre(Reduction{.op = Op::kSum, .dim = {0}, .keepdim = true}));
}

TEST(Args, SeveralOps) {
  const auto arguments = Parse({"sum", "mean", "std", "-"});
  ASSERT_TRUE(arguments.ok()) << arguments.status();
  EXPECT_EQ(arguments->file, "-");
  EXPECT_THAT(ReductionsOf(*arguments),
              ElementsAre(Reduction{.op = Op::kSum}, Reduction{.op = Op::kMean}, Reduction{.op = Op::kStd}));
}

TEST(Args, DimsAreListsAndRepeat) {
  EXPECT_THAT(Parse({"sum", "x", "--dim", "0,-1", "--dim=2"})->dim, ElementsAre(0, -1, 2));
  EXPECT_THAT(Parse({"sum", "--dim", "-1", "x"})->dim, ElementsAre(-1));
  EXPECT_THAT(ErrorOf({"sum", "x", "--dim", "0,x"}), HasSubstr("--dim: '0,x'"));
  EXPECT_THAT(ErrorOf({"sum", "x", "--dim", ""}), HasSubstr("--dim"));
}

TEST(Args, OptionsGoToTheOpsThatTakeThem) {
  const auto arguments =
      Parse({"sum", "max", "var", "vector_norm", "x", "--dtype", "float64", "--correction", "0", "--ord=-inf"});
  ASSERT_TRUE(arguments.ok()) << arguments.status();
  EXPECT_THAT(
      ReductionsOf(*arguments),
      ElementsAre(Reduction{.op = Op::kSum, .dtype = DType::kFloat64}, Reduction{.op = Op::kMax},
                  Reduction{.op = Op::kVar, .options = VarianceOptions{0}},
                  Reduction{.op = Op::kVectorNorm, .dtype = DType::kFloat64, .options = NormOptions{-INFINITY}}));
}

TEST(Args, QuantilesAreOneOrAList) {
  const auto options = [](const char* q) { return ReductionsOf(*Parse({"quantile", "x", "--q", q}))[0].options; };
  EXPECT_EQ(options("0.25"), ReductionOptions(QuantileOptions{0.25}));
  EXPECT_EQ(options("0.25,1"), ReductionOptions(QuantileOptions{std::vector<double>{0.25, 1}}));
  EXPECT_EQ(options("0.25,"), ReductionOptions(QuantileOptions{std::vector<double>{0.25}}));
  EXPECT_EQ(ReductionsOf(*Parse({"nanquantile", "x", "--interpolation", "nearest"}))[0].options,
            ReductionOptions(QuantileOptions{0.5, Interpolation::kNearest}));
  EXPECT_THAT(ErrorOf({"quantile", "x", "--q", "half"}), HasSubstr("--q: 'half' is not a number"));
  EXPECT_THAT(ErrorOf({"quantile", "x", "--q", ""}), HasSubstr("--q"));
  EXPECT_THAT(ErrorOf({"quantile", "x", "--interpolation", "cubic"}), HasSubstr("one of linear, lower"));
}

TEST(Args, UniqueTakesFlags) {
  EXPECT_THAT(ReductionsOf(*Parse({"unique", "x", "--return-inverse", "--return-counts"})),
              ElementsAre(Reduction{.op = Op::kUnique, .options = UniqueOptions{true, true}}));
  EXPECT_EQ(ErrorOf({"sum", "x", "--return-counts"}), "--return-counts is an option of unique, unique_consecutive");
}

TEST(Args, AnOptionThatNoOpTakesIsAnError) {
  EXPECT_EQ(ErrorOf({"sum", "x", "--correction", "0"}), "--correction is an option of var, std, var_mean, std_mean");
  EXPECT_THAT(ErrorOf({"sum", "x", "--ord", "1"}), HasSubstr("vector_norm"));
  EXPECT_THAT(ErrorOf({"max", "x", "--dtype", "int8"}), HasSubstr("sum"));
}

TEST(Args, UnknownOpsSuggestNearOnes) {
  EXPECT_THAT(ErrorOf({"summ", "x"}), HasSubstr("did you mean sum"));
  EXPECT_THAT(ErrorOf({"sum", "varmean", "x"}), HasSubstr("did you mean var_mean"));
  EXPECT_THAT(ErrorOf({"transmogrify", "x"}), HasSubstr("'treduce ops'"));
  EXPECT_THAT(ErrorOf({"cumsum", "x"}), HasSubstr("'treduce ops'"));
  EXPECT_THAT(ErrorOf({"sum", "x.npy", "y.npy"}), HasSubstr("unknown op 'x.npy'; ops come first, one FILE last"));
}

TEST(Args, AFileIsNeeded) {
  EXPECT_THAT(ErrorOf({"sum"}), HasSubstr("no file"));
  EXPECT_THAT(ErrorOf({"sum", "mean"}), HasSubstr("no file"));
  EXPECT_THAT(ErrorOf({}), HasSubstr("what to reduce"));
}

TEST(Args, AnOpIsGivenOnce) { EXPECT_THAT(ErrorOf({"sum", "sum", "x"}), HasSubstr("twice")); }

TEST(Args, DashesEndOptions) {
  EXPECT_EQ(Parse({"sum", "--", "--dim"})->file, "--dim");
  EXPECT_THAT(ErrorOf({"sum", "x", "--dimm"}), HasSubstr("unknown option '--dimm'"));
  EXPECT_THAT(ErrorOf({"sum", "x", "--keepdim=1"}), HasSubstr("unknown option"));
  EXPECT_THAT(ErrorOf({"sum", "x", "--dim"}), HasSubstr("needs a value"));
  EXPECT_THAT(ErrorOf({"sum", "x", "--output="}), HasSubstr("'' is not a file"));
}

TEST(Args, RawLayouts) {
  const auto raw = Parse({"sum", "x", "--raw", "float16:2x30"})->input.raw;
  EXPECT_EQ(raw->dtype, DType::kFloat16);
  EXPECT_EQ(raw->shape, (Shape{2, 30}));
  EXPECT_EQ(Parse({"sum", "x", "--raw", "int8:"})->input.raw->shape, Shape{});
  for (const char* wrong : {"float16", "float17:2", "float16:2x", "float16:-2", "float16:2,3", ":2"}) {
    EXPECT_THAT(ErrorOf({"sum", "x", "--raw", wrong}), HasSubstr("DTYPE:SHAPE")) << wrong;
  }
}

TEST(Args, NumbersAndDTypesAreChecked) {
  EXPECT_THAT(ErrorOf({"sum", "x", "--dtype", "float31"}), HasSubstr("bfloat16"));
  EXPECT_THAT(ErrorOf({"var", "x", "--correction", "one"}), HasSubstr("not a number"));
  EXPECT_EQ(Parse({"sum", "x", "--timeout", "1.5"})->timeout, absl::Milliseconds(1500));
  EXPECT_THAT(ErrorOf({"sum", "x", "--timeout", "0"}), HasSubstr("above 0"));
  EXPECT_THAT(ErrorOf({"sum", "x", "--timeout", "nan"}), HasSubstr("above 0"));
}

TEST(Args, TheServerDefaultsToTheEnvironment) {
  EXPECT_EQ(Parse({"sum", "x"}, "unix:/a")->server, "unix:/a");
  EXPECT_EQ(Parse({"sum", "x", "--server", "host:1"}, "unix:/a")->server, "host:1");
}

TEST(Args, Commands) {
  EXPECT_EQ(Parse({"health"})->command, Command::kHealth);
  EXPECT_EQ(Parse({"describe", "--server", "unix:/a"})->command, Command::kDescribe);
  EXPECT_EQ(Parse({"ops"})->command, Command::kOps);
  EXPECT_EQ(Parse({"--version"})->command, Command::kVersion);
  EXPECT_THAT(ErrorOf({"health", "x"}), HasSubstr("stands alone"));
}

TEST(Args, Help) {
  EXPECT_EQ(Parse({"--help"})->command, Command::kHelp);
  EXPECT_EQ(Parse({"health", "--help"})->command, Command::kHelp);
  const auto of_op = Parse({"var", "-h"});
  EXPECT_EQ(of_op->command, Command::kHelp);
  EXPECT_EQ(of_op->ops.front()->op, Op::kVar);
}

TEST(Help, NamesEveryOp) {
  for (const OpInfo& op : AllOps()) {
    EXPECT_THAT(HelpText(), HasSubstr(std::string(op.name)));
    EXPECT_THAT(HelpText(op), HasSubstr(std::string(op.summary)));
  }
}

TEST(Help, NamesTheOptionsOfAnOp) {
  EXPECT_THAT(HelpText(*FindOp(Op::kStd)), HasSubstr("--correction"));
  EXPECT_THAT(HelpText(*FindOp(Op::kVectorNorm)), HasSubstr("--ord"));
  EXPECT_THAT(HelpText(*FindOp(Op::kMax)), HasSubstr("values, indices with --dim, else result"));
}

}  // namespace
}  // namespace treduce::cli
