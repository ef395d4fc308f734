// The norms of any other order: sums of |x|^ord, scaled by a power of two so that no power overflows or underflows.
#if defined(TREDUCE_FOLD_OPS_POWER_SUM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TREDUCE_FOLD_OPS_POWER_SUM_INL_H_
#undef TREDUCE_FOLD_OPS_POWER_SUM_INL_H_
#else
#define TREDUCE_FOLD_OPS_POWER_SUM_INL_H_
#endif

#include "server/engine/fold/math-inl.h"
#include "server/engine/fold/ops/moments-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

// Smallest |x|, NaN ignored.
template <class V>
struct SmallestMagnitude {
  static constexpr int kFieldCount = 1;
  using Context = NoContext<V>;
  V f[kFieldCount];

  static HWY_INLINE SmallestMagnitude Init() { return {{Broadcast<V>(std::numeric_limits<double>::infinity())}}; }
  HWY_INLINE void Accumulate(V x, const Context&) { f[0] = IfThenElse(Lt(Abs(x), f[0]), Abs(x), f[0]); }
  HWY_INLINE void Merge(const SmallestMagnitude& right) { f[0] = IfThenElse(Lt(right.f[0], f[0]), right.f[0], f[0]); }
};

// Sum of (|x| * scale1 * scale2)^ord.
template <class V>
struct ScaledPowerSum {
  static constexpr int kFieldCount = 1;
  struct Context {
    V scale1, scale2, ord;
  };
  V f[kFieldCount];

  static HWY_INLINE ScaledPowerSum Init() { return {{Broadcast<V>(0.0)}}; }
  HWY_INLINE void Accumulate(V x, const Context& context) {
    f[0] = f[0] + Pow(Abs(x) * context.scale1 * context.scale2, context.ord);
  }
  HWY_INLINE void Merge(const ScaledPowerSum& right) { f[0] = f[0] + right.f[0]; }
};

// The sum is f[0] * 2^(ord * f[1]). f[1] is the binary exponent of the element that dominates, the largest for a
// positive ord and the smallest for a negative one, so that later merges scale the lesser sum down.
template <class V>
struct PowerSum {
  static constexpr int kFieldCount = 2;
  V f[kFieldCount];

  HWY_INLINE void Merge(const PowerSum& right, const FoldParams& params) {
    const auto right_is_larger = Gt(right.f[1], f[1]);
    const V larger = IfThenElse(right_is_larger, right.f[1], f[1]);
    const V smaller = IfThenElse(right_is_larger, f[1], right.f[1]);
    const V dominant = params.ord < 0 ? smaller : larger;
    f[0] = f[0] * Weight(f[1] - dominant, params.ord) + right.f[0] * Weight(right.f[1] - dominant, params.ord);
    f[1] = dominant;
  }

 private:
  // 2^(ord * exponent).
  static HWY_INLINE V Weight(V exponent, double ord) {
    const V zero = Broadcast<V>(0.0);
    const auto none = Eq(exponent, zero);
    if (ValueTraits<V>::All(none)) return Broadcast<V>(1.0);
    return IfThenElse(none, Broadcast<V>(1.0), Pow(Broadcast<V>(2.0), exponent * Broadcast<V>(ord)));
  }
};

// Exponents of leaves that hold nothing but zeros, or an infinity: beyond all others.
inline constexpr double kZeroExponent = -8192.0;
inline constexpr double kInfinityExponent = 8192.0;

// floor(log2(x)) as a double; kZeroExponent and kInfinityExponent at the ends.
template <class V>
HWY_INLINE V ExponentOf(V x) {
  const auto subnormal = Lt(x, Broadcast<V>(0x1p-1022));
  const V normal = IfThenElse(subnormal, x * Broadcast<V>(0x1p54), x);
  const V biased = FromBits(ShiftRight<52>(ToBits(normal)) | BroadcastBits<V>(uint64_t{0x433} << 52));
  const V exponent =
      biased - Broadcast<V>(0x1p52 + 1023.0) - IfThenElse(subnormal, Broadcast<V>(54.0), Broadcast<V>(0.0));
  const auto infinite = Eq(x, Broadcast<V>(std::numeric_limits<double>::infinity()));
  return IfThenElse(Eq(x, Broadcast<V>(0.0)), Broadcast<V>(kZeroExponent),
                    IfThenElse(infinite, Broadcast<V>(kInfinityExponent), exponent));
}

// 2^exponent; 1 at the ends. REQUIRES: |exponent| <= 1022 there.
template <class V>
HWY_INLINE V PowerOfTwo(V exponent) {
  // Adding 2^52 + 1023 leaves the biased exponent in the low bits.
  return FromBits(ShiftLeft<52>(ToBits(exponent + Broadcast<V>(0x1p52 + 1023.0))));
}

template <class V>
HWY_INLINE typename ScaledPowerSum<V>::Context PowerContext(V exponent, double ord) {
  const V one = Broadcast<V>(1.0);
  const auto at_an_end = Ge(Abs(exponent), Broadcast<V>(8192.0));
  // In two steps, since 2^1074 has no binary64.
  const V clamped = IfThenElse(at_an_end, Broadcast<V>(0.0), Broadcast<V>(0.0) - exponent);
  const V first = IfThenElse(Gt(clamped, Broadcast<V>(1000.0)), Broadcast<V>(1000.0),
                             IfThenElse(Lt(clamped, Broadcast<V>(-1000.0)), Broadcast<V>(-1000.0), clamped));
  return {IfThenElse(at_an_end, one, PowerOfTwo(first)), IfThenElse(at_an_end, one, PowerOfTwo(clamped - first)),
          Broadcast<V>(ord)};
}

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#endif  // TREDUCE_FOLD_OPS_POWER_SUM_INL_H_
