// From ops to what computes them: which folds or which selection a planned reduction needs, over which view of the
// elements, and how their states become its results. The one place that knows both; a backend knows no ops.
#ifndef TREDUCE_SERVER_ENGINE_PLAN_LOWERING_H_
#define TREDUCE_SERVER_ENGINE_PLAN_LOWERING_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/container/inlined_vector.h"
#include "server/engine/fold/fold.h"
#include "server/engine/plan/conversion.h"
#include "server/engine/plan/finish_value.h"
#include "server/engine/plan/plan.h"
#include "server/engine/select/selection.h"
#include "server/engine/select/unique.h"
#include "server/engine/values/convert.h"

namespace treduce {

// Has folds, or a selection, or a search for unique slices. The last two see the elements of the tensor, uncast.
struct Lowered {
  absl::InlinedVector<FoldKind, 2> folds;
  std::optional<SelectionKind> selection = std::nullopt;
  SelectionParams selection_params = {};  // refers to the planned reduction
  std::optional<UniqueRequest> unique = std::nullopt;
  DType fold_dtype;                // of the elements that the folds see
  ConvertFunction cast = nullptr;  // of the tensor to a complex dtype, before anything else; none if it is of it
  Conversion conversion = Conversion::kNone;
  ConvertFunction convert = nullptr;  // does the conversion; none if there is none
  LoopNest nest;                      // over the elements that the folds see
  int states_per_result = 1;          // 2 where real and imaginary parts are reduced apart
  FoldParams params = {};
  FinishKind finish = FinishKind::kSum;  // of folds and selections
};

Lowered Lower(const PlannedReduction& reduction, DType input);

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_PLAN_LOWERING_H_
