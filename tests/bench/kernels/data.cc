// Elements from SplitMix64, one after the other.
#include "tests/bench/kernels/data.h"

#include <malloc.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>

#include "server/engine/values/element.h"
#include "tests/engine/generate.h"

namespace treduce::bench {
namespace {

// Normally distributed values, by Box and Muller.
class Normal {
 public:
  double Next() {
    if (has_second_) {
      has_second_ = false;
      return second_;
    }
    const auto radius = static_cast<float>(std::sqrt(-2 * std::log(Uniform())));
    const auto angle = static_cast<float>(2 * std::numbers::pi * Uniform());
    second_ = double{radius} * std::sin(angle);
    has_second_ = true;
    return double{radius} * std::cos(angle);
  }

 private:
  // In (0, 1].
  double Uniform() { return static_cast<double>((random_.Next() >> 11) + 1) * 0x1p-53; }

  Random random_{1};
  double second_ = 0;
  bool has_second_ = false;
};

// 1 or -1, and seldom 2 or 1/2: a product of 2^26 of them wanders over some 2^32, of float16 over some 2^4.
class Factors {
 public:
  explicit Factors(DType dtype) : mask_((uint64_t{1} << (dtype == DType::kFloat16 ? 22 : 16)) - 1) {}

  double Next() {
    const uint64_t random = random_.Next();
    const double sign = random >> 63 != 0 ? -1 : 1;
    if ((random & mask_) != 0) return sign;
    return (random >> 62 & 1) != 0 ? sign * 2 : sign / 2;
  }

 private:
  uint64_t mask_;
  Random random_{2};
};

// Bytes of the integer `value`, or of the floating point number, as an element of `dtype`.
uint64_t BitsOf(DType dtype, double value) {
  switch (dtype) {
    case DType::kFloat64:
      return std::bit_cast<uint64_t>(value);
    case DType::kFloat32:
      return std::bit_cast<uint32_t>(static_cast<float>(value));
    case DType::kFloat16:
      return ToFloat16(value).bits;
    case DType::kBFloat16:
      return ToBFloat16(value).bits;
    default:
      return static_cast<uint64_t>(static_cast<int64_t>(value));
  }
}

template <typename Next>
void FillWith(DType dtype, absl::Span<std::byte> bytes, Next next) {
  const size_t size = ByteSize(dtype);
  for (size_t i = 0; i < bytes.size(); i += size) {
    const uint64_t bits = next();
    std::memcpy(&bytes[i], &bits, size);
  }
}

}  // namespace

std::string_view Name(Fill fill) {
  constexpr std::string_view kNames[] = {"plain", "factors", "zeros", "ones"};
  return kNames[static_cast<size_t>(fill)];
}

Fill FillOf(std::string_view op) {
  if (op == "prod") return Fill::kFactors;
  if (op == "any") return Fill::kZeros;
  if (op == "all") return Fill::kOnes;
  return Fill::kPlain;
}

void FillElements(DType dtype, Fill fill, absl::Span<std::byte> bytes) {
  Random random(3);
  switch (fill) {
    case Fill::kZeros:
      return FillWith(dtype, bytes, [] { return uint64_t{0}; });
    case Fill::kOnes:
      return FillWith(dtype, bytes, [one = BitsOf(dtype, 1)] { return one; });
    case Fill::kFactors:
      if (IsFloatingPoint(dtype)) {
        return FillWith(dtype, bytes,
                        [dtype, factors = Factors(dtype)]() mutable { return BitsOf(dtype, factors.Next()); });
      }
      if (dtype == DType::kBool) return FillElements(dtype, Fill::kOnes, bytes);
      return FillWith(dtype, bytes, [&] { return random.Below(100) | 1; });
    case Fill::kPlain:
      if (IsFloatingPoint(dtype)) {
        return FillWith(dtype, bytes, [dtype, normal = Normal()]() mutable { return BitsOf(dtype, normal.Next()); });
      }
      if (dtype == DType::kBool) return FillWith(dtype, bytes, [&] { return random.Next() >> 63; });
      return FillWith(dtype, bytes, [&] { return random.Below(201) - (IsUnsigned(dtype) ? 0 : 100); });
  }
}

void KeepFreedMemory() {
  mallopt(M_MMAP_MAX, 0);                                      // large blocks come from the heap,
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());  // which keeps what is freed
}

}  // namespace treduce::bench
