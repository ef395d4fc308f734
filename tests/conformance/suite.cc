// Judging one case at a time.
#include "tests/conformance/suite.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace treduce::conformance {
namespace {

std::string CodeName(absl::StatusCode code) { return absl::StatusCodeToString(code); }

// Empty when the outputs are those of one right answer.
std::string Mismatch(const std::vector<Tensor>& got, const std::vector<Tensor>& want,
                     const std::vector<Tolerance>& tolerances) {
  if (got.size() != want.size()) return absl::StrCat(got.size(), " outputs, not ", want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    const std::string difference = Difference(got[i].view(), want[i].view(), tolerances[i]);
    if (!difference.empty()) return absl::StrCat("output ", i, ": ", difference);
  }
  return "";
}

bool SameBits(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Tensor& left, const Tensor& right) {
    return left.dtype == right.dtype && left.shape == right.shape && left.data == right.data;
  });
}

}  // namespace

std::string Judge(const Case& test, const absl::StatusOr<std::vector<Tensor>>& answer) {
  if (!answer.ok()) {
    if (test.refusal == answer.status().code()) return "";
    return absl::StrCat("refused with ", CodeName(answer.status().code()), " \"", answer.status().message(), "\", not ",
                        test.refusal ? CodeName(*test.refusal) : "answered");
  }
  if (test.answers.empty()) return absl::StrCat("answered, not refused with ", CodeName(*test.refusal));
  std::string mismatch;
  for (const std::vector<Tensor>& want : test.answers) {
    mismatch = Mismatch(*answer, want, test.tolerances);
    if (mismatch.empty()) break;
  }
  return mismatch;
}

std::vector<std::string> RunCase(const Case& test, absl::Span<const std::unique_ptr<Runner>> runners) {
  std::vector<std::string> failures;
  absl::StatusOr<std::vector<Tensor>> first;
  for (const std::unique_ptr<Runner>& runner : runners) {
    absl::StatusOr<std::vector<Tensor>> answer = runner->Reduce(test.input.view(), test.reduction);
    if (std::string wrong = Judge(test, answer); !wrong.empty()) {
      failures.push_back(absl::StrCat(runner->name(), ": ", wrong));
    }
    if (runner == runners.front()) {
      first = std::move(answer);
    } else if (first.ok() && answer.ok() && !SameBits(*first, *answer)) {
      failures.push_back(absl::StrCat(runner->name(), ": other bits than ", runners.front()->name()));
    }
  }
  return failures;
}

}  // namespace treduce::conformance
