// How states become results, side by side.
#ifndef TREDUCE_SERVER_ENGINE_PLAN_FINISH_H_
#define TREDUCE_SERVER_ENGINE_PLAN_FINISH_H_

#include <cstddef>

#include "absl/types/span.h"
#include "server/engine/fold/states.h"
#include "server/engine/plan/finish_value.h"
#include "server/engine/plan/plan.h"

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
void Finish(FinishKind kind, const Finishing& finishing);

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_PLAN_FINISH_H_
