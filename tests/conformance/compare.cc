// Element by element, in long double where values and not bit patterns are compared.
#include "tests/conformance/compare.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "tests/engine/elements.h"

namespace treduce::conformance {
namespace {

std::string Describe(const TensorView& tensor) {
  return absl::StrCat(std::string(Name(tensor.dtype)), " ", ToString(tensor.shape));
}

// Of one element, from component `first`.
bool IsClose(const TensorView& got, const TensorView& want, int64_t first, int64_t components,
             const Tolerance& tolerance) {
  long double error = 0;
  long double magnitude = 0;
  for (int64_t c = first; c < first + components; ++c) {
    const long double value = ComponentAt(want, c);
    if (std::isfinite(value)) magnitude = std::hypot(magnitude, value);
    if (UlpDistance(got, want, c) > 0) error = std::hypot(error, ComponentAt(got, c) - value);
  }
  // An infinity or NaN in one of the two only makes the error no number, which is close to nothing.
  return std::isfinite(error) && (error <= tolerance.abs || error <= tolerance.rel * magnitude);
}

std::string ElementText(const TensorView& tensor, int64_t first, int64_t components) {
  return components == 1 ? ComponentText(tensor, first)
                         : absl::StrCat("(", ComponentText(tensor, first), ", ", ComponentText(tensor, first + 1), ")");
}

std::string UlpText(uint64_t ulp) {
  return ulp == std::numeric_limits<uint64_t>::max() ? "no distance in" : absl::StrCat(ulp);
}

}  // namespace

std::string Difference(const TensorView& got, const TensorView& want, const Tolerance& tolerance) {
  if (got.dtype != want.dtype || got.shape != want.shape) return absl::StrCat(Describe(got), ", not ", Describe(want));
  if (got.data.size() != want.data.size()) {
    return absl::StrCat(got.data.size(), " bytes, not ", want.data.size());
  }
  const int64_t components = IsComplex(want.dtype) ? 2 : 1;
  const int64_t elements = ComponentCount(want) / components;
  int64_t wrong = 0;
  int64_t worst = 0;
  uint64_t worst_ulp = 0;
  for (int64_t i = 0; i < elements; ++i) {
    uint64_t ulp = 0;
    for (int64_t c = 0; c < components; ++c) ulp = std::max(ulp, UlpDistance(got, want, i * components + c));
    if (ulp <= tolerance.ulp || IsClose(got, want, i * components, components, tolerance)) continue;
    ++wrong;
    if (ulp > worst_ulp) {
      worst = i;
      worst_ulp = ulp;
    }
  }
  if (wrong == 0) return "";
  return absl::StrCat(wrong, " of ", elements, " elements; [", worst, "] is ",
                      ElementText(got, worst * components, components), ", not ",
                      ElementText(want, worst * components, components), " (", UlpText(worst_ulp), " ulp, ",
                      tolerance.ulp, " allowed)");
}

}  // namespace treduce::conformance
