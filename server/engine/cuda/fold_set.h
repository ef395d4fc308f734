// Which folds a kernel knows. Folds that take more registers, or more time to compile, are in kernels of their own.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_FOLD_SET_H_
#define TREDUCE_SERVER_ENGINE_CUDA_FOLD_SET_H_

#include "server/engine/fold/fold.h"

namespace treduce::cuda {

enum class FoldSet { kSum, kOrder, kMoments, kStatistics, kCheap, kAll };

constexpr bool IsIn(FoldSet set, FoldKind kind) {
  switch (set) {
    case FoldSet::kSum:
      return kind == FoldKind::kSum;
    case FoldSet::kOrder:
      return kind == FoldKind::kMax || kind == FoldKind::kMin || kind == FoldKind::kMinMax ||
             kind == FoldKind::kArgMax || kind == FoldKind::kArgMin || kind == FoldKind::kCount;
    case FoldSet::kMoments:
      return kind == FoldKind::kMoments;
    case FoldSet::kStatistics:
      return kind == FoldKind::kSum || kind == FoldKind::kMax || kind == FoldKind::kMin || kind == FoldKind::kMinMax ||
             kind == FoldKind::kMoments;
    case FoldSet::kCheap:
      return kind != FoldKind::kPowerSum && kind != FoldKind::kLogSumExp;
    case FoldSet::kAll:
      return true;
  }
  return false;
}

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_FOLD_SET_H_
