// Reads conformance vectors: JSONL files of cases, each an input, a reduction and the answer that is right
// (README.md describes the format).
#ifndef TREDUCE_TESTS_CONFORMANCE_VECTORS_H_
#define TREDUCE_TESTS_CONFORMANCE_VECTORS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/engine/values/reduction.h"
#include "server/engine/values/tensor.h"
#include "tests/conformance/compare.h"

namespace treduce::conformance {

// A case that the API cannot express has a `skipped` and nothing after it.
struct Case {
  std::string id;
  std::string op;       // PyTorch's name
  std::string skipped;  // why the case is not run: "median is not served"; empty when it is

  Tensor input;
  Reduction reduction;
  // Answers that are right, each a list of outputs in PyTorch's order; none when only refusing is right.
  std::vector<std::vector<Tensor>> answers;
  std::vector<Tolerance> tolerances;  // one per output
  // The code with which refusing is right; nullopt when it is wrong.
  std::optional<absl::StatusCode> refusal;
};

// Parses one line that is not the header. INVALID_ARGUMENT names what is wrong with it.
absl::StatusOr<Case> ParseCase(std::string_view line);

// The cases of a .jsonl file, or of every .jsonl file directly in a directory, by name. NOT_FOUND when there is none;
// INVALID_ARGUMENT, with file and line, for a header of another format or number of cases, and for a malformed case.
absl::StatusOr<std::vector<Case>> ReadCases(const std::string& path);

}  // namespace treduce::conformance

#endif  // TREDUCE_TESTS_CONFORMANCE_VECTORS_H_
