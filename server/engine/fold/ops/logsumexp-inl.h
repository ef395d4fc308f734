// LOGSUMEXP: the largest element and the sum of exp(x - largest).
#if defined(TREDUCE_FOLD_OPS_LOGSUMEXP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TREDUCE_FOLD_OPS_LOGSUMEXP_INL_H_
#undef TREDUCE_FOLD_OPS_LOGSUMEXP_INL_H_
#else
#define TREDUCE_FOLD_OPS_LOGSUMEXP_INL_H_
#endif

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

template <class T>
struct LogSumExpBody {
  using Element = T;
  template <class V>
  using State = LogSumExp<V>;

  static HWY_INLINE LogSumExp<Lanes64> Rows(const FoldParams&, const T* x, size_t rows, size_t n, const T* end) {
    const Lanes64 largest = FoldRows<Largest>(x, rows, n, end).f[0];
    const PerRow own(largest);
    const auto sum =
        FoldRows<ExpSum>(x, rows, n, end, [&](size_t r) HWY_ATTR { return ExpSum<Lanes64>::Context{own[r]}; });
    return {{largest, sum.f[0], sum.f[1]}};
  }

  template <class V>
  static HWY_INLINE LogSumExp<V> ColumnState(const FoldParams&, const T* x, size_t rows, size_t stride) {
    const V largest = ColumnLeaf<Largest, V>(x, rows, stride).f[0];
    const ExpSum<V> sum = ColumnLeaf<ExpSum, V>(x, rows, stride, {largest});
    return {{largest, sum.f[0], sum.f[1]}};
  }

  static HWY_INLINE void ColumnStates(const FoldParams& params, const T* x, size_t rows, size_t stride, States states) {
    EachColumnState<LogSumExpBody>(params, x, rows, stride, states);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#endif  // TREDUCE_FOLD_OPS_LOGSUMEXP_INL_H_
