// One result from the states of its folds: what finishes on a CPU and in CUDA kernels have in common. The words of a
// state are those of its fold (fold/ops/); `k` is its number.
#ifndef TREDUCE_SERVER_ENGINE_PLAN_FINISH_VALUE_H_
#define TREDUCE_SERVER_ENGINE_PLAN_FINISH_VALUE_H_

#include <bit>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "server/engine/fold/order_key.h"
#include "server/engine/fold/states.h"
#include "server/engine/values/dtype.h"
#include "server/engine/values/host_device.h"

namespace treduce {

// How the states of a reduction become its results.
enum class FinishKind : uint8_t {
  kSum,
  kMean,
  kNanMean,
  kProduct,
  kMax,
  kMin,
  kMinMax,
  kIndex,
  kAll,
  kAny,
  kCount,
  kVar,
  kStd,
  kAbsMax,
  kAbsMin,
  kAbsSum,
  kSquareSum,
  kPowerSum,
  kLogSumExp,
  kQuantile,
};

TREDUCE_HOST_DEVICE inline double Field(States states, int field, size_t k) { return states.field<double>(field)[k]; }
TREDUCE_HOST_DEVICE inline int64_t Word(States states, int field, size_t k) { return states.field<int64_t>(field)[k]; }

// (sum + error) / divisor with one rounding more than the exact quotient's.
TREDUCE_HOST_DEVICE inline double Quotient(double sum, double error, double divisor) {
  const double hi = sum + error;
  if (divisor == 1.0 || !std::isfinite(hi)) return hi / divisor;
  const double lo = error - (hi - sum);
  const double quotient = hi / divisor;
  return quotient + (std::fma(-quotient, divisor, hi) + lo) / divisor;
}

// The sum in a state of elements, f64 if `is_wide`, over `divisor`.
TREDUCE_HOST_DEVICE inline double SumOver(States s, size_t k, bool is_wide, double divisor) {
  const double sum = Field(s, 0, k);
  // Two roundings to binary64 are nothing beside the one to the dtype of the result.
  if (!is_wide) {
    const double total = std::isfinite(sum) ? sum + (Field(s, 1, k) + Field(s, 2, k)) : sum;
    return divisor == 1.0 ? total : total / divisor;
  }
  const double error = Field(s, 1, k);
  const double big = Field(s, 2, k);
  const double big_error = Field(s, 3, k);
  if (!std::isfinite(big) || !std::isfinite(sum)) return (big + sum) / divisor;
  if (big == 0.0 && big_error == 0.0) return Quotient(sum, error, divisor);
  // In units of 2^128: what is too small for them is no part of a sum this large.
  const double small = sum * 0x1p-128;
  const double total = big + small;
  const double lost = std::abs(big) >= std::abs(small) ? (big - total) + small : (small - total) + big;
  return Quotient(total, lost + (big_error + error * 0x1p-128), divisor) * 0x1p128;
}

// significand * 2^exponent with one rounding.
TREDUCE_HOST_DEVICE inline double Scale(double significand, double exponent) {
  if (exponent == 0.0) return significand;
  if (std::abs(exponent) <= 1022.0) {
    return significand * std::bit_cast<double>(static_cast<uint64_t>(static_cast<int64_t>(exponent) + 1023) << 52);
  }
  const double clamped = exponent > 20000.0 ? 20000.0 : exponent < -20000.0 ? -20000.0 : exponent;
  return std::ldexp(significand, static_cast<int>(clamped));
}

// The product in a state of complex elements.
TREDUCE_HOST_DEVICE inline std::complex<double> ComplexProductOf(States s, size_t k) {
  return {Scale(Field(s, 0, k), Field(s, 2, k)), Scale(Field(s, 1, k), Field(s, 2, k))};
}

// A variance of value * 2^(2 * exponent).
struct ScaledVariance {
  double value, exponent;
};

TREDUCE_HOST_DEVICE inline ScaledVariance VarianceOf(States s, size_t k, double correction) {
  const double degrees = Field(s, 0, k) - correction;
  const double divisor = degrees > 0.0 ? degrees : 0.0;  // 0 for a correction of NaN
  return {Field(s, 3, k) / divisor, Field(s, 4, k)};
}

// That of a complex number is the sum of those of its parts.
TREDUCE_HOST_DEVICE inline ScaledVariance Sum(ScaledVariance real, ScaledVariance imaginary) {
  const double exponent = real.exponent > imaginary.exponent ? real.exponent : imaginary.exponent;
  return {
      Scale(real.value, 2 * (real.exponent - exponent)) + Scale(imaginary.value, 2 * (imaginary.exponent - exponent)),
      exponent};
}

// The root of a sum of squares of elements, f64 if `is_wide`.
TREDUCE_HOST_DEVICE inline double RootOf(States s, size_t k, bool is_wide) {
  if (!is_wide) return std::sqrt(Field(s, 0, k));
  const double sum = std::isfinite(Field(s, 0, k)) ? Field(s, 0, k) + Field(s, 1, k) : Field(s, 0, k);
  const double big = Field(s, 2, k);
  const double tiny = Field(s, 3, k);
  if (big != 0.0) return std::sqrt(big + sum * 0x1p-600 * 0x1p-600) * 0x1p600;
  if (sum != 0.0) return std::sqrt(sum + tiny * 0x1p-600 * 0x1p-600);
  return std::sqrt(tiny) * 0x1p-600;
}

// The element of an ascending order key of elements T, cast to `dtype`: float32 or float64.
template <class T>
TREDUCE_HOST_DEVICE inline double CastKey(int64_t key, DType dtype) {
  const auto value = OrderKey<T, Order::kLargest>::Back(key);
  const auto cast = [dtype](auto x) {
    return dtype == DType::kFloat32 ? static_cast<double>(static_cast<float>(x)) : static_cast<double>(x);
  };
  if constexpr (std::is_same_v<T, uint64_t>) return cast(static_cast<uint64_t>(value));
  return cast(value);
}

// What lies between two neighbouring elements, so far from the first to the second.
TREDUCE_HOST_DEVICE inline double Interpolate(double low, double high, double fraction) {
  if (fraction == 0 || low == high) return low;
  if (fraction == 1) return high;
  const double step = high - low;
  return std::isfinite(step) ? low + fraction * step : low * (1 - fraction) + high * fraction;
}

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_PLAN_FINISH_VALUE_H_
