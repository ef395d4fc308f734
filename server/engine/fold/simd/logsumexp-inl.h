// LOGSUMEXP: the largest element and the sum of exp(x - largest), or, for elements narrower than f64, how many equal
// the largest and the sum for the others.
#if defined(TREDUCE_FOLD_SIMD_LOGSUMEXP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TREDUCE_FOLD_SIMD_LOGSUMEXP_INL_H_
#undef TREDUCE_FOLD_SIMD_LOGSUMEXP_INL_H_
#else
#define TREDUCE_FOLD_SIMD_LOGSUMEXP_INL_H_
#endif

#include <type_traits>

#include "server/engine/fold/ops/logsumexp-inl.h"
#include "server/engine/fold/simd/order-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

// The terms of several vectors in lockstep.
template <class V>
struct LockstepExpSum : CountedExpSum<V> {
  static HWY_INLINE LockstepExpSum Init() { return {CountedExpSum<V>::Init()}; }
  static HWY_INLINE void AccumulateAbreast(LockstepExpSum* states, const V* x,
                                           const typename CountedExpSum<V>::Context* contexts) {
    CountedExpSum<Abreast<V>> sum;
    Abreast<V> next, largest;
    TREDUCE_UNROLL
    for (size_t i = 0; i < kAbreast; ++i) {
      sum.f[0].v[i] = states[i].f[0];
      sum.f[1].v[i] = states[i].f[1];
      next.v[i] = x[i];
      largest.v[i] = contexts[i].largest;
    }
    sum.Accumulate(next, {largest});
    TREDUCE_UNROLL
    for (size_t i = 0; i < kAbreast; ++i) states[i] = {{{sum.f[0].v[i], sum.f[1].v[i]}}};
  }
};

template <class T>
struct LogSumExpBody {
  using Element = T;
  static constexpr bool kIsCounted = sizeof(T) < sizeof(double);
  template <class V>
  using Sum = std::conditional_t<kIsCounted, LockstepExpSum<V>, ExpSum<V>>;
  template <class V>
  using State = std::conditional_t<kIsCounted, CountedLogSumExp<V>, LogSumExp<V>>;

  static HWY_INLINE State<Lanes64> Rows(const FoldParams&, const T* x, size_t rows, size_t n, const T* end) {
    const Lanes64 largest = LargestOfRows(x, rows, n, end);
    const PerRow own(largest);
    const auto sum =
        FoldRows<Sum>(x, rows, n, end, [&](size_t r) HWY_ATTR { return typename Sum<Lanes64>::Context{own[r]}; });
    return {{largest, sum.f[0], sum.f[1]}};
  }

  template <class V>
  static HWY_INLINE State<V> ColumnState(const FoldParams&, const T* x, size_t rows, size_t stride) {
    const V largest = ColumnLeaf<Largest, V>(x, rows, stride).f[0];
    const auto sum = ColumnLeaf<Sum, V>(x, rows, stride, {largest});
    return {{largest, sum.f[0], sum.f[1]}};
  }

  static HWY_INLINE void ColumnStates(const FoldParams& params, const T* x, size_t rows, size_t stride, States states) {
    if constexpr (!kIsCounted) {
      EachColumnState<LogSumExpBody>(params, x, rows, stride, states);
    } else {
      const NoContext<Lanes64> none[kVectors] = {};
      Largest<Lanes64> largest[kVectors];
      ColumnLeaves<Largest>(x, rows, stride, none, largest);
      typename Sum<Lanes64>::Context own[kVectors];
      TREDUCE_UNROLL
      for (size_t v = 0; v < kVectors; ++v) own[v] = {largest[v].f[0]};
      Sum<Lanes64> sum[kVectors];
      ColumnLeaves<Sum>(x, rows, stride, own, sum);
      TREDUCE_UNROLL
      for (size_t v = 0; v < kVectors; ++v) {
        StoreState(State<Lanes64>{{own[v].largest, sum[v].f[0], sum[v].f[1]}}, states, v * kLanes64);
      }
    }
  }

 private:
  // The largest element of each row; NaN, if there is one, may be ignored: the sum is NaN either way.
  static HWY_INLINE Lanes64 LargestOfRows(const T* x, size_t rows, size_t n, const T* end) {
    if constexpr (kIsCounted) {  // beside the exponentials of f64 it takes no time
      if (n >= kLaneCount) {
        int64_t keys[kLanes64];
        AnyOrderFold<LargestKey<T, Order::kLargest, false>>::Rows({}, reinterpret_cast<const std::byte*>(x), rows, n, 0,
                                                                  {reinterpret_cast<std::byte*>(keys), sizeof(keys)});
        double largest[kLanes64] = {};
        for (size_t r = 0; r < rows; ++r) largest[r] = OrderKey<T, Order::kLargest>::Back(keys[r]);
        return ValueTraits<Lanes64>::Load(largest);
      }
    }
    return FoldRows<Largest>(x, rows, n, end).f[0];
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#endif  // TREDUCE_FOLD_SIMD_LOGSUMEXP_INL_H_
