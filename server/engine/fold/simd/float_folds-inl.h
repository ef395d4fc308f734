// All folds of one floating point element type. Each type has a file of its own (folds_f32.cc, ...), so that they
// compile side by side.
#if defined(TREDUCE_FOLD_SIMD_FLOAT_FOLDS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TREDUCE_FOLD_SIMD_FLOAT_FOLDS_INL_H_
#undef TREDUCE_FOLD_SIMD_FLOAT_FOLDS_INL_H_
#else
#define TREDUCE_FOLD_SIMD_FLOAT_FOLDS_INL_H_
#endif

#include "server/engine/fold/simd/integer-inl.h"
#include "server/engine/fold/simd/logsumexp-inl.h"
#include "server/engine/fold/simd/moments-inl.h"
#include "server/engine/fold/simd/order-inl.h"
#include "server/engine/fold/simd/power_sum-inl.h"
#include "server/engine/fold/simd/product-inl.h"
#include "server/engine/fold/simd/square_sum-inl.h"
#include "server/engine/fold/simd/sum-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

template <class T>
const Fold* FloatFold(FoldKind kind) {
  switch (kind) {
    case FoldKind::kSum:
      return ElementwiseFold<SumBody<T>>::Get();
    case FoldKind::kNanSum:
      return ElementwiseFold<NanSumBody<T>>::Get();
    case FoldKind::kProduct:
      return ElementwiseFold<ProductBody<T>>::Get();
    case FoldKind::kMax:
      return AnyOrderFold<LargestKey<T, Order::kLargest, false>>::Get();
    case FoldKind::kMin:
      return AnyOrderFold<LargestKey<T, Order::kSmallest, false>>::Get();
    case FoldKind::kMinMax:
      return MinMaxFold<T>::Get();
    case FoldKind::kArgMax:
      return AnyOrderFold<LargestKey<T, Order::kLargest, true>>::Get();
    case FoldKind::kArgMin:
      return AnyOrderFold<LargestKey<T, Order::kSmallest, true>>::Get();
    case FoldKind::kCount:
      return NonZeroCountOf<T>();
    case FoldKind::kMoments:
      return WholeLeafFold<MomentsBody<T>>::Get();
    case FoldKind::kAbsSum:
      return ElementwiseFold<AbsSumBody<T>>::Get();
    case FoldKind::kAbsMax:
      return AnyOrderFold<LargestKey<T, Order::kLargestMagnitude, false>>::Get();
    case FoldKind::kAbsMin:
      return AnyOrderFold<LargestKey<T, Order::kSmallestMagnitude, false>>::Get();
    case FoldKind::kSquareSum:
      return ElementwiseFold<SquareSumBody<T>>::Get();
    case FoldKind::kPowerSum:
      return WholeLeafFold<PowerSumBody<T>>::Get();
    case FoldKind::kLogSumExp:
      return WholeLeafFold<LogSumExpBody<T>>::Get();
  }
  return nullptr;
}

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#endif  // TREDUCE_FOLD_SIMD_FLOAT_FOLDS_INL_H_
