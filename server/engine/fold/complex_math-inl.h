// Sine and cosine, and the angle of a point, for plain doubles: under the rules of math-inl.h the same bits everywhere.
#if defined(TREDUCE_FOLD_COMPLEX_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TREDUCE_FOLD_COMPLEX_MATH_INL_H_
#undef TREDUCE_FOLD_COMPLEX_MATH_INL_H_
#else
#define TREDUCE_FOLD_COMPLEX_MATH_INL_H_
#endif

#include "server/engine/fold/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

// The angle is quadrant * pi/2 + hi + lo, |hi| <= pi/4, whole turns left out.
struct ReducedAngle {
  unsigned quadrant;  // 0 to 3
  double hi;
  double lo;
};

// For finite x >= 1/2. Relative error 2^-62 of hi + lo, however near to a multiple of pi/2 the angle is: it is reduced
// in integers (Payne, Hanek, "Radian reduction for trigonometric functions", SIGNUM Newsletter 18, 1983).
HWY_INLINE ReducedAngle ReduceAngle(double x) {
  // 64 zero bits and the fraction bits of 2/pi.
  static constexpr uint64_t kTwoOverPi[] = {
      0x0000000000000000, 0xA2F9836E4E441529, 0xFC2757D1F534DDC0, 0xDB6295993C439041, 0xFE5163ABDEBBC561,
      0xB7246E3A424DD2E0, 0x06492EEA09D1921C, 0xFE1DEB1CB129A73E, 0xE88235F52EBB4484, 0xE99C7026B45F7E41,
      0x3991D639835339F4, 0x9C845F8BBDF9283B, 0x1FF897FFDE05980F, 0xEF2F118B5A0A6D1F, 0x6D367ECF27CB09B7,
      0x4F463F669E5FEA2D, 0x7527BAC7EBE5F17B, 0x3D0739F78A5292EA, 0x6BFB5FB11F8D5D08, 0x56033046FC7B6BAB};
  // x = significand * 2^(biased exponent - 1075). Of the product with 2/pi only what lies below 4 matters, so that the
  // bits of 2/pi start at the one which the significand's last bit makes a 2.
  const uint64_t bits = ToBits(x);
  const uint64_t significand = (bits & 0xFFFFFFFFFFFFFu) | uint64_t{1} << 52;
  const uint64_t first_bit = (bits >> 52) - (1075 - 62);
  const uint64_t* words = kTwoOverPi + first_bit / 64;
  const auto word = [&, shift = first_bit % 64](int i) {
    return shift == 0 ? words[i] : words[i] << shift | words[i + 1] >> (64 - shift);
  };
  __extension__ using Wide = unsigned __int128;
  const auto carried = static_cast<uint64_t>(Wide{significand} * word(2) >> 64);
  const Wide lower = Wide{significand} * word(1) + carried;
  const auto middle = static_cast<uint64_t>(lower);
  const uint64_t top = significand * word(0) + static_cast<uint64_t>(lower >> 64);

  // `top` and `middle` are x * 2/pi, two bits before the point. The nearest integer leaves a signed fraction, which
  // four doubles of 32 bits hold exactly.
  const uint64_t quadrant = (top + (uint64_t{1} << 61)) >> 62;
  const auto fraction = static_cast<int64_t>(top - (quadrant << 62));
  const double a = static_cast<double>(fraction >> 32) * 0x1p-30;
  const double b = static_cast<double>(fraction & 0xFFFFFFFF) * 0x1p-62;
  const double c = static_cast<double>(middle >> 32) * 0x1p-94;
  const double d = static_cast<double>(middle & 0xFFFFFFFF) * 0x1p-126;
  double sum, sum_error, hi, hi_error;
  FastTwoSum(a, b, sum, sum_error);
  FastTwoSum(sum, c, hi, hi_error);
  const double lo = sum_error + (hi_error + d);

  constexpr double kHalfPi = 0x1.921fb54442d18p+0;
  constexpr double kHalfPiLo = 0x1.1a62633145c07p-54;
  double product, product_error;
  TwoProd(hi, kHalfPi, product, product_error);
  return {static_cast<unsigned>(quadrant), product, product_error + (hi * kHalfPiLo + lo * kHalfPi)};
}

struct SineAndCosine {
  double sine;
  double cosine;
};

// Of any finite x, 0.85 ulp; NaN for infinities.
HWY_INLINE SineAndCosine SinCos(double x) {
  const double magnitude = Abs(x);
  if (!(magnitude < std::numeric_limits<double>::infinity())) return {x - x, x - x};
  constexpr double kQuarterPi = 0x1.921fb54442d18p-1;
  const auto [quadrant, r, c] = magnitude <= kQuarterPi ? ReducedAngle{0, magnitude, 0.0} : ReduceAngle(magnitude);

  // sin(r) = r + r^3 S(r^2), cos(r) = 1 - r^2/2 + r^4 C(r^2). S and C are minimax polynomials of degree 5 (Remez),
  // errors relative to the results 2^-57.8 and 2^-63.9 with the coefficients as rounded here.
  const double z = r * r;
  const double s = -0x1.5555555555548p-3 +
                   z * (0x1.111111110f730p-7 +
                        z * (-0x1.a01a019be9217p-13 +
                             z * (0x1.71de35552b591p-19 + z * (-0x1.ae5e4b83f0b17p-26 + z * 0x1.5d8b559a6b284p-33))));
  const double sine = r + (r * z * s + c * (1.0 - 0.5 * z));
  const double p = 0x1.555555555554bp-5 +
                   z * (-0x1.6c16c16c15015p-10 +
                        z * (0x1.a01a019c8f254p-16 +
                             z * (-0x1.27e4f7f1914aep-22 + z * (0x1.1ee9dbcf000d6p-29 + z * -0x1.8fa6848b366a1p-37))));
  const double head = 1.0 - 0.5 * z;
  const double cosine = head + (((1.0 - head) - 0.5 * z) + (z * z * p - r * c));

  const double turned_sine = quadrant % 2 == 0 ? sine : cosine;
  const double turned_cosine = quadrant % 2 == 0 ? cosine : sine;
  const bool negative_sine = (quadrant >= 2) != (ToBits(x) >> 63 != 0);
  const bool negative_cosine = quadrant == 1 || quadrant == 2;
  return {negative_sine ? -turned_sine : turned_sine, negative_cosine ? -turned_cosine : turned_cosine};
}

// The angle of the point (x, y) in [-pi, pi], 0.7 ulp; subnormal results 1 ulp. Zeros and infinities are as in C: signs
// of zeros tell sides.
HWY_INLINE double Atan2(double y, double x) {
  if (IsNaN(x) || IsNaN(y)) return x + y;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const double abs_x = Abs(x);
  const double abs_y = Abs(y);
  const bool steep = abs_y > abs_x;
  double shorter = steep ? abs_x : abs_y;
  double longer = steep ? abs_y : abs_x;
  if (longer == kInfinity) {
    shorter = shorter == kInfinity ? 1.0 : 0.0;
    longer = 1.0;
  } else if (longer == 0.0) {
    longer = 1.0;
  } else if (longer > 0x1p900 || longer < 0x1p-400) {
    const double scale = longer > 1.0 ? 0x1p-100 : 0x1p600;
    shorter = shorter * scale;
    longer = longer * scale;
  }

  // atan(shorter / longer) is eighth * pi/4 + atan(t / d), |t / d| < tan(pi/8).
  int eighth = 0;
  double t = shorter, t_lo = 0.0;
  double d = longer, d_lo = 0.0;
  if (shorter > longer * 0x1.a827999fcef32p-2) {
    eighth = 1;
    FastTwoSum(-longer, shorter, t, t_lo);
    FastTwoSum(longer, shorter, d, d_lo);
  }
  const double u = t / d;
  double back, back_lo;
  TwoProd(u, d, back, back_lo);
  // Where u is so small, its own rounding error is all there is, and `back_lo` could underflow.
  const double u_lo = Abs(u) < 0x1p-500 ? 0.0 : (((t - back) - back_lo) + (t_lo - u * d_lo)) / d;

  // atan(u) = u + u^3 P(u^2). P is the minimax polynomial of degree 10 (Remez) for the error relative to atan(u),
  // 2^-59.3 with the coefficients as rounded here.
  const double z = u * u;
  const double z2 = z * z;
  const double z4 = z2 * z2;
  const double p01 = -0x1.555555555553cp-2 + z * 0x1.999999999564ep-3;
  const double p23 = -0x1.24924922a069ap-3 + z * 0x1.c71c70e1084a4p-4;
  const double p45 = -0x1.745cf84bb4eb7p-4 + z * 0x1.3b110f02898dbp-4;
  const double p67 = -0x1.10eb44bf85b99p-4 + z * 0x1.df08ae3094186p-5;
  const double p810 = (-0x1.9cb4b8bbff576p-5 + z * 0x1.3788d33a0f2abp-5) + z2 * -0x1.24c0ea2034e9cp-6;
  const double p = (p01 + z2 * p23) + z4 * ((p45 + z2 * p67) + z4 * p810);
  const double tail = u * z * p + u_lo * (1.0 - z);

  // The angle of (|x|, |y|) and then of (x, |y|) is turned +- atan(u) from a multiple of pi/4.
  bool backwards = false;
  if (steep) {
    eighth = 2 - eighth;
    backwards = true;
  }
  if (ToBits(x) >> 63 != 0) {
    eighth = 4 - eighth;
    backwards = !backwards;
  }
  // The upper part has 50 bits, so that its multiples are exact.
  const double base = eighth * 0x1.921fb54442d18p-1;
  const double base_lo = eighth * 0x1.1a62633145c07p-55;
  double sum, sum_error;
  FastTwoSum(base, backwards ? -u : u, sum, sum_error);
  const double angle = sum + (sum_error + (base_lo + (backwards ? -tail : tail)));
  return ToBits(y) >> 63 != 0 ? -angle : angle;
}

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#endif  // TREDUCE_FOLD_COMPLEX_MATH_INL_H_
