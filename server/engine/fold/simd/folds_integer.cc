// The folds of integer and bool elements, compiled once for each SIMD target.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "server/engine/fold/simd/folds_integer.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "server/engine/fold/simd/integer-inl.h"
#include "server/engine/fold/simd/order-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

template <class T>
const Fold* FoldOf(FoldKind kind) {
  switch (kind) {
    case FoldKind::kSum:
    case FoldKind::kNanSum:
      if constexpr (std::is_same_v<T, Bool>) return NonZeroCountOf<T>();
      return AnyOrderFold<IntegerSum<T>>::Get();
    case FoldKind::kProduct:
      return AnyOrderFold<IntegerProduct<T>>::Get();
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
    default:
      return nullptr;
  }
}

const Fold* FindFoldInteger(FoldKind kind, DType dtype) {
  switch (dtype) {
    case DType::kInt8:
      return FoldOf<int8_t>(kind);
    case DType::kInt16:
      return FoldOf<int16_t>(kind);
    case DType::kInt32:
      return FoldOf<int32_t>(kind);
    case DType::kInt64:
      return FoldOf<int64_t>(kind);
    case DType::kUInt8:
      return FoldOf<uint8_t>(kind);
    case DType::kUInt16:
      return FoldOf<uint16_t>(kind);
    case DType::kUInt32:
      return FoldOf<uint32_t>(kind);
    case DType::kUInt64:
      return FoldOf<uint64_t>(kind);
    case DType::kBool:
      return FoldOf<Bool>(kind);
    default:
      return nullptr;
  }
}

const char* NameOfTarget() { return hwy::TargetName(HWY_TARGET); }

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "server/engine/fold/simd/folds.h"

namespace treduce {

HWY_EXPORT(FindFoldInteger);
const Fold* FindFoldInteger(FoldKind kind, DType dtype) { return HWY_DYNAMIC_DISPATCH(FindFoldInteger)(kind, dtype); }

HWY_EXPORT(NameOfTarget);
const char* SimdTargetName() { return HWY_DYNAMIC_DISPATCH(NameOfTarget)(); }

}  // namespace treduce
#endif
