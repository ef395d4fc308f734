// The 2-norm: sums of squares without overflow or underflow on the way.
#if defined(TREDUCE_FOLD_OPS_SQUARE_SUM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TREDUCE_FOLD_OPS_SQUARE_SUM_INL_H_
#undef TREDUCE_FOLD_OPS_SQUARE_SUM_INL_H_
#else
#define TREDUCE_FOLD_OPS_SQUARE_SUM_INL_H_
#endif

#include "server/engine/fold/ops/sum-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

// Squares of elements narrower than binary64 are exact in it, and far from its range.
template <class V>
struct SquareSum : PlainSum<V> {
  static HWY_INLINE SquareSum Init() { return {PlainSum<V>::Init()}; }
  HWY_INLINE void Accumulate(V x, const typename PlainSum<V>::Context&) { this->f[0] = this->f[0] + x * x; }
};

// Squares of f64 elements go to three sums by magnitude, as in Blue, "A portable Fortran program to find the Euclidean
// norm of a vector", ACM TOMS 4, 1978. The sum is f[0] + f[1] + f[2] * 2^1200 + f[3] * 2^-1200.
template <class V>
struct WideSquareSum {
  static constexpr int kFieldCount = 4;
  using Context = NoContext<V>;
  V f[kFieldCount];

  static HWY_INLINE WideSquareSum Init() {
    const V zero = Broadcast<V>(0.0);
    return {{zero, zero, zero, zero}};
  }

  HWY_INLINE void Accumulate(V x, const Context&) {
    const V zero = Broadcast<V>(0.0);
    const V magnitude = Abs(x);
    const auto big = Ge(magnitude, Broadcast<V>(0x1p480));
    const auto tiny = Lt(magnitude, Broadcast<V>(0x1p-480));
    const auto apart = Or(big, tiny);
    if (HWY_LIKELY(ValueTraits<V>::All(Not(apart)))) {
      AddCompensated(x * x, f[0], f[1]);
    } else {
      AddCompensated(IfThenElse(apart, zero, x * x), f[0], f[1]);
      const V scaled_down = x * Broadcast<V>(0x1p-600);
      const V scaled_up = x * Broadcast<V>(0x1p600);
      f[2] = f[2] + IfThenElse(big, scaled_down * scaled_down, zero);
      f[3] = f[3] + IfThenElse(tiny, scaled_up * scaled_up, zero);
    }
  }

  HWY_INLINE void Merge(const WideSquareSum& right) {
    MergeCompensated(right.f[0], right.f[1], f[0], f[1]);
    f[2] = f[2] + right.f[2];
    f[3] = f[3] + right.f[3];
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#endif  // TREDUCE_FOLD_OPS_SQUARE_SUM_INL_H_
