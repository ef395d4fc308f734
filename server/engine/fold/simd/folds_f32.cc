// The folds of f32 elements, compiled once for each SIMD target.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "server/engine/fold/simd/folds_f32.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "server/engine/fold/simd/float_folds-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

const Fold* FindFoldF32(FoldKind kind) { return FloatFold<float>(kind); }

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "server/engine/fold/simd/folds.h"

namespace treduce {

HWY_EXPORT(FindFoldF32);
const Fold* FindFoldF32(FoldKind kind) { return HWY_DYNAMIC_DISPATCH(FindFoldF32)(kind); }

}  // namespace treduce
#endif
