// Decides whether an answer is right.
#ifndef TREDUCE_TESTS_CONFORMANCE_COMPARE_H_
#define TREDUCE_TESTS_CONFORMANCE_COMPARE_H_

#include <cstdint>
#include <string>

#include "server/engine/values/tensor.h"

namespace treduce::conformance {

// A component is right when any of these holds; all zero is equality. NaNs are equal to each other, and so are zeros.
struct Tolerance {
  uint64_t ulp = 0;  // steps between neighbouring values of the dtype
  double abs = 0;    // |got - want|
  double rel = 0;    // |got - want| / |want|, with the modulus of a complex number
  // Whether it is an index along the reduced dim, of which any is right whose element is the value beside it. Not
  // looked at here, where the input is not known.
  bool index = false;

  bool operator==(const Tolerance&) const = default;
};

// Empty when `got` has the dtype and shape of `want` and each element is within the tolerance; else says what differs:
// "float32 [2, 3], not float32 [3]" or "2 of 6 elements; [4] is 1.5, not 1.25 (4194304 ulp, 1 allowed)".
std::string Difference(const TensorView& got, const TensorView& want, const Tolerance& tolerance);

}  // namespace treduce::conformance

#endif  // TREDUCE_TESTS_CONFORMANCE_COMPARE_H_
