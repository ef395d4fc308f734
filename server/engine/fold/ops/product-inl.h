// PROD of floating point elements, without overflow or underflow on the way: significands are multiplied and exponents
// added apart.
#if defined(TREDUCE_FOLD_OPS_PRODUCT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TREDUCE_FOLD_OPS_PRODUCT_INL_H_
#undef TREDUCE_FOLD_OPS_PRODUCT_INL_H_
#else
#define TREDUCE_FOLD_OPS_PRODUCT_INL_H_
#endif

#include "server/engine/fold/value-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

// x = significand * 2^exponent with 1 <= |significand| < 2; zeros, infinities and NaN stay as they are, with exponent
// 0. REQUIRES: x is not subnormal.
template <class V>
HWY_INLINE void SplitNormal(V x, V& significand, V& exponent) {
  const V zero = Broadcast<V>(0.0);
  const auto normal = And(Not(Eq(x, zero)), Lt(Abs(x), Broadcast<V>(std::numeric_limits<double>::infinity())));
  const Bits<V> fraction = ToBits(x) & BroadcastBits<V>(0x800FFFFFFFFFFFFFu);
  significand = IfThenElse(normal, FromBits(fraction | BroadcastBits<V>(uint64_t{0x3FF} << 52)), x);
  // The biased exponent as the low bits of 2^52 is a double 2^52 too large.
  const Bits<V> biased = ShiftRight<52>(ToBits(Abs(x))) | BroadcastBits<V>(uint64_t{0x433} << 52);
  exponent = IfThenElse(normal, FromBits(biased) - Broadcast<V>(0x1p52 + 1023.0), zero);
}

// The product is f[0] * 2^f[1].
template <class V>
struct Product {
  static constexpr int kFieldCount = 2;
  using Context = NoContext<V>;
  V f[kFieldCount];

  static HWY_INLINE Product Init() { return {{Broadcast<V>(1.0), Broadcast<V>(0.0)}}; }

  // Up to kColumnLeaf significands below 2 are multiplied before a Merge brings the product back below 2.
  HWY_INLINE void Accumulate(V x, const Context&) {
    V significand, exponent;
    SplitNormal(x, significand, exponent);
    f[0] = f[0] * significand;
    f[1] = f[1] + exponent;
  }

  HWY_INLINE void Merge(const Product& right) {
    V left_significand, left_exponent, right_significand, right_exponent;
    SplitNormal(f[0], left_significand, left_exponent);
    SplitNormal(right.f[0], right_significand, right_exponent);
    f[0] = left_significand * right_significand;
    f[1] = (f[1] + left_exponent) + (right.f[1] + right_exponent);
  }
};

// For f64 elements, which may be subnormal.
template <class V>
struct WideProduct : Product<V> {
  static HWY_INLINE WideProduct Init() { return {Product<V>::Init()}; }

  HWY_INLINE void Accumulate(V x, const typename Product<V>::Context& context) {
    const auto tiny = Lt(Abs(x), Broadcast<V>(0x1p-1022));
    Product<V>::Accumulate(IfThenElse(tiny, x * Broadcast<V>(0x1p54), x), context);
    this->f[1] = this->f[1] - IfThenElse(tiny, Broadcast<V>(54.0), Broadcast<V>(0.0));
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#endif  // TREDUCE_FOLD_OPS_PRODUCT_INL_H_
