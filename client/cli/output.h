// Where the results of a command go: text or JSON on standard output, or .npy files.
#ifndef TREDUCE_CLIENT_CLI_OUTPUT_H_
#define TREDUCE_CLIENT_CLI_OUTPUT_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "server/engine/plan/op_registry.h"
#include "server/engine/values/reduction.h"
#include "server/engine/values/tensor.h"

namespace treduce::cli {

// One result and what it is called.
struct NamedResult {
  std::string_view op;
  absl::InlinedVector<std::string_view, kMaxOutputs> outputs;  // names, as many as the result has
  const Reduction* reduction;
  const ReductionResult* result;
};

// As PyTorch prints them, each behind its op when there are several.
std::string TextOf(absl::Span<const NamedResult> results);

// One line for each output tensor.
std::string JsonOf(absl::Span<const NamedResult> results);

// Writes .npy files: `path` for one tensor; for several, op and output are put before the extension. "-" is standard
// output, for one tensor only. The message of an error names the file.
absl::Status WriteFiles(const std::string& path, absl::Span<const NamedResult> results);

// Writes all of `text` to standard output.
absl::Status Print(std::string_view text);

}  // namespace treduce::cli

#endif  // TREDUCE_CLIENT_CLI_OUTPUT_H_
