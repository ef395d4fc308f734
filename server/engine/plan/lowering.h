// From ops to what computes them: which folds or which selection a planned reduction needs, over which view of the
// elements, and how their states become its results. The one place that knows both; a backend knows no ops.
#ifndef TREDUCE_SERVER_ENGINE_PLAN_LOWERING_H_
#define TREDUCE_SERVER_ENGINE_PLAN_LOWERING_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
#include "server/engine/fold/fold.h"
#include "server/engine/plan/plan.h"
#include "server/engine/select/selection.h"
#include "server/engine/select/unique.h"
#include "server/engine/values/convert.h"

namespace treduce {

// Results [first, first + count) of a reduction, to be written from the states of its folds.
struct Finishing {
  const PlannedReduction& reduction;
  absl::Span<const States> states;  // one entry a fold, its first state that of result `first`
  size_t first;
  size_t count;                          // of results, not of states
  absl::Span<std::byte* const> outputs;  // the tensors of the reduction, whole
  DType fold_dtype;                      // of the elements that the states are of
};
using FinishFunction = void (*)(const Finishing& finishing);

// Has folds, or a selection, or a search for unique slices. The last two see the elements of the tensor, uncast.
struct Lowered {
  absl::InlinedVector<FoldKind, 2> folds;
  std::optional<SelectionKind> selection = std::nullopt;
  SelectionParams selection_params = {};  // refers to the planned reduction
  std::optional<UniqueRequest> unique = std::nullopt;
  DType fold_dtype;                   // of the elements that the folds see
  ConvertFunction cast = nullptr;     // of the tensor to a complex dtype, before anything else; none if it is of it
  ConvertFunction convert = nullptr;  // of an element to one of `fold_dtype`; none if they are the same bytes
  LoopNest nest;                      // over the elements that the folds see
  int states_per_result = 1;          // 2 where real and imaginary parts are reduced apart
  FoldParams params = {};
  FinishFunction finish = nullptr;  // of folds and selections
};

Lowered Lower(const PlannedReduction& reduction, DType input);

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_PLAN_LOWERING_H_
