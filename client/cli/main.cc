// The program treduce: words -> arguments -> command; no logic.
#include <grpc/support/log.h>
#include <malloc.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "client/cli/args.h"
#include "client/cli/commands.h"

int main(int argc, char** argv) {
  // The messages of a tensor are allocated and freed in turn: memory that is kept is not faulted in again.
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mallopt(M_MMAP_THRESHOLD, 64 << 20);
  mallopt(M_TOP_PAD, 16 << 20);
  // What gRPC has to say of a failed call is in its status.
  gpr_set_log_function([](gpr_log_func_args*) {});

  const char* server = std::getenv("TREDUCE_SERVER");
  const std::vector<std::string_view> words(argv + 1, argv + argc);
  const auto arguments = treduce::cli::ParseArguments(words, server != nullptr ? server : "");
  if (!arguments.ok()) {
    treduce::cli::PrintError(arguments.status());
    std::fputs("Try 'treduce --help'.\n", stderr);
    return treduce::cli::kUsageError;
  }
  return treduce::cli::Run(*arguments);
}
