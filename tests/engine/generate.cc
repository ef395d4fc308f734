// Random bit patterns, so that no library's number formatting or distribution has a say.
#include "tests/engine/generate.h"

#include <cstring>

namespace treduce {
namespace {

struct FloatFormat {
  int exponent_bits;
  int fraction_bits;
};

uint64_t FloatBits(FloatFormat format, Fill fill, Random& random) {
  const uint64_t draw = random.Next();
  const uint64_t sign = (draw & 1) << (format.exponent_bits + format.fraction_bits);
  const uint64_t top_exponent = (uint64_t{1} << format.exponent_bits) - 1;
  const uint64_t bias = top_exponent >> 1;
  const auto with_exponent = [&](uint64_t exponent) {
    const uint64_t fraction = (draw >> 1) & ((uint64_t{1} << format.fraction_bits) - 1);
    return sign | exponent << format.fraction_bits | fraction;
  };
  switch (fill) {
    case Fill::kTies: {
      const uint64_t magnitudes[] = {0, 0, bias, bias + 1};  // 0, 0, 1, 2
      return sign | magnitudes[(draw >> 1) % 4] << format.fraction_bits;
    }
    case Fill::kWide:
      switch (random.Below(16)) {
        case 0:
          return sign;
        case 1:
          return with_exponent(0);
        default:
          return with_exponent(random.Below(top_exponent));
      }
    case Fill::kSpecial: {
      const uint64_t kind = random.Below(600);
      if (kind == 0) return with_exponent(top_exponent) | 1;              // NaN, of any payload
      if (kind == 1) return sign | top_exponent << format.fraction_bits;  // infinity
      break;
    }
    case Fill::kPlain:
      break;
  }
  return with_exponent(bias - 3 + random.Below(6));
}

uint64_t IntegerBits(Fill fill, Random& random) {
  switch (fill) {
    case Fill::kTies:
      return random.Below(3);
    case Fill::kWide:
      return random.Next();
    default:
      return random.Below(128) - 64;
  }
}

uint64_t ComponentBits(DType dtype, Fill fill, Random& random) {
  switch (dtype) {
    case DType::kFloat64:
      return FloatBits({11, 52}, fill, random);
    case DType::kFloat32:
      return FloatBits({8, 23}, fill, random);
    case DType::kFloat16:
      return FloatBits({5, 10}, fill, random);
    case DType::kBFloat16:
      return FloatBits({8, 7}, fill, random);
    case DType::kBool:
      return fill == Fill::kWide ? random.Next() : random.Below(2);
    default:
      return IntegerBits(fill, random);
  }
}

}  // namespace

Tensor Generate(DType dtype, absl::Span<const int64_t> shape, Fill fill, uint64_t seed) {
  const DType component = RealDType(dtype);
  const size_t bytes = ByteSize(component);
  size_t count = ByteSize(dtype) / bytes;
  for (int64_t extent : shape) count *= static_cast<size_t>(extent);
  Tensor tensor{dtype, Shape(shape.begin(), shape.end()), std::vector<std::byte>(count * bytes)};
  Random random(seed + 1000 * static_cast<uint64_t>(dtype) + 100 * static_cast<uint64_t>(fill));
  for (size_t i = 0; i < count; ++i) {
    const uint64_t bits = ComponentBits(component, fill, random);
    std::memcpy(tensor.data.data() + i * bytes, &bits, bytes);
  }
  return tensor;
}

}  // namespace treduce
