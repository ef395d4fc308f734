// The element types that C++ lacks, as plain storage: bool of any non-zero byte, the 16-bit floating point types,
// widened exactly and rounded once (to nearest, ties to even), and complex numbers that are read at once.
#ifndef TREDUCE_SERVER_ENGINE_VALUES_ELEMENT_H_
#define TREDUCE_SERVER_ENGINE_VALUES_ELEMENT_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "server/engine/values/dtype.h"
#include "server/engine/values/host_device.h"

namespace treduce {

// Elements are what they are on the wire, little-endian, and sizes of tensors are sizes of memory.
static_assert(std::endian::native == std::endian::little && sizeof(size_t) == 8);

// False if zero, else true.
struct Bool {
  uint8_t byte;
};

// IEEE 754 binary16.
struct Float16 {
  uint16_t bits;
};

// The upper half of a binary32.
struct BFloat16 {
  uint16_t bits;
};

// Aligned, as tensors in memory of a device are, and others need not be.
struct alignas(8) Complex64 {
  float re, im;
};
struct alignas(16) Complex128 {
  double re, im;
};

template <class T>
concept ComplexElement = std::is_same_v<T, Complex64> || std::is_same_v<T, Complex128>;

TREDUCE_HOST_DEVICE inline float ToFloat(Float16 half) {
  const uint32_t magnitude = uint32_t{half.bits & 0x7FFFu} << 13;
  const uint32_t sign = uint32_t{half.bits & 0x8000u} << 16;
  // The product rebiases the exponent and normalises subnormals, exactly.
  const uint32_t value = magnitude >= (0x7C00u << 13)
                             ? magnitude | 0x7F800000u
                             : std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112f);
  return std::bit_cast<float>(value | sign);
}

TREDUCE_HOST_DEVICE inline float ToFloat(BFloat16 half) { return std::bit_cast<float>(uint32_t{half.bits} << 16); }

// `value` rounded to a format of `kSignificand` significand bits (with the implicit one) and `kExponent` exponent bits,
// straight from binary64, so that no rounding happens twice. NaN becomes the canonical quiet NaN.
template <int kSignificand, int kExponent>
TREDUCE_HOST_DEVICE inline uint16_t RoundTo16(double value) {
  constexpr int kBias = (1 << (kExponent - 1)) - 1;
  constexpr int kFraction = kSignificand - 1;
  constexpr int kDropped = 52 - kFraction;
  constexpr uint64_t kInfinity = uint64_t{(1 << kExponent) - 1} << kFraction;
  const uint64_t bits = std::bit_cast<uint64_t>(value);
  const uint64_t magnitude = bits << 1 >> 1;
  const auto sign = static_cast<uint16_t>(bits >> 63 << 15);
  if (magnitude - (uint64_t{1024 - kBias} << 52) < uint64_t{2 * kBias} << 52) {  // normal in the format
    // Half of the last place kept, less one where that is even. A carry out of the significand moves into the exponent,
    // and from the largest finite value to infinity.
    const uint64_t half = (uint64_t{1} << (kDropped - 1)) - 1 + (magnitude >> kDropped & 1);
    return static_cast<uint16_t>(sign | ((magnitude - (uint64_t{1023 - kBias} << 52) + half) >> kDropped));
  }
  if (value != value) return static_cast<uint16_t>(kInfinity | uint64_t{1} << (kFraction - 1));
  const int exponent = static_cast<int>(magnitude >> 52) - 1023;
  if (exponent > kBias) return static_cast<uint16_t>(sign | kInfinity);
  if (exponent < -kBias - kFraction) return sign;  // below half of the smallest subnormal
  const uint64_t significand = (magnitude & ((uint64_t{1} << 52) - 1)) | uint64_t{1} << 52;
  const int shift = kDropped + 1 - kBias - exponent;
  const uint64_t kept = significand >> shift;
  const uint64_t rest = significand & ((uint64_t{1} << shift) - 1);
  const uint64_t half = uint64_t{1} << (shift - 1);
  return static_cast<uint16_t>(sign | (kept + (rest > half || (rest == half && (kept & 1) != 0) ? 1 : 0)));
}

TREDUCE_HOST_DEVICE inline Float16 ToFloat16(double value) { return {RoundTo16<11, 5>(value)}; }
TREDUCE_HOST_DEVICE inline BFloat16 ToBFloat16(double value) { return {RoundTo16<8, 8>(value)}; }

// Calls `body` with a std::type_identity of the element type, and returns what it returns. REQUIRES: not complex.
template <class Body>
decltype(auto) VisitRealType(DType dtype, const Body& body) {
  switch (dtype) {
    case DType::kFloat64:
      return body(std::type_identity<double>());
    case DType::kFloat32:
      return body(std::type_identity<float>());
    case DType::kFloat16:
      return body(std::type_identity<Float16>());
    case DType::kBFloat16:
      return body(std::type_identity<BFloat16>());
    case DType::kInt8:
      return body(std::type_identity<int8_t>());
    case DType::kInt16:
      return body(std::type_identity<int16_t>());
    case DType::kInt32:
      return body(std::type_identity<int32_t>());
    case DType::kInt64:
      return body(std::type_identity<int64_t>());
    case DType::kUInt8:
      return body(std::type_identity<uint8_t>());
    case DType::kUInt16:
      return body(std::type_identity<uint16_t>());
    case DType::kUInt32:
      return body(std::type_identity<uint32_t>());
    case DType::kUInt64:
      return body(std::type_identity<uint64_t>());
    case DType::kBool:
      return body(std::type_identity<Bool>());
    default:
      __builtin_unreachable();
  }
}

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_VALUES_ELEMENT_H_
