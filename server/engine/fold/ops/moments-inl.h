// VAR, STD, VAR_MEAN, STD_MEAN: number, mean and sum of squared deviations (M2), by the shifted two-sum algorithm
// within a leaf and the pairwise update between leaves (Chan, Golub, LeVeque, "Algorithms for computing the sample
// variance", The American Statistician 37, 1983). Columns are shifted by their mean in the leaf. Rows are shifted by
// that of their first elements, and done again where it turns out to be far from the leaf's.
#if defined(TREDUCE_FOLD_OPS_MOMENTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TREDUCE_FOLD_OPS_MOMENTS_INL_H_
#undef TREDUCE_FOLD_OPS_MOMENTS_INL_H_
#else
#define TREDUCE_FOLD_OPS_MOMENTS_INL_H_
#endif

#include "server/engine/fold/fold.h"
#include "server/engine/fold/ops/sum-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

// right / (left + right).
template <class V>
HWY_INLINE V ShareOf(V left, V right) {
  return right / (left + right);
}
HWY_INLINE double ShareOf(double left, double right) { return left == right ? 0.5 : right / (left + right); }

// Number of elements; mean as the unevaluated sum of two words; M2; and, as the last word, an exponent e: mean and M2
// are those of the elements times 2^-e, so that no square of an f64 overflows or underflows. e is -600, 0 or 600.
template <class V>
struct Moments {
  static constexpr int kFieldCount = 5;
  V f[kFieldCount];

  HWY_INLINE V count() const { return f[0]; }
  HWY_INLINE V mean_hi() const { return f[1]; }
  HWY_INLINE V mean_lo() const { return f[2]; }
  HWY_INLINE V m2() const { return f[3]; }
  HWY_INLINE V exponent() const { return f[4]; }

  HWY_INLINE void Merge(Moments right, const FoldParams&) {
    RaiseExponent(right.exponent());
    right.RaiseExponent(exponent());
    const V n = count() + right.count();
    const V share = ShareOf(count(), right.count());
    V delta_hi, delta_lo;
    TwoSum(right.mean_hi(), Broadcast<V>(0.0) - mean_hi(), delta_hi, delta_lo);
    const auto finite = Lt(Abs(delta_hi), Broadcast<V>(std::numeric_limits<double>::infinity()));
    delta_lo = delta_lo + (right.mean_lo() - mean_lo());
    V mean, error;
    TwoSum(mean_hi(), delta_hi * share, mean, error);
    const V delta = delta_hi + delta_lo;
    const V lo = error + (mean_lo() + delta_lo * share);
    f[3] = (m2() + right.m2()) + (delta * delta) * (count() * share);
    // The mean of an infinity and a finite number is the infinity; both opposite infinities give NaN.
    f[1] = IfThenElse(finite, mean, mean_hi() + right.mean_hi());
    f[2] = IfThenElse(finite, lo, Broadcast<V>(0.0));
    f[0] = n;
  }

 private:
  HWY_INLINE void RaiseExponent(V to) {
    const auto lower = Lt(exponent(), to);
    if (HWY_LIKELY(ValueTraits<V>::All(Not(lower)))) return;
    const V one = Broadcast<V>(1.0);
    const V once = IfThenElse(lower, Broadcast<V>(0x1p-600), one);
    const V twice = IfThenElse(Gt(to - exponent(), Broadcast<V>(600.0)), Broadcast<V>(0x1p-600), one);
    f[1] = f[1] * once * twice;
    f[2] = f[2] * once * twice;
    f[3] = f[3] * once * once * twice * twice;
    f[4] = IfThenElse(lower, to, f[4]);
  }
};

// Sum and sum of squares of (x * scale - shift).
template <class V>
struct ShiftedSums {
  static constexpr int kFieldCount = 2;
  struct Context {
    V scale, shift;
  };
  V f[kFieldCount];

  static HWY_INLINE ShiftedSums Init() { return {{Broadcast<V>(0.0), Broadcast<V>(0.0)}}; }
  HWY_INLINE void Accumulate(V x, const Context& context) {
    const V deviation = x * context.scale - context.shift;
    f[0] = f[0] + deviation;
    f[1] = f[1] + deviation * deviation;
  }
  HWY_INLINE void Merge(const ShiftedSums& right) {
    f[0] = f[0] + right.f[0];
    f[1] = f[1] + right.f[1];
  }
};

template <class V>
struct ScaledSum {
  static constexpr int kFieldCount = 1;
  struct Context {
    V scale;
  };
  V f[kFieldCount];

  static HWY_INLINE ScaledSum Init() { return {{Broadcast<V>(0.0)}}; }
  HWY_INLINE void Accumulate(V x, const Context& context) { f[0] = f[0] + x * context.scale; }
  HWY_INLINE void Merge(const ScaledSum& right) { f[0] = f[0] + right.f[0]; }
};

// Largest |x|, NaN ignored.
template <class V>
struct LargestMagnitude {
  static constexpr int kFieldCount = 1;
  using Context = NoContext<V>;
  V f[kFieldCount];

  static HWY_INLINE LargestMagnitude Init() { return {{Broadcast<V>(0.0)}}; }
  HWY_INLINE void Accumulate(V x, const Context&) { f[0] = LargerOf(f[0], Abs(x)); }
  HWY_INLINE void Merge(const LargestMagnitude& right) { f[0] = LargerOf(f[0], right.f[0]); }
};

template <class V>
HWY_INLINE V ExponentFor(V largest) {
  return IfThenElse(Ge(largest, Broadcast<V>(0x1p480)), Broadcast<V>(600.0),
                    IfThenElse(Lt(largest, Broadcast<V>(0x1p-400)), Broadcast<V>(-600.0), Broadcast<V>(0.0)));
}

template <class V>
HWY_INLINE V ScaleFor(V exponent) {
  const V zero = Broadcast<V>(0.0);
  return IfThenElse(Gt(exponent, zero), Broadcast<V>(0x1p-600),
                    IfThenElse(Lt(exponent, zero), Broadcast<V>(0x1p600), Broadcast<V>(1.0)));
}

// A shift that is not finite would make every deviation NaN, and with them the mean.
template <class V>
HWY_INLINE V FiniteOrZero(V x) {
  return IfThenElse(Lt(Abs(x), Broadcast<V>(std::numeric_limits<double>::infinity())), x, Broadcast<V>(0.0));
}

// `offset` is sums.f[0] / count.
template <class V>
HWY_INLINE Moments<V> SealMoments(const ShiftedSums<V>& sums, V shift, V offset, V count, V exponent) {
  V mean, error;
  TwoSum(shift, offset, mean, error);
  const auto finite = Lt(Abs(mean), Broadcast<V>(std::numeric_limits<double>::infinity()));
  const V m2 = sums.f[1] - sums.f[0] * offset;
  // Rounding can leave a little less than nothing.
  const V zero = Broadcast<V>(0.0);
  return {{count, mean, IfThenElse(finite, error, zero), IfThenElse(Lt(m2, zero), zero, m2), exponent}};
}

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#endif  // TREDUCE_FOLD_OPS_MOMENTS_INL_H_
