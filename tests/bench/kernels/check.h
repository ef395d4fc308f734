// Whether treduce's answers are right, before their time counts.
#ifndef TREDUCE_TESTS_BENCH_KERNELS_CHECK_H_
#define TREDUCE_TESTS_BENCH_KERNELS_CHECK_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "server/engine/values/tensor.h"
#include "tests/bench/kernels/cells.h"

namespace treduce::bench {

// What differs between the answer and that of a peer, or empty. Integers, bools and elements of the input have to be
// the same; other results may be as far apart as the peer's own rounding errors allow. Indices are not compared where
// any of several would do.
std::string DifferenceFromPeer(const Problem& problem, absl::Span<const ReductionResult> results,
                               absl::Span<const Tensor> peer);

// Whether NumPy computes the same as PyTorch and treduce, in enough digits to tell right from wrong.
bool CanCheckWithNumpy(const Problem& problem);

// Whether the problem is small enough for, and of the kind of, DifferenceFromReference.
bool CanCheckWithReference(const Problem& problem);

// What differs from the reference of the engine's tests, or empty. `data` holds the problem's elements first.
std::string DifferenceFromReference(const Problem& problem, absl::Span<const std::byte> data,
                                    absl::Span<const ReductionResult> results);

// Empty when both are the same bit for bit.
std::string DifferenceOfThreads(absl::Span<const ReductionResult> one, absl::Span<const ReductionResult> more);

}  // namespace treduce::bench

#endif  // TREDUCE_TESTS_BENCH_KERNELS_CHECK_H_
