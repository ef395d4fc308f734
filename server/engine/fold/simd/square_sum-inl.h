// The 2-norm: sums of squares without overflow or underflow on the way.
#if defined(TREDUCE_FOLD_SIMD_SQUARE_SUM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TREDUCE_FOLD_SIMD_SQUARE_SUM_INL_H_
#undef TREDUCE_FOLD_SIMD_SQUARE_SUM_INL_H_
#else
#define TREDUCE_FOLD_SIMD_SQUARE_SUM_INL_H_
#endif

#include "server/engine/fold/ops/square_sum-inl.h"
#include "server/engine/fold/simd/sum-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

// The same of f64 elements none of which is to be scaled, and their smallest and largest magnitude, zeros aside.
template <class V>
struct NarrowSquareSum {
  static constexpr int kFieldCount = 4;
  using Context = NoContext<V>;
  V f[kFieldCount];

  static HWY_INLINE NarrowSquareSum Init() {
    const V zero = Broadcast<V>(0.0);
    return {{zero, zero, Broadcast<V>(1.0), zero}};
  }
  HWY_INLINE void Accumulate(V x, const Context&) {
    AddCompensated(x * x, f[0], f[1]);
    f[2] = hn::Min(IfThenElse(Eq(x, Broadcast<V>(0.0)), Broadcast<V>(1.0), Abs(x)), f[2]);
    f[3] = hn::Max(Abs(x), f[3]);
  }
  HWY_INLINE void Merge(const NarrowSquareSum& right) {
    MergeCompensated(right.f[0], right.f[1], f[0], f[1]);
    f[2] = hn::Min(f[2], right.f[2]);
    f[3] = hn::Max(f[3], right.f[3]);
  }
};

template <class T>
struct SquareSumBody {
  using Element = T;
  template <class V>
  using Op = std::conditional_t<std::is_same_v<T, double>, WideSquareSum<V>, SquareSum<V>>;

  static HWY_INLINE Op<Lanes64> Rows(const T* x, size_t rows, size_t n, const T* end) {
    if constexpr (std::is_same_v<T, double>) {
      const auto sum = FoldRows<NarrowSquareSum>(x, rows, n, end);
      const auto fits = And(Ge(sum.f[2], Broadcast<Lanes64>(0x1p-480)), Lt(sum.f[3], Broadcast<Lanes64>(0x1p480)));
      const Lanes64 zero = Broadcast<Lanes64>(0.0);
      // A NaN is in the sum, wherever else it is lost.
      if (HWY_LIKELY(hn::AllTrue(D64(), fits))) return {{sum.f[0], sum.f[1], zero, zero}};
    }
    return FoldRows<Op>(x, rows, n, end);
  }
  static HWY_INLINE bool Columns(const T*, size_t, size_t, States) { return false; }
};

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#endif  // TREDUCE_FOLD_SIMD_SQUARE_SUM_INL_H_
