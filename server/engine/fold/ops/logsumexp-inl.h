// LOGSUMEXP: the largest element and the sum of exp(x - largest), or, for elements narrower than f64, how many equal
// the largest and the sum for the others.
#if defined(TREDUCE_FOLD_OPS_LOGSUMEXP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TREDUCE_FOLD_OPS_LOGSUMEXP_INL_H_
#undef TREDUCE_FOLD_OPS_LOGSUMEXP_INL_H_
#else
#define TREDUCE_FOLD_OPS_LOGSUMEXP_INL_H_
#endif

#include "server/engine/fold/fold.h"
#include "server/engine/fold/math-inl.h"
#include "server/engine/fold/ops/sum-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

// exp(x - largest); 1 for the largest itself, infinities too. NaN gives NaN.
template <class V>
HWY_INLINE V ExpWeight(V x, V largest) {
  return IfThenElse(Eq(x, largest), Broadcast<V>(1.0), Exp(x - largest));
}

// The largest element, NaN ignored; minus infinity for none.
template <class V>
struct Largest {
  static constexpr int kFieldCount = 1;
  using Context = NoContext<V>;
  V f[kFieldCount];

  static HWY_INLINE Largest Init() { return {{Broadcast<V>(-std::numeric_limits<double>::infinity())}}; }
  HWY_INLINE void Accumulate(V x, const Context&) { f[0] = LargerOf(f[0], x); }
  HWY_INLINE void Merge(const Largest& right) { f[0] = LargerOf(f[0], right.f[0]); }
};

// f[0] + f[1] is the sum of exp(x - largest), rounding errors kept: a result near zero is all in the terms that are
// tiny beside the largest.
template <class V>
struct ExpSum {
  static constexpr int kFieldCount = 2;
  struct Context {
    V largest;
  };
  V f[kFieldCount];

  static HWY_INLINE ExpSum Init() { return {{Broadcast<V>(0.0), Broadcast<V>(0.0)}}; }
  HWY_INLINE void Accumulate(V x, const Context& context) { AddCompensated(ExpWeight(x, context.largest), f[0], f[1]); }
  HWY_INLINE void Merge(const ExpSum& right) { MergeCompensated(right.f[0], right.f[1], f[0], f[1]); }
};

// f[0] is the largest element, f[1] + f[2] the sum of exp(x - f[0]).
template <class V>
struct LogSumExp {
  static constexpr int kFieldCount = 3;
  V f[kFieldCount];

  HWY_INLINE void Merge(const LogSumExp& right, const FoldParams&) {
    const V largest = LargerOf(f[0], right.f[0]);
    const V left_weight = ExpWeight(f[0], largest);
    const V right_weight = ExpWeight(right.f[0], largest);
    f[0] = largest;
    f[1] = f[1] * left_weight;
    f[2] = f[2] * left_weight;
    MergeCompensated(right.f[1] * right_weight, right.f[2] * right_weight, f[1], f[2]);
  }
};

// For f32, f16 and bf16: f[0] is the number of elements equal to the largest, f[1] the sum of exp(x - largest) of the
// others. Beside an exact number, a plain sum of positive terms is accurate also where it is tiny.
template <class V>
struct CountedExpSum {
  static constexpr int kFieldCount = 2;
  struct Context {
    V largest;
  };
  V f[kFieldCount];

  static HWY_INLINE CountedExpSum Init() { return {{Broadcast<V>(0.0), Broadcast<V>(0.0)}}; }
  HWY_INLINE void Accumulate(V x, const Context& context) {
    const auto is_largest = Eq(x, context.largest);
    f[0] = IfThenElse(is_largest, f[0] + Broadcast<V>(1.0), f[0]);
    f[1] = IfThenElse(is_largest, f[1], f[1] + ExpTerm(x - context.largest));
  }
  HWY_INLINE void Merge(const CountedExpSum& right) {
    f[0] = f[0] + right.f[0];
    f[1] = f[1] + right.f[1];
  }
};

// f[0] is the largest element, f[1] and f[2] are as of CountedExpSum.
template <class V>
struct CountedLogSumExp {
  static constexpr int kFieldCount = 3;
  V f[kFieldCount];

  HWY_INLINE void Merge(const CountedLogSumExp& right, const FoldParams&) {
    const auto is_equal = Eq(f[0], right.f[0]);
    const auto right_is_larger = Gt(right.f[0], f[0]);
    CountedLogSumExp larger, smaller;
    TREDUCE_UNROLL
    for (int i = 0; i < kFieldCount; ++i) {
      larger.f[i] = IfThenElse(right_is_larger, right.f[i], f[i]);
      smaller.f[i] = IfThenElse(right_is_larger, f[i], right.f[i]);
    }
    const V scaled = (smaller.f[1] + smaller.f[2]) * ExpTerm(smaller.f[0] - larger.f[0]);
    f[0] = larger.f[0];
    f[1] = IfThenElse(is_equal, larger.f[1] + smaller.f[1], larger.f[1]);
    f[2] = larger.f[2] + IfThenElse(is_equal, smaller.f[2], scaled);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#endif  // TREDUCE_FOLD_OPS_LOGSUMEXP_INL_H_
