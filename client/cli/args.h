// The words of a command line as values, checked.
#ifndef TREDUCE_CLIENT_CLI_ARGS_H_
#define TREDUCE_CLIENT_CLI_ARGS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "client/cli/input.h"
#include "server/engine/plan/op_registry.h"
#include "server/engine/values/reduction.h"

namespace treduce::cli {

enum class Command { kReduce, kHealth, kDescribe, kOps, kHelp, kVersion };

struct Arguments {
  Command command = Command::kReduce;
  std::vector<const OpInfo*> ops;  // of kReduce; of kHelp the op to explain, if any
  std::string file;                // "-" is standard input
  std::vector<int64_t> dim;
  bool keepdim = false;
  std::optional<DType> dtype;
  std::optional<double> correction;
  std::optional<double> ord;
  std::optional<Quantiles> q;
  std::optional<Interpolation> interpolation;
  UniqueOptions unique;
  InputOptions input;
  bool json = false;
  std::string output;  // a file for the results; empty prints them
  std::string server;  // empty runs one in this process
  absl::Duration timeout = absl::InfiniteDuration();
  std::string device;  // empty leaves it to the server
};

// Parses the words after the program's name. `server` is what --server is when it is not given. INVALID_ARGUMENT, with
// a message of one line, for what cannot be understood.
absl::StatusOr<Arguments> ParseArguments(absl::Span<const std::string_view> words, std::string_view server);

// The reductions asked for: dim and keepdim go to every op, the other options to the ops that take them.
std::vector<Reduction> ReductionsOf(const Arguments& arguments);

}  // namespace treduce::cli

#endif  // TREDUCE_CLIENT_CLI_ARGS_H_
