// Elements that the kernel benchmarks reduce, and the memory that results go to.
#ifndef TREDUCE_TESTS_BENCH_KERNELS_DATA_H_
#define TREDUCE_TESTS_BENCH_KERNELS_DATA_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/types/span.h"
#include "server/engine/values/dtype.h"

namespace treduce::bench {

// What the elements are drawn from. No op may be able to stop early, overflow soon or run into subnormal numbers.
enum class Fill : uint8_t {
  kPlain,    // floating point: normal; integers: -100 to 100, unsigned 0 to 200; bool: half of them true
  kFactors,  // 1 and -1 with few 2 and 1/2, so that products stay finite and exact; integers: odd numbers
  kZeros,    // nothing true: `any` has to read all of it
  kOnes,     // nothing false: `all` has to read all of it
};

// "plain", "factors", "zeros", "ones".
std::string_view Name(Fill fill);

// What `op`, a name in the registry, is measured on.
Fill FillOf(std::string_view op);

// Fills `bytes`, whole elements of `dtype`, which must not be complex; the same for the same arguments. The first
// elements of a longer fill are those of a shorter one.
void FillElements(DType dtype, Fill fill, absl::Span<std::byte> bytes);

// Makes malloc keep what is freed for the next call: else the first touch of new pages takes longer than many a
// reduction.
void KeepFreedMemory();

}  // namespace treduce::bench

#endif  // TREDUCE_TESTS_BENCH_KERNELS_DATA_H_
