// The folds as kernels run them: the arithmetic of fold/ops/ over the tiles of tile-inl.h. KernelFold<T, kind> has
//   State                            its words f[kFieldCount]: doubles, or int64_t
//   Init()                           the state of no elements
//   OfLeaf(tile, params)             the state of a leaf that a row tile, or a column tile, holds whole
//   Extend(state, tile, params)      the same of a column leaf so far, and the rows of one more tile
//   Merge(left, right, params)
// to the bits of the Fold of the same kind (fold/fold.h). With a row tile, only its first thread gets the state.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_FOLDS_INL_H_
#define TREDUCE_SERVER_ENGINE_CUDA_FOLDS_INL_H_

#include <type_traits>

#include "server/engine/cuda/fold_set.h"
#include "server/engine/cuda/folds_any_order-inl.h"
#include "server/engine/cuda/folds_float-inl.h"

namespace treduce::cuda {

template <class V>
struct WideNanSum : ops::NanSumOf<V, ops::WideSum> {
  static HWY_INLINE WideNanSum Init() { return {ops::NanSumOf<V, ops::WideSum>::Init()}; }
};

template <class T, class Body>
TREDUCE_DEVICE_FUNCTION void VisitSum(Body body) {
  if constexpr (std::is_same_v<T, Bool>) {
    body(CountFold<T>());
  } else if constexpr (!kIsFloat<T>) {
    body(IntegerSumFold<T>());
  } else if constexpr (std::is_same_v<T, double>) {
    body(OpFold<ops::WideSum>());
  } else {
    body(SumFold<T, false>());
  }
}

template <class T, class Body>
TREDUCE_DEVICE_FUNCTION void VisitOrder(FoldKind kind, Body body) {
  switch (kind) {
    case FoldKind::kMax:
      return body(OrderFold<T, Order::kLargest>());
    case FoldKind::kMin:
      return body(OrderFold<T, Order::kSmallest>());
    case FoldKind::kMinMax:
      return body(MinMaxFold<T>());
    case FoldKind::kArgMax:
      return body(ArgFold<T, Order::kLargest>());
    case FoldKind::kArgMin:
      return body(ArgFold<T, Order::kSmallest>());
    case FoldKind::kCount:
      return body(CountFold<T>());
    default:
      return;
  }
}

// Those of FoldSet::kCheap that only floating point elements have.
template <class T, class Body>
TREDUCE_DEVICE_FUNCTION void VisitFloat(FoldKind kind, Body body) {
  constexpr bool kIsWide = std::is_same_v<T, double>;
  switch (kind) {
    case FoldKind::kNanSum:
      return body(std::conditional_t<kIsWide, OpFold<WideNanSum>, SumFold<T, true>>());
    case FoldKind::kProduct:
      return body(std::conditional_t<kIsWide, OpFold<ops::WideProduct>, ProductFold<T>>());
    case FoldKind::kAbsSum:
      return body(std::conditional_t<kIsWide, OpFold<ops::WideAbsSum>, OpFold<ops::PlainAbsSum>>());
    case FoldKind::kAbsMax:
      return body(OrderFold<T, Order::kLargestMagnitude>());
    case FoldKind::kAbsMin:
      return body(OrderFold<T, Order::kSmallestMagnitude>());
    case FoldKind::kSquareSum:
      return body(std::conditional_t<kIsWide, OpFold<ops::WideSquareSum>, OpFold<ops::SquareSum>>());
    case FoldKind::kMoments:
      return body(MomentsFold<T>());
    default:
      return;
  }
}

// Calls body(fold) with the KernelFold of `kind`, if it is in the set and elements T have it.
template <class T, FoldSet kSet, class Body>
TREDUCE_DEVICE_FUNCTION void VisitFold(FoldKind kind, Body body) {
  if constexpr (kSet == FoldSet::kSum) {
    VisitSum<T>(body);
  } else if constexpr (kSet == FoldSet::kOrder) {
    VisitOrder<T>(kind, body);
  } else if constexpr (kSet == FoldSet::kMoments) {
    body(MomentsFold<T>());
  } else if constexpr (kSet == FoldSet::kStatistics) {
    if (kind == FoldKind::kSum) return VisitSum<T>(body);
    if (kind == FoldKind::kMoments) return body(MomentsFold<T>());
    if (kind == FoldKind::kMin) return body(OrderFold<T, Order::kSmallest>());
    if (kind == FoldKind::kMax) return body(OrderFold<T, Order::kLargest>());
    body(MinMaxFold<T>());
  } else if (IsIn(FoldSet::kOrder, kind)) {
    VisitOrder<T>(kind, body);
  } else if constexpr (!kIsFloat<T>) {
    if (kind == FoldKind::kProduct) return body(IntegerProductFold<T>());
    VisitSum<T>(body);
  } else {
    if (kind == FoldKind::kSum) return VisitSum<T>(body);
    if constexpr (kSet == FoldSet::kAll) {
      if (kind == FoldKind::kPowerSum) return body(PowerSumFold<T>());
      if (kind == FoldKind::kLogSumExp) return body(LogSumExpFold<T>());
    }
    VisitFloat<T>(kind, body);
  }
}

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_FOLDS_INL_H_
