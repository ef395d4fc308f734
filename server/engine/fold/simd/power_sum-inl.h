// The norms of any other order: sums of |x|^ord, scaled by a power of two so that no power overflows or underflows.
#if defined(TREDUCE_FOLD_SIMD_POWER_SUM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TREDUCE_FOLD_SIMD_POWER_SUM_INL_H_
#undef TREDUCE_FOLD_SIMD_POWER_SUM_INL_H_
#else
#define TREDUCE_FOLD_SIMD_POWER_SUM_INL_H_
#endif

#include "server/engine/fold/ops/power_sum-inl.h"
#include "server/engine/fold/simd/moments-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

template <class T>
struct PowerSumBody {
  using Element = T;
  template <class V>
  using State = PowerSum<V>;

  static HWY_INLINE PowerSum<Lanes64> Rows(const FoldParams& params, const T* x, size_t rows, size_t n, const T* end) {
    const Lanes64 exponent = ExponentOf(params.ord < 0 ? FoldRows<SmallestMagnitude>(x, rows, n, end).f[0]
                                                       : FoldRows<LargestMagnitude>(x, rows, n, end).f[0]);
    const auto context = PowerContext(exponent, params.ord);
    const PerRow scale1(context.scale1), scale2(context.scale2);
    const auto sum = FoldRows<ScaledPowerSum>(x, rows, n, end, [&](size_t r) HWY_ATTR {
      return ScaledPowerSum<Lanes64>::Context{scale1[r], scale2[r], context.ord};
    });
    return {{sum.f[0], exponent}};
  }

  template <class V>
  static HWY_INLINE PowerSum<V> ColumnState(const FoldParams& params, const T* x, size_t rows, size_t stride) {
    const V exponent = ExponentOf(params.ord < 0 ? ColumnLeaf<SmallestMagnitude, V>(x, rows, stride).f[0]
                                                 : ColumnLeaf<LargestMagnitude, V>(x, rows, stride).f[0]);
    return {{ColumnLeaf<ScaledPowerSum, V>(x, rows, stride, PowerContext(exponent, params.ord)).f[0], exponent}};
  }

  static HWY_INLINE void ColumnStates(const FoldParams& params, const T* x, size_t rows, size_t stride, States states) {
    EachColumnState<PowerSumBody>(params, x, rows, stride, states);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#endif  // TREDUCE_FOLD_SIMD_POWER_SUM_INL_H_
