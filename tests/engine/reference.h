// What each op gives, computed straight from its definition in long double, and how far from that the engine may be.
// Shares nothing with the engine.
#ifndef TREDUCE_TESTS_ENGINE_REFERENCE_H_
#define TREDUCE_TESTS_ENGINE_REFERENCE_H_

#include <complex>
#include <vector>

#include "server/engine/values/reduction.h"

namespace treduce {

using LongComplex = std::complex<long double>;

// One component of an element of an output: right is what is within `tolerance` of `value`.
struct Expected {
  long double value;
  long double tolerance;
};

// The outputs of `reduction` of these elements of dtype `dtype`, each one component, or two when it is complex. Empty
// for an op without a reference. Complex elements are finite.
//
// Tolerances are a rounding to the result's dtype (1 ulp), and the worst case of the engine's rounding errors on the
// way there: binary64 operations, each off by 2^-53 of its result at most, or, for sums, operations on pairs of
// binary64, off by 2^-104.
std::vector<std::vector<Expected>> ReferenceOf(const Reduction& reduction, DType dtype,
                                               const std::vector<LongComplex>& elements);

}  // namespace treduce

#endif  // TREDUCE_TESTS_ENGINE_REFERENCE_H_
