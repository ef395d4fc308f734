// What the commands do.
#ifndef TREDUCE_CLIENT_CLI_COMMANDS_H_
#define TREDUCE_CLIENT_CLI_COMMANDS_H_

#include "absl/status/status.h"
#include "client/cli/args.h"

namespace treduce::cli {

// Exit statuses, as --help documents them.
inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsageError = 2;
inline constexpr int kNoAnswer = 3;

// Runs the command, with results on standard output and errors, of one line, on standard error. Returns the exit
// status.
int Run(const Arguments& arguments);

// Prints "treduce: message" on standard error.
void PrintError(const absl::Status& status);

}  // namespace treduce::cli

#endif  // TREDUCE_CLIENT_CLI_COMMANDS_H_
