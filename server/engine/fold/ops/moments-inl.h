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

#include "server/engine/fold/ops/sum-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

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
    const V share = right.count() / n;
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

template <class V>
HWY_INLINE Moments<V> SealMoments(const ShiftedSums<V>& sums, V shift, V count, V exponent) {
  const V offset = sums.f[0] / count;
  V mean, error;
  TwoSum(shift, offset, mean, error);
  const auto finite = Lt(Abs(mean), Broadcast<V>(std::numeric_limits<double>::infinity()));
  const V m2 = sums.f[1] - sums.f[0] * offset;
  // Rounding can leave a little less than nothing.
  const V zero = Broadcast<V>(0.0);
  return {{count, mean, IfThenElse(finite, error, zero), IfThenElse(Lt(m2, zero), zero, m2), exponent}};
}

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
    return SealMoments(ColumnLeaf<ShiftedSums, V>(x, rows, stride, {scale, shift}), shift, count, exponent);
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
        StoreState(SealMoments(sums[v], shift[v].shift, count, zero), states, v * kLanes64);
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
    return SealMoments<Lanes64>({{sums.f[0], sums.f[1]}}, shift, count, exponent);
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

#endif  // TREDUCE_FOLD_OPS_MOMENTS_INL_H_
