// A device, made of the host's memory, answers right and with the bits of the CPU.
#include <atomic>
#include <memory>
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

// Counts what it takes.
class CountingDevice : public HostDevice {
 public:
  explicit CountingDevice(int& count) : HostDevice(absl::ZeroDuration(), 64 << 20, "cuda:0"), count_(count) {}

  absl::StatusOr<std::unique_ptr<Accumulation>> Start(Plan plan, const std::atomic<bool>* cancelled) override {
    auto started = HostDevice::Start(std::move(plan), cancelled);
    if (started.ok()) ++count_;
    return started;
  }

 private:
  int& count_;
};

TEST(DeviceConformance, PassesAllVectors) {
  int taken = 0;
  std::vector<std::unique_ptr<Backend>> devices;
  devices.push_back(std::make_unique<CountingDevice>(taken));
  std::vector<std::unique_ptr<Runner>> runners;
  runners.push_back(NewEngineRunner());
  runners.push_back(
      NewEngineRunner("cuda", std::make_unique<Engine>(EngineOptions{.thread_count = 1}, std::move(devices))));
  const absl::StatusOr<std::vector<Case>> cases = ReadCases(TREDUCE_VECTORS);
  ASSERT_TRUE(cases.ok()) << cases.status();
  ASSERT_FALSE(cases->empty());
  for (const Case& test : *cases) {
    if (!test.skipped.empty()) continue;
    EXPECT_THAT(RunCase(test, runners), IsEmpty()) << test.id;
  }
  // What it does not take is empty, unique or a mode.
  EXPECT_GT(taken, static_cast<int>(cases->size() / 5 * 4));
}

}  // namespace
}  // namespace treduce::conformance
