// Runs cases and judges the answers.
#ifndef TREDUCE_TESTS_CONFORMANCE_SUITE_H_
#define TREDUCE_TESTS_CONFORMANCE_SUITE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "tests/conformance/runner.h"
#include "tests/conformance/vectors.h"

namespace treduce::conformance {

// Empty when `answer` is right for the case; else says what is wrong with it.
std::string Judge(const Case& test, const absl::StatusOr<std::vector<Tensor>>& answer);

// What each runner got wrong, and where it gave other bits than the first: "unary: refused: INTERNAL: ...". Empty when
// the case passed.
std::vector<std::string> RunCase(const Case& test, absl::Span<const std::unique_ptr<Runner>> runners);

}  // namespace treduce::conformance

#endif  // TREDUCE_TESTS_CONFORMANCE_SUITE_H_
