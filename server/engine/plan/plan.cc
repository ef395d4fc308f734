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

absl::Status CheckQuantile(const QuantileOptions& options, const std::string& path) {
  if (options.interpolation < Interpolation::kLinear || options.interpolation > Interpolation::kNearest) {
    return UnknownNumber("UNKNOWN_INTERPOLATION", path + ".interpolation", static_cast<int>(options.interpolation));
  }
  for (const double q : options.q.values()) {
    if (q >= 0 && q <= 1) continue;
    const bool is_list = options.q.is_list();
    return InvalidField("Q_OUT_OF_RANGE", path + ".q",
                        is_list ? "quantile() q values must be in the range [0, 1]"
                                : absl::StrCat("quantile() q must be in the range [0, 1] but got ", q));
  }
  return absl::OkStatus();
}

// `reduction.options`, or the defaults of the op's family.
absl::StatusOr<ReductionOptions> FillOptions(const OpInfo& info, const Reduction& reduction, const std::string& path) {
  const ReductionOptions defaults = DefaultOptions(info.options);
  if (std::holds_alternative<std::monostate>(reduction.options)) return defaults;
  if (reduction.options.index() == defaults.index()) {
    if (const auto* quantile = std::get_if<QuantileOptions>(&reduction.options)) {
      if (absl::Status status = CheckQuantile(*quantile, path + ".options.quantile"); !status.ok()) return status;
    }
    return reduction.options;
  }
  constexpr const char* kFamilies[] = {"no", "variance", "norm", "quantile", "unique"};
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
  if (!info.accepts(input) && !(reduction.dtype && info.accepts_cast(input))) {
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
  if (info.empty == EmptyReduction::kRefusesEmptyTensors) {
    if (!absl::c_linear_search(shape, 0)) return absl::OkStatus();
    return InvalidField("EMPTY_REDUCTION", "shape", "quantile() input tensor must be non-empty");
  }
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
  int64_t per_kept = 1;
  if (const auto* quantile = std::get_if<QuantileOptions>(&planned.reduction.options)) {
    per_kept = static_cast<int64_t>(quantile->q.values().size());
    if (quantile->q.is_list()) kept.insert(kept.begin(), per_kept);
  }
  const auto dtypes = info.output_dtypes(planned.compute_dtype, planned.reduction.dtype.has_value());
  const auto names = planned.all_dims ? info.outputs_all_dims : info.outputs;
  for (size_t i = 0; i < names.size(); ++i) {
    OutputSpec output = {names[i], dtypes[i], kept, 0};
    if (__builtin_mul_overflow(planned.nest.kept_count, ByteSize(dtypes[i]), &output.byte_count) ||
        __builtin_mul_overflow(output.byte_count, per_kept, &output.byte_count)) {
      return InvalidField("RESULT_OVERFLOW", path,
                          absl::StrCat("Storage size calculation overflowed with sizes=", ToString(kept)));
    }
    planned.outputs.push_back(std::move(output));
  }
  return absl::OkStatus();
}

// The same of UNIQUE and its like, whose outputs are at most as large as stated here.
absl::Status PlanUniqueOutputs(const OpInfo& info, absl::Span<const int64_t> shape, const std::string& path,
                               PlannedReduction& planned) {
  const bool of_slices = !planned.all_dims && !shape.empty();
  const int64_t dim = of_slices ? planned.reduction.dim[0] : 0;
  if (planned.reduction.keepdim) {
    return InvalidField("UNEXPECTED_KEEPDIM", path + ".keepdim",
                        absl::StrCat(std::string(info.name), "() takes no keepdim argument"));
  }
  if (!planned.all_dims && planned.reduction.dim.size() > 1) {
    return InvalidField(
        "TOO_MANY_DIMS", path + ".dim",
        absl::StrCat(std::string(info.name), "() takes one dim or none, but got ", planned.reduction.dim.size()));
  }
  if (of_slices && absl::c_linear_search(shape, 0) && shape[dim] != 0) {
    return InvalidField("EMPTY_SLICES", path + ".dim",
                        "There are 0 sized dimensions, and they aren't selected, so unique cannot be applied");
  }
  Shape unique(shape.begin(), shape.end());
  if (of_slices) {
    unique[dim] = kUnknownExtent;
  } else {
    unique = {kUnknownExtent};
  }
  const int64_t elements = planned.nest.kept_count * planned.nest.reduced_count;
  const int64_t slices = of_slices ? shape[dim] : elements;
  const auto& options = std::get<UniqueOptions>(planned.reduction.options);
  const auto dtypes = info.output_dtypes(planned.compute_dtype, false);
  const auto add = [&](size_t output, Shape output_shape, int64_t count) {
    OutputSpec spec = {info.outputs[output], dtypes[output], std::move(output_shape), 0};
    if (__builtin_mul_overflow(count, ByteSize(spec.dtype), &spec.byte_count)) return false;
    planned.outputs.push_back(std::move(spec));
    return true;
  };
  const Shape inverse = of_slices ? Shape{slices} : Shape(shape.begin(), shape.end());
  if (!add(0, unique, elements) || (options.return_inverse && !add(1, inverse, slices)) ||
      (options.return_counts && !add(2, {kUnknownExtent}, slices))) {
    return InvalidField("RESULT_OVERFLOW", path, "results of more than 2^63 - 1 bytes");
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
  const auto plan_outputs = info->has_fixed_shape ? PlanOutputs : PlanUniqueOutputs;
  if (absl::Status status = plan_outputs(*info, shape, path, planned); !status.ok()) return status;
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

absl::Status SizeMismatch(const Plan& plan, absl::string_view got) {
  return InvalidField("SIZE_MISMATCH", "data",
                      absl::StrCat("a tensor of shape ", std::string(ToString(plan.shape)), " and dtype ",
                                   std::string(Name(plan.dtype)), " has ", plan.byte_count, " bytes, but ", got));
}

}  // namespace treduce
