// Finds the folds of a dtype in the file that compiles them.
#include "server/engine/fold/fold.h"

#include "server/engine/fold/simd/folds.h"

namespace treduce {

const Fold* FindFold(FoldKind kind, DType dtype) {
  switch (dtype) {
    case DType::kFloat64:
      return FindFoldF64(kind);
    case DType::kFloat32:
      return FindFoldF32(kind);
    case DType::kFloat16:
      return FindFoldF16(kind);
    case DType::kBFloat16:
      return FindFoldBF16(kind);
    case DType::kComplex64:
    case DType::kComplex128:
      return FindFoldComplex(kind, dtype);
    default:
      return FindFoldInteger(kind, dtype);
  }
}

}  // namespace treduce
