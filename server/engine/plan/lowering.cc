// The table from ops to folds, and the views of complex elements.
#include "server/engine/plan/lowering.h"

#include <cmath>
#include <limits>
#include <utility>

#include "server/engine/fold/scalar_math.h"

namespace treduce {
namespace {

// How the folds see the elements of a complex tensor.
enum class View {
  kElements,       // as they are
  kPartsApart,     // as reals, with the two parts of an element kept apart
  kPartsTogether,  // as reals, with the two parts of an element reduced together
  kMagnitudes,     // as |x| in float64
};

struct Choice {
  absl::InlinedVector<FoldKind, 2> folds;
  FinishKind finish;
  View complex_view = View::kElements;
  std::optional<SelectionKind> selection = std::nullopt;
};

Choice Select(SelectionKind selection, FinishKind finish) { return {{}, finish, View::kElements, selection}; }

Choice ChooseNorm(double ord) {
  if (ord == 0) return {{FoldKind::kCount}, FinishKind::kCount};
  if (ord == std::numeric_limits<double>::infinity())
    return {{FoldKind::kAbsMax}, FinishKind::kAbsMax, View::kMagnitudes};
  if (ord == -std::numeric_limits<double>::infinity())
    return {{FoldKind::kAbsMin}, FinishKind::kAbsMin, View::kMagnitudes};
  if (ord == 1) return {{FoldKind::kAbsSum}, FinishKind::kAbsSum, View::kMagnitudes};
  if (ord == 2) return {{FoldKind::kSquareSum}, FinishKind::kSquareSum, View::kPartsTogether};
  return {{FoldKind::kPowerSum}, FinishKind::kPowerSum, View::kMagnitudes};
}

Choice Choose(const PlannedReduction& r) {
  switch (r.reduction.op) {
    case Op::kSum:
      return {{FoldKind::kSum}, FinishKind::kSum, View::kPartsApart};
    case Op::kNanSum:
      // Elements cast to an integer dtype have their NaN replaced by then.
      if (!IsFloatingPoint(r.compute_dtype)) return {{FoldKind::kSum}, FinishKind::kSum};
      return {{FoldKind::kNanSum}, FinishKind::kSum};
    case Op::kMean:
      return {{FoldKind::kSum}, FinishKind::kMean, View::kPartsApart};
    case Op::kNanMean:
      return {{FoldKind::kNanSum}, FinishKind::kNanMean};
    case Op::kProd:
      return {{FoldKind::kProduct}, FinishKind::kProduct};
    case Op::kMax:
      if (r.outputs.size() == 1) return {{FoldKind::kMax}, FinishKind::kMax};
      return {{FoldKind::kArgMax}, FinishKind::kMax};
    case Op::kMin:
      if (r.outputs.size() == 1) return {{FoldKind::kMin}, FinishKind::kMin};
      return {{FoldKind::kArgMin}, FinishKind::kMin};
    case Op::kAMax:
      return {{FoldKind::kMax}, FinishKind::kMax};
    case Op::kAMin:
      return {{FoldKind::kMin}, FinishKind::kMin};
    case Op::kAMinMax:
      return {{FoldKind::kMin, FoldKind::kMax}, FinishKind::kMinMax};
    case Op::kArgMax:
      return {{FoldKind::kArgMax}, FinishKind::kIndex};
    case Op::kArgMin:
      return {{FoldKind::kArgMin}, FinishKind::kIndex};
    case Op::kAll:
      return {{FoldKind::kCount}, FinishKind::kAll};
    case Op::kAny:
      return {{FoldKind::kCount}, FinishKind::kAny};
    case Op::kCountNonzero:
      return {{FoldKind::kCount}, FinishKind::kCount};
    case Op::kVar:
      return {{FoldKind::kMoments}, FinishKind::kVar, View::kPartsApart};
    case Op::kStd:
      return {{FoldKind::kMoments}, FinishKind::kStd, View::kPartsApart};
    case Op::kVarMean:
      return {{FoldKind::kMoments, FoldKind::kSum}, FinishKind::kVar, View::kPartsApart};
    case Op::kStdMean:
      return {{FoldKind::kMoments, FoldKind::kSum}, FinishKind::kStd, View::kPartsApart};
    case Op::kVectorNorm:
      return ChooseNorm(std::get<NormOptions>(r.reduction.options).ord);
    case Op::kLogSumExp:
      return {{FoldKind::kLogSumExp}, FinishKind::kLogSumExp};
    case Op::kMedian:
      return Select(SelectionKind::kMedian, FinishKind::kMax);
    case Op::kNanMedian:
      return Select(SelectionKind::kNanMedian, FinishKind::kMax);
    case Op::kMode:
      return Select(SelectionKind::kMode, FinishKind::kMax);
    case Op::kQuantile:
      return Select(SelectionKind::kQuantiles, FinishKind::kQuantile);
    case Op::kNanQuantile:
      return Select(SelectionKind::kNanQuantiles, FinishKind::kQuantile);
    case Op::kUnique:
    case Op::kUniqueConsecutive:
      return {{}, FinishKind::kSum};
  }
  __builtin_unreachable();  // the plan holds ops of the registry only
}

// `nest` over twice as many elements: each was two, which are reduced together or kept apart.
LoopNest Halve(LoopNest nest, bool reduced) {
  (reduced ? nest.reduced_count : nest.kept_count) *= 2;
  if (!nest.axes.empty() && nest.axes.back().reduced == reduced) {
    nest.axes.back().size *= 2;
  } else {
    nest.axes.push_back({2, reduced});
  }
  return nest;
}

}  // namespace

Lowered Lower(const PlannedReduction& reduction, DType input) {
  Choice choice = Choose(reduction);
  Lowered lowered = {.folds = std::move(choice.folds),
                     .selection = choice.selection,
                     .fold_dtype = reduction.compute_dtype,
                     .nest = reduction.nest,
                     .finish = choice.finish};
  if (const auto* unique = std::get_if<UniqueOptions>(&reduction.reduction.options)) {
    lowered.unique =
        UniqueRequest{reduction.reduction.op == Op::kUniqueConsecutive, unique->return_inverse, unique->return_counts};
    return lowered;
  }
  if (lowered.selection.has_value()) {
    lowered.fold_dtype = input;  // casts keep the order: what is selected can be cast afterwards
    lowered.selection_params.with_index = reduction.outputs.size() > 1;
    if (const auto* quantile = std::get_if<QuantileOptions>(&reduction.reduction.options)) {
      lowered.selection_params.quantiles = quantile;
      lowered.selection_params.rounds_q = reduction.compute_dtype == DType::kFloat32;
    }
    return lowered;
  }
  const DType compute = reduction.compute_dtype;
  const View view = IsComplex(compute) ? choice.complex_view : View::kElements;
  const bool is_cast = compute != input;
  switch (view) {
    case View::kElements:
      if (!is_cast) break;
      if (reduction.reduction.op == Op::kNanSum) {
        lowered.conversion = Conversion::kCastNanToZero;
        lowered.convert = FindCastNanToZero(input, compute);
      } else {
        lowered.conversion = Conversion::kCast;
        lowered.convert = FindCast(input, compute);
      }
      break;
    case View::kMagnitudes:  // float64 whatever the input is cast to
      lowered.fold_dtype = DType::kFloat64;
      lowered.conversion = Conversion::kMagnitude;
      lowered.convert = FindMagnitude(input);
      break;
    case View::kPartsApart:
    case View::kPartsTogether:
      lowered.fold_dtype = RealDType(compute);
      if (is_cast) lowered.cast = FindCast(input, compute);
      lowered.nest = Halve(std::move(lowered.nest), view == View::kPartsTogether);
      lowered.states_per_result = view == View::kPartsApart ? 2 : 1;
      break;
  }
  if (const auto* norm = std::get_if<NormOptions>(&reduction.reduction.options)) lowered.params.ord = norm->ord;
  return lowered;
}

}  // namespace treduce
