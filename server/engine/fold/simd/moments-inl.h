// VAR, STD, VAR_MEAN, STD_MEAN: number, mean and sum of squared deviations (M2), by the shifted two-sum algorithm
// within a leaf and the pairwise update between leaves (Chan, Golub, LeVeque, "Algorithms for computing the sample
// variance", The American Statistician 37, 1983). Columns are shifted by their mean in the leaf. Rows are shifted by
// that of their first elements, and done again where it turns out to be far from the leaf's.
#if defined(TREDUCE_FOLD_SIMD_MOMENTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TREDUCE_FOLD_SIMD_MOMENTS_INL_H_
#undef TREDUCE_FOLD_SIMD_MOMENTS_INL_H_
#else
#define TREDUCE_FOLD_SIMD_MOMENTS_INL_H_
#endif

#include "server/engine/fold/ops/moments-inl.h"
#include "server/engine/fold/simd/sum-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

// The same of elements that are not scaled, and the largest magnitude.
template <class V>
struct RangedSums {
  static constexpr int kFieldCount = 3;
  using Context = typename ShiftedSums<V>::Context;
  V f[kFieldCount];

  static HWY_INLINE RangedSums Init() {
    const V zero = Broadcast<V>(0.0);
    return {{zero, zero, zero}};
  }
  HWY_INLINE void Accumulate(V x, const Context& context) {
    const V deviation = x - context.shift;
    f[0] = f[0] + deviation;
    f[1] = f[1] + deviation * deviation;
    f[2] = hn::Max(Abs(x), f[2]);  // a NaN may be lost or kept: the moments are NaN either way
  }
  HWY_INLINE void Merge(const RangedSums& right) {
    f[0] = f[0] + right.f[0];
    f[1] = f[1] + right.f[1];
    f[2] = hn::Max(f[2], right.f[2]);
  }
};

template <class T>
struct MomentsBody {
  using Element = T;
  template <class V>
  using State = Moments<V>;

  static HWY_INLINE Moments<Lanes64> Rows(const FoldParams&, const T* x, size_t rows, size_t n, const T* end) {
    const Lanes64 zero = Broadcast<Lanes64>(0.0);
    if constexpr (!std::is_same_v<T, double>) {
      return RowsScaled<ShiftedSums>(x, rows, n, end, zero);
    } else {
      // Elements mostly need no scale: tried without, and done again where the largest turns out to need one.
      Lanes64 largest;
      const Moments<Lanes64> moments = RowsScaled<RangedSums>(x, rows, n, end, zero, &largest);
      const Lanes64 exponent = ExponentFor(largest);
      if (HWY_LIKELY(hn::AllTrue(D64(), Eq(exponent, zero)))) return moments;
      return RowsScaled<ShiftedSums>(x, rows, n, end, ExponentFor(FoldRows<LargestMagnitude>(x, rows, n, end).f[0]));
    }
  }

  template <class V>
  static HWY_INLINE Moments<V> ColumnState(const FoldParams&, const T* x, size_t rows, size_t stride) {
    V exponent = Broadcast<V>(0.0);
    if constexpr (std::is_same_v<T, double>) {
      exponent = ExponentFor(ColumnLeaf<LargestMagnitude, V>(x, rows, stride).f[0]);
    }
    const V scale = ScaleFor(exponent);
    const V count = Broadcast<V>(static_cast<double>(rows));
    const V shift = FiniteOrZero(ColumnLeaf<ScaledSum, V>(x, rows, stride, {scale}).f[0] / count);
    const auto sums = ColumnLeaf<ShiftedSums, V>(x, rows, stride, {scale, shift});
    return SealMoments(sums, shift, sums.f[0] / count, count, exponent);
  }

  static HWY_INLINE void ColumnStates(const FoldParams& params, const T* x, size_t rows, size_t stride, States states) {
    if constexpr (std::is_same_v<T, double>) {
      EachColumnState<MomentsBody>(params, x, rows, stride, states);
    } else {
      const Lanes64 zero = Broadcast<Lanes64>(0.0);
      const Lanes64 one = Broadcast<Lanes64>(1.0);
      const Lanes64 count = Broadcast<Lanes64>(static_cast<double>(rows));
      ScaledSum<Lanes64>::Context scale[kVectors];
      ShiftedSums<Lanes64>::Context shift[kVectors];
      TREDUCE_UNROLL
      for (size_t v = 0; v < kVectors; ++v) scale[v] = {one};
      ScaledSum<Lanes64> sum[kVectors];
      ColumnLeaves<ScaledSum>(x, rows, stride, scale, sum);
      TREDUCE_UNROLL
      for (size_t v = 0; v < kVectors; ++v) shift[v] = {one, FiniteOrZero(sum[v].f[0] / count)};
      ShiftedSums<Lanes64> sums[kVectors];
      ColumnLeaves<ShiftedSums>(x, rows, stride, shift, sums);
      TREDUCE_UNROLL
      for (size_t v = 0; v < kVectors; ++v) {
        StoreState(SealMoments(sums[v], shift[v].shift, sums[v].f[0] / count, count, zero), states, v * kLanes64);
      }
    }
  }

 private:
  template <template <class> class Sums>
  static HWY_INLINE Moments<Lanes64> RowsScaled(const T* x, size_t rows, size_t n, const T* end, Lanes64 exponent,
                                                Lanes64* largest = nullptr) {
    const PerRow scales(ScaleFor(exponent));
    const Lanes64 count = Broadcast<Lanes64>(static_cast<double>(n));
    ScaledSum<Lanes64> head;
    if (n <= kLaneCount) {
      head = FoldRows<ScaledSum>(x, rows, n, end,
                                 [&](size_t r) HWY_ATTR { return ScaledSum<Lanes64>::Context{scales[r]}; });
    } else {
      head = JoinedRows<ScaledSum<Lanes64>>(x, rows, n, [&](size_t r, const T* row) HWY_ATTR {
        return FoldRow<ScaledSum>(row, kLaneCount, end, {scales[r]});
      });
    }
    Lanes64 shift = FiniteOrZero(head.f[0] / Broadcast<Lanes64>(static_cast<double>(std::min<size_t>(n, kLaneCount))));
    Sums<Lanes64> sums = SumShifted<Sums>(x, rows, n, end, scales, shift);
    // The shift is poor when the square of the mean deviation is not small beside the mean squared deviation.
    const auto poor = Gt(sums.f[0] * sums.f[0], Broadcast<Lanes64>(0.25) * count * sums.f[1]);
    if (HWY_UNLIKELY(!hn::AllFalse(D64(), poor))) {
      const Lanes64 better = shift + sums.f[0] / count;
      const auto again = And(poor, Lt(Abs(better), Broadcast<Lanes64>(std::numeric_limits<double>::infinity())));
      shift = IfThenElse(again, better, shift);
      sums = SumShifted<Sums>(x, rows, n, end, scales, shift);
    }
    if (largest != nullptr) *largest = sums.f[Sums<Lanes64>::kFieldCount - 1];
    return SealMoments<Lanes64>({{sums.f[0], sums.f[1]}}, shift, sums.f[0] / count, count, exponent);
  }

  template <template <class> class Sums>
  static HWY_INLINE Sums<Lanes64> SumShifted(const T* x, size_t rows, size_t n, const T* end, const PerRow& scales,
                                             Lanes64 shift) {
    const PerRow shifts(shift);
    return FoldRows<Sums>(x, rows, n, end, [&](size_t r) HWY_ATTR {
      return typename Sums<Lanes64>::Context{scales[r], shifts[r]};
    });
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#endif  // TREDUCE_FOLD_SIMD_MOMENTS_INL_H_
