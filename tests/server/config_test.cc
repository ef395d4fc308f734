// Flags and environment.
#include "server/config.h"

#include <map>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace treduce {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

absl::StatusOr<CommandLine> Parse(const std::vector<std::string>& arguments,
                                  const std::map<std::string, std::string>& variables = {}) {
  return ParseCommandLine(arguments, [&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::make_optional(found->second);
  });
}

Config Good(const std::vector<std::string>& arguments, const std::map<std::string, std::string>& variables = {}) {
  const absl::StatusOr<CommandLine> command = Parse(arguments, variables);
  EXPECT_TRUE(command.ok()) << command.status();
  return command.ok() ? command->config : Config();
}

TEST(Config, HasDefaults) {
  const Config config = Good({});
  EXPECT_THAT(config.listen, ElementsAre("127.0.0.1:50051"));
  EXPECT_EQ(config.max_unary_bytes, 8 << 20);
  EXPECT_EQ(config.drain_timeout, absl::Seconds(30));
}

TEST(Config, TakesValuesBehindASpaceOrAnEqualsSign) {
  EXPECT_EQ(Good({"--max-calls", "7"}).max_calls, 7);
  EXPECT_EQ(Good({"--max-calls=7"}).max_calls, 7);
}

TEST(Config, TakesSizesAndDurationsWithUnits) {
  EXPECT_EQ(Good({"--max-unary-bytes=2097152"}).max_unary_bytes, 2 << 20);
  EXPECT_EQ(Good({"--max-unary-bytes=1024KiB"}).max_unary_bytes, 1 << 20);
  EXPECT_EQ(Good({"--byte-budget=2GiB"}).byte_budget, int64_t{2} << 30);
  EXPECT_EQ(Good({"--drain-delay=1500ms"}).drain_delay, absl::Milliseconds(1500));
}

TEST(Config, GathersAddresses) {
  EXPECT_THAT(Good({"--listen=unix:/a", "--listen", "[::1]:0"}).listen, ElementsAre("unix:/a", "[::1]:0"));
  EXPECT_THAT(Good({}, {{"TREDUCE_LISTEN", "unix:/a,localhost:80"}}).listen, ElementsAre("unix:/a", "localhost:80"));
}

TEST(Config, LetsTheFlagWinOverTheVariable) {
  const std::map<std::string, std::string> variables = {{"TREDUCE_MAX_CALLS", "5"}, {"TREDUCE_LISTEN", "a:1"}};
  EXPECT_EQ(Good({}, variables).max_calls, 5);
  EXPECT_EQ(Good({"--max-calls=6"}, variables).max_calls, 6);
  EXPECT_THAT(Good({"--listen=b:2"}, variables).listen, ElementsAre("b:2"));
}

TEST(Config, RefusesWrongValuesAndNamesTheFlag) {
  for (const std::string argument :
       {"--max-calls=0", "--max-calls=x", "--max-calls=", "--max-calls=5KiB", "--max-unary-bytes=1", "--byte-budget=-1",
        "--max-unary-bytes=9999999999GiB", "--max-unary-bytes=1MiBKiB", "--listen=unix:/a%62", "--drain-delay=-1s",
        "--drain-delay=5", "--log-level=loud", "--listen=host", "--listen=:80", "--listen=host:65536",
        "--listen=::1:80", "--listen=unix:", "--listen=a:1,"}) {
    const absl::Status status = Parse({argument}).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << argument;
    EXPECT_THAT(std::string(status.message()), HasSubstr(argument.substr(0, argument.find('='))));
    EXPECT_THAT(std::string(status.message()), HasSubstr(" is refused; wanted: "));
  }
  EXPECT_THAT(std::string(Parse({"--listen=unix:" + std::string(200, 'x')}).status().message()),
              HasSubstr("unix:PATH"));
}

TEST(Config, RefusesWrongVariables) {
  EXPECT_THAT(std::string(Parse({}, {{"TREDUCE_MAX_CALLS", "many"}}).status().message()),
              HasSubstr("TREDUCE_MAX_CALLS: \"many\""));
}

TEST(Config, RefusesWhatIsNotAFlag) {
  for (const std::string argument : {"--max-call=1", "-v", "max-calls", "", "--"}) {
    EXPECT_THAT(std::string(Parse({argument}).status().message()), HasSubstr("is not a flag")) << argument;
  }
  EXPECT_THAT(std::string(Parse({"--max-calls"}).status().message()), HasSubstr("needs a value"));
}

TEST(Config, RefusesAnAddressGivenTwice) { EXPECT_FALSE(Parse({"--listen=unix:/a", "--listen=unix:/b,unix:/a"}).ok()); }

TEST(Config, RefusesABudgetBelowAFewMessages) {
  EXPECT_FALSE(Parse({"--byte-budget=16MiB"}).ok());
  EXPECT_TRUE(Parse({"--byte-budget=16MiB", "--max-unary-bytes=4MiB"}).ok());
}

TEST(Config, ShowsHelpAndVersion) {
  EXPECT_EQ(Parse({"--max-calls=2", "--help"})->action, CommandLine::Action::kShowHelp);
  EXPECT_EQ(Parse({"--max-calls=x", "-h"}, {{"TREDUCE_LISTEN", "x"}})->action, CommandLine::Action::kShowHelp);
  EXPECT_EQ(Parse({"--version"})->action, CommandLine::Action::kShowVersion);
  const std::string help = HelpText();
  EXPECT_THAT(help, HasSubstr("--max-unary-bytes  TREDUCE_MAX_UNARY_BYTES"));
  EXPECT_THAT(help, HasSubstr("Default 8MiB; range 1MiB to 1GiB"));
}

}  // namespace
}  // namespace treduce
