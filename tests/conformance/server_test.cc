// A server in this process answers as the engine does: right, and with the same bits, whichever way it is asked.
#include "server/server.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/conformance/suite.h"
#include "tests/engine/generate.h"
#include "tests/engine/requests.h"

namespace treduce::conformance {
namespace {

using ::testing::IsEmpty;

class ServerConformanceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<Server>> server = Server::Start({.listen = {"127.0.0.1:0"}});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    absl::StatusOr<std::vector<std::unique_ptr<Runner>>> runners = NewServerRunners(server_->addresses()[0]);
    ASSERT_TRUE(runners.ok()) << runners.status();
    // The first is what the others are compared with.
    runners_.push_back(NewEngineRunner());
    std::move(runners->begin(), runners->end(), std::back_inserter(runners_));
  }

  std::unique_ptr<Server> server_;
  std::vector<std::unique_ptr<Runner>> runners_;
};

TEST_F(ServerConformanceTest, PassesAllVectors) {
  absl::StatusOr<std::vector<Case>> cases = ReadCases(TREDUCE_VECTORS);
  ASSERT_TRUE(cases.ok()) << cases.status();
  ASSERT_FALSE(cases->empty());
  for (const Case& test : *cases) {
    if (!test.skipped.empty()) continue;
    EXPECT_THAT(RunCase(test, runners_), IsEmpty()) << test.id;
  }
}

TEST_F(ServerConformanceTest, GivesTheBitsOfTheEngine) {
  for (DType dtype : kAllDTypes) {
    for (const auto& [shape, dim] : {std::pair(Shape{3, 1100}, 1), {Shape{70, 33}, 0}}) {
      const Tensor tensor = Generate(dtype, shape, Fill::kSpecial);
      for (const Reduction& reduction : WithDim(ReductionsOf(dtype), {dim})) {
        absl::StatusOr<std::vector<Tensor>> answer = runners_[0]->Reduce(tensor.view(), reduction);
        ASSERT_TRUE(answer.ok()) << answer.status();
        Case test;
        test.input = tensor;
        test.reduction = reduction;
        test.tolerances.resize(answer->size());
        test.answers.push_back(*std::move(answer));
        EXPECT_THAT(RunCase(test, runners_), IsEmpty())
            << std::string(Name(dtype)) << " " << ToString(shape) << " " << Describe(reduction);
      }
    }
  }
}

}  // namespace
}  // namespace treduce::conformance
