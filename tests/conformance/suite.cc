// Judging one case at a time.
#include "tests/conformance/suite.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/engine/elements.h"

namespace treduce::conformance {
namespace {

std::string CodeName(absl::StatusCode code) { return absl::StatusCodeToString(code); }

// Empty when each index points at an element of the value beside it, along the one dim that is reduced.
std::string IndexDifference(const Case& test, const Tensor& values, const Tensor& indices) {
  const TensorView input = test.input.view();
  const auto rank = static_cast<int64_t>(input.shape.size());
  const int64_t dim = (test.reduction.dim[0] + rank) % std::max<int64_t>(rank, 1);
  int64_t inner = 1;
  for (int64_t d = dim + 1; d < rank; ++d) inner *= input.shape[d];
  const int64_t extent = rank == 0 ? 1 : input.shape[dim];
  for (int64_t k = 0; k < ComponentCount(values.view()); ++k) {
    const auto index = static_cast<int64_t>(ComponentAt(indices.view(), k));
    const int64_t at = (k / inner * extent + index) * inner + k % inner;
    if (index >= 0 && index < extent) {
      const long double element = ComponentAt(input, at);
      const long double value = ComponentAt(values.view(), k);
      if (element == value || (std::isnan(element) && std::isnan(value))) continue;
    }
    return absl::StrCat("index [", k, "] is ", index, ", where the input has another value");
  }
  return "";
}

// Empty when the outputs are those of one right answer.
std::string Mismatch(const Case& test, const std::vector<Tensor>& got, const std::vector<Tensor>& want) {
  if (got.size() != want.size()) return absl::StrCat(got.size(), " outputs, not ", want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    const bool is_index = test.tolerances[i].index && got[i].dtype == want[i].dtype && got[i].shape == want[i].shape;
    const std::string difference = is_index ? IndexDifference(test, got[0], got[i])
                                            : Difference(got[i].view(), want[i].view(), test.tolerances[i]);
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
    mismatch = Mismatch(test, *answer, want);
    if (mismatch.empty()) break;
  }
  return mismatch;
}

std::vector<std::string> RunCase(const Case& test, absl::Span<const std::unique_ptr<Runner>> runners) {
  std::vector<std::string> failures;
  absl::StatusOr<std::vector<Tensor>> first;
  for (const std::unique_ptr<Runner>& runner : runners) {
    if (!runner->Takes(test.input.view(), test.reduction)) continue;
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
