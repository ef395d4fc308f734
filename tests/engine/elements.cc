// Elements one at a time, by their bit patterns.
#include "tests/engine/elements.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace treduce {
namespace {

// Bits of an IEEE 754 format: sign, exponent, fraction.
struct FloatFormat {
  int bytes;
  int exponent_bits;
  int fraction_bits;

  int bias() const { return (1 << (exponent_bits - 1)) - 1; }
  uint64_t infinity() const { return ((uint64_t{1} << exponent_bits) - 1) << fraction_bits; }
};

FloatFormat FormatOf(DType dtype) {
  switch (RealDType(dtype)) {
    case DType::kFloat16:
      return {2, 5, 10};
    case DType::kBFloat16:
      return {2, 8, 7};
    case DType::kFloat32:
      return {4, 8, 23};
    default:
      return {8, 11, 52};
  }
}

bool IsReal(DType dtype) { return IsFloatingPoint(RealDType(dtype)); }

uint64_t BitsAt(const TensorView& tensor, int64_t i) {
  const size_t bytes = ByteSize(RealDType(tensor.dtype));
  uint64_t bits = 0;
  std::memcpy(&bits, tensor.data.data() + static_cast<size_t>(i) * bytes, bytes);
  return bits;
}

int64_t SignExtended(uint64_t bits, size_t bytes) {
  const int shift = 64 - 8 * static_cast<int>(bytes);
  return static_cast<int64_t>(bits << shift) >> shift;
}

struct Split {
  bool negative;
  uint64_t magnitude;
};

Split SplitSign(uint64_t bits, const FloatFormat& format) {
  const uint64_t sign = uint64_t{1} << (8 * format.bytes - 1);
  return {(bits & sign) != 0, bits & (sign - 1)};
}

bool IsNanAt(const TensorView& tensor, int64_t i) {
  if (!IsReal(tensor.dtype)) return false;
  const FloatFormat format = FormatOf(tensor.dtype);
  return SplitSign(BitsAt(tensor, i), format).magnitude > format.infinity();
}

// `value` rounded to nearest, ties to even.
uint64_t RoundedBits(const FloatFormat& format, long double value) {
  const uint64_t sign = std::signbit(value) ? uint64_t{1} << (8 * format.bytes - 1) : 0;
  if (std::isnan(value)) return format.infinity() | 1;
  const long double magnitude = std::abs(value);
  const int lowest = 1 - format.bias();
  const int exponent = magnitude == 0 || std::isinf(magnitude) ? lowest : std::max(std::ilogb(magnitude), lowest);
  // In units of the last place, to which the exponent is added: a carry out of the fraction raises it.
  const long double units = std::nearbyint(std::ldexp(magnitude, format.fraction_bits - exponent));
  if (!(units < std::ldexp(1.0L, format.fraction_bits + 2))) return sign | format.infinity();
  const uint64_t bits =
      static_cast<uint64_t>(units) + (static_cast<uint64_t>(exponent - lowest) << format.fraction_bits);
  return sign | std::min(bits, format.infinity());
}

}  // namespace

int64_t ComponentCount(const TensorView& tensor) {
  return static_cast<int64_t>(tensor.data.size() / ByteSize(RealDType(tensor.dtype)));
}

long double ComponentAt(const TensorView& tensor, int64_t i) {
  const uint64_t bits = BitsAt(tensor, i);
  if (tensor.dtype == DType::kBool) return bits != 0;
  if (!IsReal(tensor.dtype)) return static_cast<long double>(OrderedKey(tensor, i));
  const FloatFormat format = FormatOf(tensor.dtype);
  const auto [negative, magnitude] = SplitSign(bits, format);
  const uint64_t fraction = magnitude & ((uint64_t{1} << format.fraction_bits) - 1);
  const int exponent = static_cast<int>(magnitude >> format.fraction_bits);
  long double value;
  if (magnitude > format.infinity()) {
    value = std::numeric_limits<long double>::quiet_NaN();
  } else if (magnitude == format.infinity()) {
    value = std::numeric_limits<long double>::infinity();
  } else if (exponent == 0) {
    value = std::ldexp(static_cast<long double>(fraction), 1 - format.bias() - format.fraction_bits);
  } else {
    value = std::ldexp(static_cast<long double>(fraction | (uint64_t{1} << format.fraction_bits)),
                       exponent - format.bias() - format.fraction_bits);
  }
  return negative ? -value : value;
}

absl::int128 OrderedKey(const TensorView& tensor, int64_t i) {
  const uint64_t bits = BitsAt(tensor, i);
  if (!IsReal(tensor.dtype)) {
    if (tensor.dtype == DType::kBool || IsUnsigned(tensor.dtype)) return bits;
    return SignExtended(bits, ByteSize(tensor.dtype));
  }
  const auto [negative, magnitude] = SplitSign(bits, FormatOf(tensor.dtype));
  return negative ? -absl::int128(magnitude) : absl::int128(magnitude);
}

uint64_t UlpDistance(const TensorView& a, const TensorView& b, int64_t i) {
  if (IsNanAt(a, i) || IsNanAt(b, i)) {
    return IsNanAt(a, i) && IsNanAt(b, i) ? 0 : std::numeric_limits<uint64_t>::max();
  }
  const absl::int128 difference = OrderedKey(a, i) - OrderedKey(b, i);
  return static_cast<uint64_t>(difference < 0 ? -difference : difference);
}

long double UlpOf(DType dtype, long double value) {
  const FloatFormat format = FormatOf(dtype);
  const int lowest = 1 - format.bias();
  const int exponent = value == 0 || !std::isfinite(value) ? lowest : std::max(std::ilogb(value), lowest);
  return std::ldexp(1.0L, exponent - format.fraction_bits);
}

long double LargestOf(DType dtype) {
  const FloatFormat format = FormatOf(dtype);
  return std::ldexp(2.0L - std::ldexp(1.0L, -format.fraction_bits), format.bias());
}

Tensor Cast(const TensorView& tensor, DType to) {
  const int64_t from_components = IsComplex(tensor.dtype) ? 2 : 1;
  const int64_t to_components = IsComplex(to) ? 2 : 1;
  const int64_t elements = ComponentCount(tensor) / from_components;
  const size_t bytes = ByteSize(RealDType(to));
  Tensor cast{to, tensor.shape, std::vector<std::byte>(static_cast<size_t>(elements) * ByteSize(to))};
  for (int64_t i = 0; i < elements; ++i) {
    const long double real = ComponentAt(tensor, i * from_components);
    const long double imag = from_components == 2 ? ComponentAt(tensor, 2 * i + 1) : 0;
    for (int64_t c = 0; c < to_components; ++c) {
      uint64_t bits = 0;
      if (to == DType::kBool) {
        bits = real != 0 || imag != 0;
      } else if (IsReal(to)) {
        bits = RoundedBits(FormatOf(to), c == 0 ? real : imag);
      } else {
        bits = real < 0 ? static_cast<uint64_t>(static_cast<int64_t>(real)) : static_cast<uint64_t>(real);
      }
      std::memcpy(&cast.data[static_cast<size_t>(i * to_components + c) * bytes], &bits, bytes);
    }
  }
  return cast;
}

std::string ComponentText(const TensorView& tensor, int64_t i) {
  if (IsReal(tensor.dtype)) {
    return absl::StrFormat("%.*g", RealDType(tensor.dtype) == DType::kFloat64 ? 17 : 9,
                           static_cast<double>(ComponentAt(tensor, i)));
  }
  const absl::int128 value = OrderedKey(tensor, i);
  return value < 0 ? absl::StrCat(static_cast<int64_t>(value)) : absl::StrCat(static_cast<uint64_t>(value));
}

}  // namespace treduce
