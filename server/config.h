// Everything about the server that can be set, with defaults.
#ifndef TREDUCE_SERVER_CONFIG_H_
#define TREDUCE_SERVER_CONFIG_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace treduce {

// What each of these means is said once, in the table in config.cc that --help prints.
struct Config {
  std::vector<std::string> listen = {"127.0.0.1:50051"};
  int64_t max_unary_bytes = 8 << 20;
  int64_t stream_window = 4 << 20;
  int64_t byte_budget = 0;
  int64_t max_calls = 1024;
  int64_t receive_threads = 1;
  int64_t worker_threads = 0;
  int64_t fold_threads = 0;
  std::string cuda = "on";
  int64_t cuda_memory = 0;
  absl::Duration drain_delay = absl::ZeroDuration();
  absl::Duration drain_timeout = absl::Seconds(30);
  std::string log_level = "info";
};

struct CommandLine {
  enum class Action { kServe, kShowHelp, kShowVersion };
  Action action = Action::kServe;
  Config config;
};

// nullopt for a variable that is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// Reads flags (without the program's name) and, where there is no flag, the environment. INVALID_ARGUMENT, in one line
// that names the flag or variable, for an unknown one or a value out of its range.
absl::StatusOr<CommandLine> ParseCommandLine(absl::Span<const std::string> arguments, const Environment& environment);

// Every flag with its variable, default and range.
std::string HelpText();

}  // namespace treduce

#endif  // TREDUCE_SERVER_CONFIG_H_
