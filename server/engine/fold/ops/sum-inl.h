// SUM, NANSUM, MEAN, NANMEAN and the 1-norm: sums as accurate as server/engine/README.md says.
//
// Elements are added in binary64 with their rounding errors kept (2Sum: Ogita, Rump, Oishi, "Accurate sum and dot
// product", SIAM J. Sci. Comput. 26, 2005). Where a leaf's sum is exact in binary64 anyway, as it nearly always is for
// f32, f16 and bf16, all errors are zero and a plain sum in any order gives the same bits.
#if defined(TREDUCE_FOLD_OPS_SUM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TREDUCE_FOLD_OPS_SUM_INL_H_
#undef TREDUCE_FOLD_OPS_SUM_INL_H_
#else
#define TREDUCE_FOLD_OPS_SUM_INL_H_
#endif

#include "server/engine/fold/value-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

// Adds x to s + c, where c is the sum of the rounding errors of s.
template <class V>
HWY_INLINE void AddCompensated(V x, V& s, V& c) {
  V error;
  TwoSum(s, x, s, error);
  c = c + error;
}

template <class V>
HWY_INLINE void MergeCompensated(V right_s, V right_c, V& s, V& c) {
  V error;
  TwoSum(s, right_s, s, error);
  c = (c + right_c) + error;
}

// f[0] + f[1] + f[2]: the sum, of the rounding errors of the sum, and of theirs. f32 elements have exponents so far
// apart that two words are not enough when the largest cancel. After an infinity or a NaN, f[0] says which and the
// others mean nothing.
template <class V>
struct CompensatedSum {
  static constexpr int kFieldCount = 3;
  using Context = NoContext<V>;
  V f[kFieldCount];

  static HWY_INLINE CompensatedSum Init() {
    const V zero = Broadcast<V>(0.0);
    return {{zero, zero, zero}};
  }

  HWY_INLINE void Accumulate(V x, const Context&) {
    V error;
    TwoSum(f[0], x, f[0], error);
    AddCompensated(error, f[1], f[2]);
  }

  HWY_INLINE void Merge(const CompensatedSum& right) {
    V error;
    TwoSum(f[0], right.f[0], f[0], error);
    MergeCompensated(right.f[1], right.f[2], f[1], f[2]);
    AddCompensated(error, f[1], f[2]);
  }
};

// Two words each for f64 elements, whose partial sums could overflow where the whole does not: elements of 2^960 and
// more are added apart, scaled by 2^-128. The sum is f[0] + f[1] + (f[2] + f[3]) * 2^128.
template <class V>
struct WideSum {
  static constexpr int kFieldCount = 4;
  using Context = NoContext<V>;
  V f[kFieldCount];

  static HWY_INLINE WideSum Init() {
    const V zero = Broadcast<V>(0.0);
    return {{zero, zero, zero, zero}};
  }

  HWY_INLINE void Accumulate(V x, const Context&) {
    const auto small = Not(Ge(Abs(x), Broadcast<V>(0x1p960)));  // NaN is small
    if (HWY_LIKELY(ValueTraits<V>::All(small))) {
      AddCompensated(x, f[0], f[1]);
    } else {
      const V zero = Broadcast<V>(0.0);
      AddCompensated(IfThenElse(small, x, zero), f[0], f[1]);
      AddCompensated(IfThenElse(small, zero, x * Broadcast<V>(0x1p-128)), f[2], f[3]);
    }
  }

  HWY_INLINE void Merge(const WideSum& right) {
    MergeCompensated(right.f[0], right.f[1], f[0], f[1]);
    MergeCompensated(right.f[2], right.f[3], f[2], f[3]);
  }
};

// The sum of the elements that are not NaN, and their number in the last field.
template <class V, template <class> class Sum>
struct NanSumOf {
  static constexpr int kFieldCount = Sum<V>::kFieldCount + 1;
  using Context = NoContext<V>;
  V f[kFieldCount];

  static HWY_INLINE NanSumOf Init() {
    NanSumOf out;
    for (V& field : out.f) field = Broadcast<V>(0.0);
    return out;
  }

  HWY_INLINE void Accumulate(V x, const Context& context) {
    const auto is_nan = IsNaN(x);
    Sum<V> sum = Part();
    sum.Accumulate(IfThenElse(is_nan, Broadcast<V>(0.0), x), context);
    Set(sum, f[kFieldCount - 1] + IfThenElse(is_nan, Broadcast<V>(0.0), Broadcast<V>(1.0)));
  }

  HWY_INLINE void Merge(const NanSumOf& right) {
    Sum<V> sum = Part();
    sum.Merge(right.Part());
    Set(sum, f[kFieldCount - 1] + right.f[kFieldCount - 1]);
  }

 private:
  HWY_INLINE Sum<V> Part() const {
    Sum<V> sum;
    TREDUCE_UNROLL
    for (int i = 0; i < Sum<V>::kFieldCount; ++i) sum.f[i] = f[i];
    return sum;
  }
  HWY_INLINE void Set(const Sum<V>& sum, V count) {
    TREDUCE_UNROLL
    for (int i = 0; i < Sum<V>::kFieldCount; ++i) f[i] = sum.f[i];
    f[kFieldCount - 1] = count;
  }
};

template <class V>
struct PlainSum {
  static constexpr int kFieldCount = 1;
  using Context = NoContext<V>;
  V f[kFieldCount];

  static HWY_INLINE PlainSum Init() { return {{Broadcast<V>(0.0)}}; }
  HWY_INLINE void Accumulate(V x, const Context&) { f[0] = f[0] + x; }
  HWY_INLINE void Merge(const PlainSum& right) { f[0] = f[0] + right.f[0]; }
};

template <class V>
struct PlainAbsSum : PlainSum<V> {
  static HWY_INLINE PlainAbsSum Init() { return {PlainSum<V>::Init()}; }
  HWY_INLINE void Accumulate(V x, const typename PlainSum<V>::Context&) { this->f[0] = this->f[0] + Abs(x); }
};

template <class V>
struct WideAbsSum : WideSum<V> {
  static HWY_INLINE WideAbsSum Init() { return {WideSum<V>::Init()}; }
  HWY_INLINE void Accumulate(V x, const typename WideSum<V>::Context& context) {
    WideSum<V>::Accumulate(Abs(x), context);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#endif  // TREDUCE_FOLD_OPS_SUM_INL_H_
