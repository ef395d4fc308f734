// From a request to a plan: PyTorch's checks in PyTorch's words, then dims flattened to a loop nest.
#include "server/engine/plan/plan.h"

#include <algorithm>
#include <bitset>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "server/engine/plan/op_registry.h"
#include "server/engine/values/errors.h"

namespace treduce {
namespace {

using Dims = std::bitset<kMaxDims>;

bool IsKnown(DType dtype) { return absl::c_linear_search(kAllDTypes, dtype); }

absl::Status UnknownNumber(std::string_view reason, const std::string& field, int number) {
  return InvalidField(reason, field,
                      absl::StrCat(number, " is not known to this server; DescribeServer lists what it knows"));
}

// The dims of `reduction` as a set; all of them when it names none.
absl::StatusOr<Dims> ReducedDims(const Reduction& reduction, const std::string& field, int64_t dim_count) {
  Dims dims;
  if (reduction.dim.empty()) {
    for (int64_t d = 0; d < dim_count; ++d) dims.set(d);
    return dims;
  }
  // A 0-d tensor takes dim 0 and -1.
  const int64_t range = std::max<int64_t>(dim_count, 1);
  for (int64_t dim : reduction.dim) {
    if (dim < -range || dim >= range) {
      return InvalidField("DIM_OUT_OF_RANGE", field,
                          absl::StrCat("Dimension out of range (expected to be in range of [", -range, ", ", range - 1,
                                       "], but got ", dim, ")"));
    }
    const int64_t wrapped = dim < 0 ? dim + range : dim;
    if (dims[wrapped]) {
      return InvalidField("DUPLICATE_DIM", field,
                          absl::StrCat("dim ", wrapped, " appears multiple times in the list of dims"));
    }
    dims.set(wrapped);
  }
  return dims;
}

// `reduction.options`, or the defaults of the op's family.
absl::StatusOr<ReductionOptions> FillOptions(const OpInfo& info, const Reduction& reduction, const std::string& path) {
  ReductionOptions defaults;
  if (info.options == OptionsKind::kVariance) defaults = VarianceOptions();
  if (info.options == OptionsKind::kNorm) defaults = NormOptions();
  if (std::holds_alternative<std::monostate>(reduction.options)) return defaults;
  if (reduction.options.index() == defaults.index()) return reduction.options;
  constexpr const char* kFamilies[] = {"no", "variance", "norm"};
  return InvalidField("OPTIONS_MISMATCH", path + ".options",
                      absl::StrCat(std::string(info.name), "() takes ", kFamilies[defaults.index()], " options, not ",
                                   kFamilies[reduction.options.index()], " options"));
}

absl::Status RefuseDType(const OpInfo& info, DType dtype, const std::string& field, const char* argument) {
  const std::string format(info.refusal);
  return InvalidField("UNSUPPORTED_DTYPE", field,
                      absl::Substitute(format, std::string(info.name), std::string(Name(dtype)),
                                       std::string(ScalarTypeName(dtype)), argument));
}

// VECTOR_NORM is strict about `dtype`: real to real or complex to complex, and never narrower.
absl::Status CheckNormCast(DType input, DType dtype, const std::string& field) {
  const std::string from(ScalarTypeName(input));
  const std::string to(ScalarTypeName(dtype));
  std::string message;
  if (!IsFloatingPoint(dtype) && !IsComplex(dtype)) {
    message = absl::StrCat("dtype should be floating point or complex, but got ", to);
  } else if (IsComplex(input) != IsComplex(dtype)) {
    const char* kind = IsComplex(input) ? "complex" : "real";
    message = absl::StrCat("dtype should be ", kind, " for ", kind, " inputs, but got ", to);
  } else if (input != dtype && ByteSize(input) >= ByteSize(dtype)) {
    message = absl::StrCat("the dtype of the input (", from,
                           ") should be convertible without narrowing to the specified dtype (", to, ")");
  } else {
    return absl::OkStatus();
  }
  return InvalidField("UNSUPPORTED_DTYPE", field, absl::StrCat("linalg.vector_norm: ", message));
}

// The dtype that elements of `input` are folded in.
absl::StatusOr<DType> ComputeDType(const OpInfo& info, const Reduction& reduction, DType input,
                                   const std::string& path) {
  if (!info.accepts(input) && !(info.casts_any_input && reduction.dtype)) {
    return RefuseDType(info, input, "dtype", "Input");
  }
  if (!reduction.dtype) return info.compute_dtype(input);
  const DType dtype = *reduction.dtype;
  const std::string field = path + ".dtype";
  if (!IsKnown(dtype)) return UnknownNumber("UNKNOWN_DTYPE", field, static_cast<int>(dtype));
  if (!info.casts) {
    return InvalidField("UNEXPECTED_DTYPE", field, absl::StrCat(std::string(info.name), "() takes no dtype argument"));
  }
  if (info.options == OptionsKind::kNorm) {
    if (absl::Status status = CheckNormCast(input, dtype, field); !status.ok()) return status;
  } else if (!info.accepts(dtype)) {
    return RefuseDType(info, dtype, field, "Optional");
  }
  return dtype;
}

// Refuses dims without elements where the op has no value for them.
absl::Status CheckEmpty(const OpInfo& info, const PlannedReduction& planned, absl::Span<const int64_t> shape,
                        const std::string& path) {
  if (planned.nest.reduced_count > 0) return absl::OkStatus();
  const std::vector<int64_t>& dims = planned.reduction.dim;
  const int64_t empty_dim = *absl::c_find_if(dims, [&](int64_t dim) { return shape[dim] == 0; });
  if (const auto* norm = std::get_if<NormOptions>(&planned.reduction.options)) {
    if (!(norm->ord < 0 || std::isinf(norm->ord))) return absl::OkStatus();
    const std::string what = planned.all_dims ? "an empty tensor because the operation"
                                              : absl::StrCat("the dimension ", empty_dim,
                                                             " because this dimension is empty and the operation");
    return InvalidField("EMPTY_REDUCTION", path + ".options.norm.ord",
                        absl::StrCat("linalg.vector_norm cannot compute the ", norm->ord, " norm on ", what,
                                     " does not have an identity"));
  }
  if (info.empty == EmptyReduction::kValue) return absl::OkStatus();
  const std::string dim = planned.all_dims ? "to be specified for input.numel() == 0. Specify the reduction dim with "
                                             "the 'dim' argument."
                                           : absl::StrCat(empty_dim, " to have non-zero size.");
  return InvalidField("EMPTY_REDUCTION", path + ".dim",
                      absl::StrCat(std::string(info.name), "(): Expected reduction dim ", dim));
}

// Shapes, dtypes and sizes of the outputs.
absl::Status PlanOutputs(const OpInfo& info, absl::Span<const int64_t> shape, const std::string& path,
                         PlannedReduction& planned) {
  Shape kept;
  auto reduced = planned.reduction.dim.begin();
  for (int64_t d = 0; d < static_cast<int64_t>(shape.size()); ++d) {
    const bool is_reduced = reduced != planned.reduction.dim.end() && *reduced == d;
    if (is_reduced) ++reduced;
    if (!is_reduced) kept.push_back(shape[d]);
    if (is_reduced && planned.reduction.keepdim) kept.push_back(1);
  }
  const auto dtypes = info.output_dtypes(planned.compute_dtype, planned.reduction.dtype.has_value());
  const auto names = planned.all_dims ? info.outputs_all_dims : info.outputs;
  for (size_t i = 0; i < names.size(); ++i) {
    OutputSpec output = {names[i], dtypes[i], kept, 0};
    if (__builtin_mul_overflow(planned.nest.kept_count, ByteSize(dtypes[i]), &output.byte_count)) {
      return InvalidField("RESULT_OVERFLOW", path,
                          absl::StrCat("Storage size calculation overflowed with sizes=", ToString(kept)));
    }
    planned.outputs.push_back(std::move(output));
  }
  return absl::OkStatus();
}

absl::StatusOr<PlannedReduction> PlanReduction(const Reduction& reduction, DType input, absl::Span<const int64_t> shape,
                                               const std::string& path) {
  const OpInfo* info = FindOp(reduction.op);
  if (info == nullptr) return UnknownNumber("UNKNOWN_OP", path + ".op", static_cast<int>(reduction.op));
  absl::StatusOr<ReductionOptions> options = FillOptions(*info, reduction, path);
  if (!options.ok()) return options.status();
  absl::StatusOr<DType> compute_dtype = ComputeDType(*info, reduction, input, path);
  if (!compute_dtype.ok()) return compute_dtype.status();
  absl::StatusOr<Dims> dims = ReducedDims(reduction, path + ".dim", shape.size());
  if (!dims.ok()) return dims.status();

  PlannedReduction planned = {.reduction = reduction,
                              .all_dims = reduction.dim.empty(),
                              .compute_dtype = *compute_dtype,
                              .nest = {},
                              .outputs = {}};
  planned.reduction.options = *options;
  planned.reduction.dim.clear();
  for (size_t d = 0; d < shape.size(); ++d) {
    if ((*dims)[d]) planned.reduction.dim.push_back(d);
  }
  planned.nest = MakeLoopNest(shape, planned.reduction.dim);
  if (absl::Status status = CheckEmpty(*info, planned, shape, path); !status.ok()) return status;
  if (absl::Status status = PlanOutputs(*info, shape, path, planned); !status.ok()) return status;
  return planned;
}

}  // namespace

LoopNest MakeLoopNest(absl::Span<const int64_t> shape, absl::Span<const int64_t> reduced) {
  LoopNest nest;
  auto next = reduced.begin();
  for (size_t d = 0; d < shape.size(); ++d) {
    const bool is_reduced = next != reduced.end() && *next == static_cast<int64_t>(d);
    if (is_reduced) ++next;
    if (shape[d] == 1) continue;
    (is_reduced ? nest.reduced_count : nest.kept_count) *= shape[d];
    if (!nest.axes.empty() && nest.axes.back().reduced == is_reduced) {
      nest.axes.back().size *= shape[d];
    } else {
      nest.axes.push_back({shape[d], is_reduced});
    }
  }
  return nest;
}

absl::StatusOr<Plan> MakePlan(const ReductionSpec& spec) {
  if (!IsKnown(spec.dtype)) return UnknownNumber("UNKNOWN_DTYPE", "dtype", static_cast<int>(spec.dtype));
  absl::StatusOr<int64_t> element_count = ElementCount(spec.shape);
  if (!element_count.ok()) return element_count.status();
  absl::StatusOr<int64_t> byte_count = ByteCount(spec.dtype, spec.shape);
  if (!byte_count.ok()) return byte_count.status();
  Plan plan = {.dtype = spec.dtype,
               .shape = spec.shape,
               .element_count = *element_count,
               .byte_count = *byte_count,
               .reductions = {}};
  if (spec.reductions.empty()) {
    return InvalidField("NO_REDUCTIONS", "reductions", "at least one reduction is needed");
  }
  if (spec.reductions.size() > kMaxReductions) {
    return Error(absl::StatusCode::kInvalidArgument,
                 {"TOO_MANY_REDUCTIONS", "reductions", absl::StrCat(kMaxReductions)},
                 absl::StrCat("at most ", kMaxReductions, " reductions are taken, but got ", spec.reductions.size()));
  }
  plan.reductions.reserve(spec.reductions.size());
  for (size_t i = 0; i < spec.reductions.size(); ++i) {
    absl::StatusOr<PlannedReduction> planned =
        PlanReduction(spec.reductions[i], spec.dtype, spec.shape, absl::StrCat("reductions[", i, "]"));
    if (!planned.ok()) return planned.status();
    for (const OutputSpec& output : planned->outputs) {
      if (__builtin_add_overflow(plan.result_byte_count, output.byte_count, &plan.result_byte_count)) {
        return InvalidField("RESULT_OVERFLOW", "reductions", "results of more than 2^63 - 1 bytes");
      }
    }
    plan.reductions.push_back(*std::move(planned));
  }
  return plan;
}

}  // namespace treduce
