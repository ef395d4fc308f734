// The folds by element type, for the best SIMD target: what FindFold chooses from.
#ifndef TREDUCE_SERVER_ENGINE_FOLD_SIMD_FOLDS_H_
#define TREDUCE_SERVER_ENGINE_FOLD_SIMD_FOLDS_H_

#include "server/engine/fold/fold.h"

namespace treduce {

const Fold* FindFoldF64(FoldKind kind);
const Fold* FindFoldF32(FoldKind kind);
const Fold* FindFoldF16(FoldKind kind);
const Fold* FindFoldBF16(FoldKind kind);
const Fold* FindFoldInteger(FoldKind kind, DType dtype);
const Fold* FindFoldComplex(FoldKind kind, DType dtype);

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_FOLD_SIMD_FOLDS_H_
