// Makes the tensors that the engine's tests reduce: the same bytes for the same arguments, on every machine, for ever
// (golden hashes depend on them).
#ifndef TREDUCE_TESTS_ENGINE_GENERATE_H_
#define TREDUCE_TESTS_ENGINE_GENERATE_H_

#include <cstdint>

#include "absl/types/span.h"
#include "server/engine/values/tensor.h"

namespace treduce {

// SplitMix64 (Steele, Lea, Flood 2014).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // In 0 .. n-1.
  uint64_t Below(uint64_t n) { return Next() % n; }

 private:
  uint64_t state_;
};

enum class Fill : uint8_t {
  kPlain,    // magnitudes 1/8 to 8, either sign; integers of 7 bits
  kWide,     // any finite bit pattern, zeros of both signs and subnormals among them; integers of full width
  kSpecial,  // as kPlain with a NaN or an infinity in some 300 elements
  kTies,     // a handful of values, zeros of both signs among them
};
inline constexpr Fill kAllFills[] = {Fill::kPlain, Fill::kWide, Fill::kSpecial, Fill::kTies};

// bool elements are 0, 1 and other non-zero bytes, which also mean true.
Tensor Generate(DType dtype, absl::Span<const int64_t> shape, Fill fill, uint64_t seed = 1);

}  // namespace treduce

#endif  // TREDUCE_TESTS_ENGINE_GENERATE_H_
