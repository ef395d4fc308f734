// Whole commands, each with the server it starts in this process.
#include "client/cli/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace treduce::cli {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::internal::CaptureStderr;
using ::testing::internal::CaptureStdout;
using ::testing::internal::GetCapturedStderr;
using ::testing::internal::GetCapturedStdout;

struct Outcome {
  int exit_status;
  std::string printed;
  std::string error;
};

Outcome RunWords(const std::vector<std::string_view>& words) {
  const absl::StatusOr<Arguments> arguments = ParseArguments(words, "");
  EXPECT_TRUE(arguments.ok()) << arguments.status();
  CaptureStdout();
  CaptureStderr();
  const int exit_status = Run(*arguments);
  return {exit_status, GetCapturedStdout(), GetCapturedStderr()};
}

// Handwritten digits, 1797 of 64 pixels.
constexpr std::string_view kDigits = TREDUCE_TEST_DATA "/digits.npy";

TEST(Commands, ReduceAFile) {
  const Outcome outcome = RunWords({"count_nonzero", "amax", kDigits});
  EXPECT_EQ(outcome.exit_status, kDone) << outcome.error;
  EXPECT_THAT(outcome.printed, HasSubstr("count_nonzero: tensor("));
  EXPECT_THAT(outcome.printed, HasSubstr("amax:          tensor(16"));
}

TEST(Commands, NamesFollowDim) {
  EXPECT_THAT(RunWords({"max", kDigits, "--json"}).printed, HasSubstr("\"output\":\"result\""));
  EXPECT_THAT(RunWords({"max", kDigits, "--json", "--dim", "0"}).printed, HasSubstr("\"output\":\"indices\""));
}

TEST(Commands, WhatTheServerRefusesFails) {
  const Outcome outcome = RunWords({"sum", kDigits, "--dim", "2"});
  EXPECT_EQ(outcome.exit_status, kFailed);
  EXPECT_EQ(outcome.printed, "");
  EXPECT_THAT(outcome.error, HasSubstr("treduce: sum --dim: Dimension out of range"));
  EXPECT_THAT(RunWords({"mean", kDigits}).error, HasSubstr("Got: Byte; --dtype casts the input first"));
}

TEST(Commands, AFileThatCannotBeReadFails) {
  const Outcome outcome = RunWords({"sum", "/nonexistent"});
  EXPECT_EQ(outcome.exit_status, kFailed);
  EXPECT_EQ(outcome.error, "treduce: /nonexistent: No such file or directory\n");
}

TEST(Commands, AServerThatIsNotThereGivesNoAnswer) {
  for (const char* command : {"health", "describe", "ops"}) {
    const Outcome outcome = RunWords({command, "--server", "unix:/nonexistent"});
    EXPECT_EQ(outcome.exit_status, kNoAnswer) << command;
    EXPECT_THAT(outcome.error, HasSubstr("treduce: unix:/nonexistent: ")) << command;
  }
  EXPECT_EQ(RunWords({"sum", kDigits, "--server", "unix:/nonexistent"}).exit_status, kNoAnswer);
}

TEST(Commands, AWrongAddressIsAUsageError) {
  EXPECT_EQ(RunWords({"health", "--server", "nowhere"}).exit_status, kUsageError);
  EXPECT_EQ(RunWords({"sum", kDigits, "--server", "nowhere"}).exit_status, kUsageError);
  EXPECT_EQ(RunWords({"health"}).exit_status, kUsageError) << "needs a server";
}

TEST(Commands, DescribeTheServerOfTheProcess) {
  EXPECT_THAT(RunWords({"describe"}).printed, HasSubstr("devices          cpu ("));
  EXPECT_THAT(RunWords({"ops"}).printed, ContainsRegex("var_mean +Variance and mean\\."));
}

TEST(Commands, HelpAndVersion) {
  EXPECT_THAT(RunWords({"--help"}).printed, HasSubstr("Usage: treduce OP"));
  EXPECT_THAT(RunWords({"sum", "--help"}).printed, HasSubstr("--dtype"));
  EXPECT_THAT(RunWords({"--version"}).printed, HasSubstr("treduce "));
}

}  // namespace
}  // namespace treduce::cli
