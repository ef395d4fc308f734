// What counts as a pass of a case.
#include "tests/conformance/suite.h"

#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace treduce::conformance {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Tensor Int8(int value) { return {DType::kInt8, {}, {static_cast<std::byte>(value)}}; }

// A case whose right answer is 3, or a refusal with `refusal`.
Case ThreeOr(std::optional<absl::StatusCode> refusal = std::nullopt) {
  Case test;
  test.answers = {{Int8(3)}};
  test.tolerances = {Tolerance{}};
  test.refusal = refusal;
  return test;
}

// Gives the same answer to everything.
class FixedRunner : public Runner {
 public:
  FixedRunner(std::string name, absl::StatusOr<std::vector<Tensor>> answer)
      : name_(std::move(name)), answer_(std::move(answer)) {}
  std::string name() const override { return name_; }
  absl::StatusOr<std::vector<Tensor>> Reduce(const TensorView&, const Reduction&) override { return answer_; }

 private:
  const std::string name_;
  const absl::StatusOr<std::vector<Tensor>> answer_;
};

TEST(Judge, ComparesOutputs) {
  EXPECT_EQ(Judge(ThreeOr(), std::vector<Tensor>{Int8(3)}), "");
  EXPECT_EQ(Judge(ThreeOr(), std::vector<Tensor>{Int8(4)}),
            "output 0: 1 of 1 elements; [0] is 4, not 3 (1 ulp, 0 allowed)");
  EXPECT_EQ(Judge(ThreeOr(), std::vector<Tensor>{Int8(3), Int8(0)}), "2 outputs, not 1");
}

TEST(Judge, TakesAnyOfTheRightAnswers) {
  Case test = ThreeOr();
  test.answers.push_back({Int8(4)});
  EXPECT_EQ(Judge(test, std::vector<Tensor>{Int8(3)}), "");
  EXPECT_EQ(Judge(test, std::vector<Tensor>{Int8(4)}), "");
  EXPECT_NE(Judge(test, std::vector<Tensor>{Int8(5)}), "");
}

TEST(Judge, ComparesRefusalsByCodeOnly) {
  const Case test = ThreeOr(absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Judge(test, absl::InvalidArgumentError("any text")), "");
  EXPECT_EQ(Judge(test, absl::InternalError("oops")), "refused with INTERNAL \"oops\", not INVALID_ARGUMENT");
  EXPECT_EQ(Judge(ThreeOr(), absl::InternalError("oops")), "refused with INTERNAL \"oops\", not answered");
}

TEST(Judge, RefusesAnswersWhereOnlyRefusingIsRight) {
  Case test = ThreeOr(absl::StatusCode::kInvalidArgument);
  test.answers.clear();
  EXPECT_EQ(Judge(test, std::vector<Tensor>{Int8(3)}), "answered, not refused with INVALID_ARGUMENT");
}

TEST(RunCase, ComparesTheBitsOfAllRunners) {
  const Tensor zero{DType::kFloat16, {}, {std::byte{0}, std::byte{0}}};
  const Tensor minus_zero{DType::kFloat16, {}, {std::byte{0}, std::byte{0x80}}};
  Case test = ThreeOr();
  test.answers = {{zero}};
  std::vector<std::unique_ptr<Runner>> runners;
  runners.push_back(std::make_unique<FixedRunner>("one", std::vector<Tensor>{zero}));
  runners.push_back(std::make_unique<FixedRunner>("two", std::vector<Tensor>{zero}));
  EXPECT_THAT(RunCase(test, runners), IsEmpty());
  runners.push_back(std::make_unique<FixedRunner>("three", std::vector<Tensor>{minus_zero}));
  EXPECT_THAT(RunCase(test, runners), ElementsAre("three: other bits than one"));
}

}  // namespace
}  // namespace treduce::conformance
