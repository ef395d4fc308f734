// Elementary functions over the value type V of value-inl.h, with the same bits on every instruction set: they use only
// IEEE add, subtract, multiply, divide and square root, comparisons and integer operations. Neither libm, which differs
// between systems, nor fused multiply-add, nor tables. To be compiled with -ffp-contract=off.
//
// Each function states its largest error in units of the last place (ulp) of the exact result. NaN in gives NaN out, of
// unspecified payload. `HiLo` results carry about twice the precision of a double.
#if defined(TREDUCE_FOLD_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TREDUCE_FOLD_MATH_INL_H_
#undef TREDUCE_FOLD_MATH_INL_H_
#else
#define TREDUCE_FOLD_MATH_INL_H_
#endif

#include <bit>
#include <cstdint>
#include <limits>
#include <utility>

#include "server/engine/fold/value-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

// --- Double-double arithmetic.

// The unevaluated sum hi + lo; hi is the sum rounded to a double.
template <class V>
struct HiLo {
  V hi;
  V lo;
};

// s + e == a + b exactly, s the rounded sum, if |a| >= |b| or a == 0 (Dekker, Numerische Mathematik 18, 1971).
template <class V>
HWY_INLINE void FastTwoSum(V a, V b, V& s, V& e) {
  const V sum = a + b;
  e = b - (sum - a);
  s = sum;
}

// p + e == a * b exactly, p the rounded product, for |a|, |b| < 2^996 and e not below 2^-1074 (Dekker, as above; the
// factors are split into halves of 26 bits by Veltkamp's method).
template <class V>
HWY_INLINE void TwoProd(V a, V b, V& p, V& e) {
  const V splitter = Broadcast<V>(0x1p27 + 1);
  const V a_scaled = a * splitter;
  const V b_scaled = b * splitter;
  const V a_hi = a_scaled - (a_scaled - a);
  const V b_hi = b_scaled - (b_scaled - b);
  const V a_lo = a - a_hi;
  const V b_lo = b - b_hi;
  const V product = a * b;
  e = ((a_hi * b_hi - product) + a_hi * b_lo + a_lo * b_hi) + a_lo * b_lo;
  p = product;
}

// --- Exponential.

// exp(x) == 2^k * (head + tail), 0.7 < head + tail < 1.42; k is kept where a double has its exponent.
template <class V>
struct ReducedExp {
  V head;
  V tail;
  Bits<V> exponent;
};

// For x = hi + lo with |hi| < 1024 and |lo| < 2^-30.
template <class V>
HWY_INLINE ReducedExp<V> ReduceExp(V hi, V lo) {
  // Adding 1.5 * 2^52 rounds to an integer k, left in the low bits.
  const V shifter = Broadcast<V>(0x1.8p52);
  const V shifted = hi * Broadcast<V>(0x1.71547652b82fep+0) + shifter;
  const V k = shifted - shifter;
  // x = k ln 2 + (r + c), |r| <= ln(2)/2 and c its rounding error. The upper part of ln 2 has 42 bits, so that its
  // product with k is exact, and the difference too.
  const V partly = hi - k * Broadcast<V>(0x1.62e42fefa3800p-1);
  const V rest = k * Broadcast<V>(0x1.ef35793c76730p-45);
  const V r = partly - rest;
  const V c = ((partly - r) - rest) + lo;

  // exp(r) = 1 + r + r^2/2 + r^3 P(r). P is the minimax polynomial of degree 8 (Remez) for the error relative to
  // exp(r), 2^-57.2 with the coefficients as rounded here.
  const V r2 = r * r;
  const V r4 = r2 * r2;
  const V p01 = Broadcast<V>(0x1.5555555555501p-3) + r * Broadcast<V>(0x1.555555555320ep-5);
  const V p23 = Broadcast<V>(0x1.111111112882cp-7) + r * Broadcast<V>(0x1.6c16c17cc0b9dp-10);
  const V p45 = Broadcast<V>(0x1.a01a011c37cdap-13) + r * Broadcast<V>(0x1.a019ab35bf3d8p-16);
  const V p67 = Broadcast<V>(0x1.71df5522ec035p-19) + r * Broadcast<V>(0x1.289f819e9edb6p-22);
  const V p48 = (p45 + r2 * p67) + r4 * Broadcast<V>(0x1.ad202ae9d19e9p-26);
  const V p = (p01 + r2 * p23) + r4 * p48;
  const V powers = Broadcast<V>(0.5) * r2 + (r * r2) * p;

  V head, head_error;
  FastTwoSum(Broadcast<V>(1.0), r, head, head_error);
  return {head, powers + (head_error + c * (head + powers)), ShiftLeft<52>(ToBits(shifted))};
}

// exp(hi + lo) for |lo| < 2^-30; lo is ignored where the result is 0 or infinity. 0.7 ulp; subnormal results are
// rounded once, too.
template <class V>
HWY_INLINE V ExpHiLo(V hi, V lo) {
  if (HWY_LIKELY(ValueTraits<V>::All(Le(Abs(hi), Broadcast<V>(708.0))))) {
    const ReducedExp<V> e = ReduceExp(hi, lo);
    return FromBits(ToBits(e.head + e.tail) + e.exponent);
  }
  // The same bits for lanes in range; the others are scaled in steps.
  const V highest = Broadcast<V>(710.0);
  const V lowest = Broadcast<V>(-750.0);
  const V x = IfThenElse(Gt(hi, highest), highest, IfThenElse(Lt(hi, lowest), lowest, hi));
  const ReducedExp<V> e = ReduceExp(x, IfThenElse(Eq(x, hi), lo, Broadcast<V>(0.0)));
  const V sum = e.head + e.tail;
  // A subnormal result keeps multiples of 2^(-1074-k): the last place of numbers from 2^(-1022-k) on.
  const V smallest_normal = FromBits(BroadcastBits<V>(uint64_t{1} << 52) - e.exponent);
  V rounded, error;
  FastTwoSum(smallest_normal, e.head, rounded, error);
  const V subnormal = (rounded + (error + e.tail)) - smallest_normal;
  const V y = IfThenElse(Lt(sum, smallest_normal), subnormal, sum);
  const auto up = Gt(x, Broadcast<V>(0.0));
  const V step = FromBits(ToBits(IfThenElse(up, Broadcast<V>(0.5), Broadcast<V>(0x1p100))) + e.exponent);
  return y * step * IfThenElse(up, Broadcast<V>(2.0), Broadcast<V>(0x1p-100));
}

// exp(x), 0.7 ulp.
template <class V>
HWY_INLINE V Exp(V x) {
  return ExpHiLo(x, Broadcast<V>(-0.0));
}

// exp(x) for x <= 0 where it is added to 1 or more, to float32 in the end: a relative error of 2^-47.9 and of 2^-52 |x|
// more, the latter at most 2^-53 beside that 1. Below exp(-707) not less than 2^-1021.
template <class V>
HWY_INLINE V ExpTerm(V x) {
  // Adding 1.5 * 2^52 rounds to an integer, left in the low bits.
  const V shifter = Broadcast<V>(0x1.8p52);
  const V y = AtLeast(Broadcast<V>(-1020.0), x * Broadcast<V>(0x1.71547652b82fep+0));
  const V shifted = y + shifter;
  const V r = y - (shifted - shifter);

  // 2^(r/16) = 1 + r P(r), |r| <= 1/2: the minimax polynomial of degree 6 (Remez) for the relative error, 2^-56.7 with
  // the coefficients as rounded here. Each squaring doubles the error, but costs less than the terms of P that it
  // saves.
  const V r2 = r * r;
  const V p01 = Broadcast<V>(0x1.62e42fefa39fdp-5) + r * Broadcast<V>(0x1.ebfbdff82c5b1p-11);
  const V p23 = Broadcast<V>(0x1.c6b08d6e85546p-17) + r * Broadcast<V>(0x1.3b2ab6f894503p-23);
  const V p45 = Broadcast<V>(0x1.5d89c0bb7649ep-30) + r * Broadcast<V>(0x1.430cbb59a53f4p-37);
  const V root = Broadcast<V>(1.0) + r * (p01 + r2 * (p23 + r2 * p45));
  const V power2 = root * root;
  const V power4 = power2 * power2;
  const V power8 = power4 * power4;
  return FromBits(ToBits(power8 * power8) + ShiftLeft<52>(ToBits(shifted)));
}

// --- Logarithm.

// log(x), relative error 2^-63. log(0) is -inf, log(inf) inf, and of x < 0 NaN, all with lo == 0.
template <class V>
HWY_INLINE HiLo<V> LogHiLo(V x) {
  // x = 2^k m, sqrt(1/2) <= m < sqrt(2).
  const V smallest_normal = Broadcast<V>(0x1p-1022);
  const auto is_subnormal = Lt(x, smallest_normal);
  const V scaled = IfThenElse(is_subnormal, x * Broadcast<V>(0x1p54), x);
  const Bits<V> sqrt_half = BroadcastBits<V>(0x3FE6A09E00000000u);
  const Bits<V> one = BroadcastBits<V>(0x3FF0000000000000u);
  const Bits<V> offset = ToBits(scaled) + (one - sqrt_half);
  const V m = FromBits((offset & BroadcastBits<V>(0x000FFFFFFFFFFFFFu)) + sqrt_half);
  // The biased exponent becomes a double as the low bits of 2^52 + it.
  const V biased = FromBits(ShiftRight<52>(offset) | BroadcastBits<V>(0x4330000000000000u));
  const V k = biased - IfThenElse(is_subnormal, Broadcast<V>(0x1p52 + 1023 + 54), Broadcast<V>(0x1p52 + 1023));

  // s = 2 (m - 1) / (m + 1), as s + s_lo.
  const V f = m - Broadcast<V>(1.0);
  const V d = m + Broadcast<V>(1.0);
  const V d_lo = m - (d - Broadcast<V>(1.0));
  const V reciprocal = Broadcast<V>(1.0) / d;
  const V f2 = f + f;
  const V s = f2 * reciprocal;
  V back, back_lo;
  TwoProd(s, d, back, back_lo);
  const V s_lo = (((f2 - back) - back_lo) - s * d_lo) * reciprocal;

  // log(m) = 2 atanh(s/2) = s + s u (1/12 + u Q(u)), u = s^2. Q is the minimax polynomial of degree 6 (Remez) for the
  // error relative to log(m), 2^-65.9 with the coefficients as rounded here. All but u Q(u) needs double-double.
  V u, u_lo;
  TwoProd(s, s, u, u_lo);
  u_lo = u_lo + (s + s) * s_lo;
  const V u2 = u * u;
  const V q01 = Broadcast<V>(0x1.9999999999b30p-7) + u * Broadcast<V>(0x1.2492492457db4p-9);
  const V q23 = Broadcast<V>(0x1.c71c722d5e2b0p-12) + u * Broadcast<V>(0x1.745ce9e64eb6ap-14);
  const V q45 = Broadcast<V>(0x1.3b1eeb7e28349p-16) + u * Broadcast<V>(0x1.0f7ff6c4ba0a3p-18);
  const V q = q01 + u2 * (q23 + u2 * (q45 + u2 * Broadcast<V>(0x1.0e422f7033f39p-20)));
  V w, w_lo;
  FastTwoSum(Broadcast<V>(0x1.5555555555555p-4), u * q, w, w_lo);
  w_lo = w_lo + (u_lo * q + Broadcast<V>(0x1.5555555555555p-58));
  V t, t_lo;
  TwoProd(u, w, t, t_lo);
  t_lo = t_lo + (u * w_lo + u_lo * w);
  V p, p_lo;
  TwoProd(s, t, p, p_lo);
  p_lo = p_lo + (s * t_lo + s_lo * t);

  // log(x) = k ln 2 + s + p; k times the upper part of ln 2 is exact.
  V sum, sum_error, hi, hi_error;
  FastTwoSum(k * Broadcast<V>(0x1.62e42fefa3800p-1), s, sum, sum_error);
  FastTwoSum(sum, p, hi, hi_error);
  V lo = (sum_error + hi_error) + (s_lo + p_lo) + k * Broadcast<V>(0x1.ef35793c76730p-45);
  FastTwoSum(hi, lo, hi, lo);

  const V zero = Broadcast<V>(0.0);
  const V infinity = Broadcast<V>(std::numeric_limits<double>::infinity());
  const V not_positive =
      IfThenElse(Eq(x, zero), zero - infinity, Broadcast<V>(std::numeric_limits<double>::quiet_NaN()));
  const auto is_positive = Gt(x, zero);
  const auto is_finite = Lt(x, infinity);
  return {IfThenElse(is_positive, IfThenElse(is_finite, hi, infinity), not_positive),
          IfThenElse(And(is_positive, is_finite), lo, zero)};
}

// log(x), 0.51 ulp.
template <class V>
HWY_INLINE V Log(V x) {
  return LogHiLo(x).hi;
}

// m + log(s + c) for |c| <= ulp(s)/2, accurate where the two nearly cancel: what logsumexp ends with. m if it is
// infinite.
template <class V>
HWY_INLINE V AddLog(V m, V s, V c) {
  const HiLo<V> log = LogHiLo(s);
  V sum, error;
  TwoSum(m, log.hi, sum, error);
  const V infinity = Broadcast<V>(std::numeric_limits<double>::infinity());
  return IfThenElse(Lt(Abs(sum), infinity), sum + (error + (log.lo + c / s)), sum);
}

// --- Powers and roots.

// x^y for x >= 0 and finite y, 1 ulp whatever the size of y log(x). x^0 is 1, of NaN too; 0 and inf have the limits of
// x^y as powers; NaN for x < 0.
template <class V>
HWY_INLINE V Pow(V x, V y) {
  // From 2^64 on, every x but 1 overflows or underflows; larger factors would overflow in the product below.
  const V limit = Broadcast<V>(0x1p64);
  const V exponent =
      IfThenElse(Gt(y, limit), limit, IfThenElse(Lt(y, Broadcast<V>(-0x1p64)), Broadcast<V>(-0x1p64), y));
  const HiLo<V> log = LogHiLo(x);
  V product, product_lo;
  TwoProd(exponent, log.hi, product, product_lo);
  const V result = ExpHiLo(product, product_lo + exponent * log.lo);
  return IfThenElse(Eq(y, Broadcast<V>(0.0)), Broadcast<V>(1.0), result);
}

// sqrt(a^2 + b^2) without overflow or underflow on the way, 1.2 ulp. As in C, infinity if either is, even beside NaN.
template <class V>
HWY_INLINE V Hypot(V a, V b) {
  const V abs_a = Abs(a);
  const V abs_b = Abs(b);
  const V larger = LargerOf(abs_a, abs_b);
  const auto is_large = Gt(larger, Broadcast<V>(0x1p500));
  const auto is_small = Lt(larger, Broadcast<V>(0x1p-450));
  const V one = Broadcast<V>(1.0);
  const V down = IfThenElse(is_large, Broadcast<V>(0x1p-600), IfThenElse(is_small, Broadcast<V>(0x1p600), one));
  const V up = IfThenElse(is_large, Broadcast<V>(0x1p600), IfThenElse(is_small, Broadcast<V>(0x1p-600), one));
  const V x = abs_a * down;
  const V y = abs_b * down;
  const V infinity = Broadcast<V>(std::numeric_limits<double>::infinity());
  return IfThenElse(Or(Eq(abs_a, infinity), Eq(abs_b, infinity)), infinity, Sqrt(x * x + y * y) * up);
}

// sqrt(s + c) for s >= 0 and |c| <= ulp(s)/2, 0.51 ulp; sqrt(s) for s < 2^-960, where the square of the root is
// inexact.
template <class V>
HWY_INLINE V SqrtHiLo(V s, V c) {
  const V root = Sqrt(s);
  V square, square_lo;
  TwoProd(root, root, square, square_lo);
  const V corrected = root + (((s - square) - square_lo) + c) / (root + root);
  return IfThenElse(And(Ge(s, Broadcast<V>(0x1p-960)), Lt(s, Broadcast<V>(std::numeric_limits<double>::infinity()))),
                    corrected, root);
}

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#endif  // TREDUCE_FOLD_MATH_INL_H_
