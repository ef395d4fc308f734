// A device, made of the host's memory, answers right and with the bits of the CPU.
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/engine/engine.h"
#include "tests/conformance/suite.h"
#include "tests/engine/host_device.h"

namespace treduce::conformance {
namespace {

using ::testing::IsEmpty;

class DeviceRunner : public Runner {
 public:
  explicit DeviceRunner(std::vector<std::unique_ptr<Backend>> devices)
      : engine_({.thread_count = 1}, std::move(devices)) {}

  std::string name() const override { return "device"; }

  absl::StatusOr<std::vector<Tensor>> Reduce(const TensorView& tensor, const Reduction& reduction) override {
    absl::StatusOr<std::vector<ReductionResult>> results = engine_.Reduce(tensor, {reduction}, "cuda");
    if (absl::IsUnimplemented(results.status())) results = engine_.Reduce(tensor, {reduction}, "cpu");
    if (!results.ok()) return results.status();
    auto& outputs = (*results)[0].outputs;
    return std::vector<Tensor>(std::make_move_iterator(outputs.begin()), std::make_move_iterator(outputs.end()));
  }

 private:
  Engine engine_;
};

TEST(DeviceConformance, PassesAllVectors) {
  std::vector<std::unique_ptr<Backend>> devices;
  devices.push_back(std::make_unique<HostDevice>(absl::ZeroDuration(), 64 << 20, "cuda:0"));
  std::vector<std::unique_ptr<Runner>> runners;
  runners.push_back(NewEngineRunner());
  runners.push_back(std::make_unique<DeviceRunner>(std::move(devices)));
  const absl::StatusOr<std::vector<Case>> cases = ReadCases(TREDUCE_VECTORS);
  ASSERT_TRUE(cases.ok()) << cases.status();
  ASSERT_FALSE(cases->empty());
  for (const Case& test : *cases) {
    if (!test.skipped.empty()) continue;
    EXPECT_THAT(RunCase(test, runners), IsEmpty()) << test.id;
  }
}

}  // namespace
}  // namespace treduce::conformance
