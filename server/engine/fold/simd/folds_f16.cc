// The folds of f16 elements, compiled once for each SIMD target.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "server/engine/fold/simd/folds_f16.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "server/engine/fold/simd/float_folds-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

const Fold* FindFoldF16(FoldKind kind) { return FloatFold<Float16>(kind); }

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "server/engine/fold/simd/folds.h"

namespace treduce {

HWY_EXPORT(FindFoldF16);
const Fold* FindFoldF16(FoldKind kind) { return HWY_DYNAMIC_DISPATCH(FindFoldF16)(kind); }

}  // namespace treduce
#endif
