// From ops to folds: which folds a planned reduction needs, over which view of the elements, and how their states
// become its results. The one place that knows both; a backend runs the folds and knows no ops.
#ifndef TREDUCE_SERVER_ENGINE_PLAN_LOWERING_H_
#define TREDUCE_SERVER_ENGINE_PLAN_LOWERING_H_

#include <cstddef>

#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
#include "server/engine/fold/fold.h"
#include "server/engine/plan/plan.h"
#include "server/engine/values/convert.h"

namespace treduce {

// Results [first, first + count) of a reduction, to be written from the states of its folds.
struct Finishing {
  const PlannedReduction& reduction;
  absl::Span<const States> states;  // one entry a fold, its first state that of result `first`
  size_t first;
  size_t count;                          // of results, not of states
  absl::Span<std::byte* const> outputs;  // the tensors of the reduction, whole
};
using FinishFunction = void (*)(const Finishing& finishing);

struct Lowered {
  absl::InlinedVector<FoldKind, 2> folds;
  DType fold_dtype;                   // of the elements that the folds see
  ConvertFunction cast = nullptr;     // of the tensor to a complex dtype, before anything else; none if it is of it
  ConvertFunction convert = nullptr;  // of an element to one of `fold_dtype`; none if they are the same bytes
  LoopNest nest;                      // over the elements that the folds see
  int states_per_result = 1;          // 2 where real and imaginary parts are reduced apart
  FoldParams params = {};
  FinishFunction finish;
};

Lowered Lower(const PlannedReduction& reduction, DType input);

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_PLAN_LOWERING_H_
