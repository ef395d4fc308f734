// The table of ops: PyTorch's rules, one entry an op. Ops that differ in name only share a family.
#include "server/engine/plan/op_registry.h"

namespace treduce {
namespace {

using DTypes = std::array<DType, kMaxOutputs>;

bool None(DType) { return false; }
bool Any(DType) { return true; }
bool Real(DType dtype) { return !IsComplex(dtype); }
bool RealNotBool(DType dtype) { return Real(dtype) && dtype != DType::kBool; }
bool Float32OrFloat64(DType dtype) { return dtype == DType::kFloat32 || dtype == DType::kFloat64; }
bool FloatingPointOrComplex(DType dtype) { return IsFloatingPoint(dtype) || IsComplex(dtype); }

DType AsInput(DType input) { return input; }
DType IntegersAsFloat32(DType input) { return FloatingPointOrComplex(input) ? input : DType::kFloat32; }

DTypes Same(DType dtype, bool) { return {dtype, dtype, dtype}; }
DTypes SameAndInt64(DType dtype, bool) { return {dtype, DType::kInt64, DType::kInt64}; }
DTypes RealAndSame(DType dtype, bool) { return {RealDType(dtype), dtype, dtype}; }
DTypes Int64(DType, bool) { return {DType::kInt64, DType::kInt64, DType::kInt64}; }
DTypes Int64OfIntegers(DType dtype, bool cast) {
  return cast || FloatingPointOrComplex(dtype) ? Same(dtype, cast) : Int64(dtype, cast);
}
DTypes Bool(DType dtype, bool cast) { return Same(dtype == DType::kUInt8 ? DType::kUInt8 : DType::kBool, cast); }

constexpr std::string_view kResult[] = {"result"};
constexpr std::string_view kValuesIndices[] = {"values", "indices"};
constexpr std::string_view kUniqueOutputs[] = {"output", "inverse_indices", "counts"};
constexpr std::string_view kMinMax[] = {"min", "max"};
constexpr std::string_view kVarMean[] = {"var", "mean"};
constexpr std::string_view kStdMean[] = {"std", "mean"};

constexpr OpInfo kPlain = {.op = {},
                           .name = {},
                           .summary = {},
                           .options = OptionsKind::kNone,
                           .empty = EmptyReduction::kValue,
                           .outputs = kResult,
                           .outputs_all_dims = kResult,
                           .accepts = Any,
                           .casts = false,
                           .accepts_cast = None,
                           .refusal = "$0(): does not support $1 input",
                           .compute_dtype = AsInput,
                           .output_dtypes = Same};

constexpr OpInfo SumFamily(bool (*accepts)(DType), std::string_view refusal) {
  OpInfo info = kPlain;
  info.accepts = accepts;
  info.casts = true;
  info.refusal = refusal;
  info.output_dtypes = Int64OfIntegers;
  return info;
}

constexpr OpInfo MeanFamily(bool (*accepts)(DType), bool (*accepts_cast)(DType), std::string_view refusal) {
  OpInfo info = SumFamily(accepts, refusal);
  info.accepts_cast = accepts_cast;
  info.output_dtypes = Same;
  return info;
}

constexpr OpInfo OrderFamily(absl::Span<const std::string_view> outputs,
                             absl::Span<const std::string_view> outputs_all_dims, DTypes (*output_dtypes)(DType, bool),
                             bool (*accepts)(DType) = Real) {
  OpInfo info = kPlain;
  info.empty = EmptyReduction::kError;
  info.outputs = outputs;
  info.outputs_all_dims = outputs_all_dims;
  info.accepts = accepts;
  info.output_dtypes = output_dtypes;
  return info;
}

constexpr OpInfo TruthFamily(DTypes (*output_dtypes)(DType, bool)) {
  OpInfo info = kPlain;
  info.output_dtypes = output_dtypes;
  return info;
}

constexpr OpInfo VarianceFamily(absl::Span<const std::string_view> outputs, std::string_view refusal) {
  OpInfo info = kPlain;
  info.options = OptionsKind::kVariance;
  info.outputs = info.outputs_all_dims = outputs;
  info.accepts = FloatingPointOrComplex;
  info.refusal = refusal;
  info.output_dtypes = RealAndSame;
  return info;
}

constexpr OpInfo NormFamily() {
  OpInfo info =
      VarianceFamily(kResult, "linalg.vector_norm: Expected a floating point or complex tensor as input. Got $2");
  info.options = OptionsKind::kNorm;
  info.casts = true;
  return info;
}

constexpr OpInfo LogSumExpFamily() {
  OpInfo info = kPlain;
  info.compute_dtype = IntegersAsFloat32;
  return info;
}

constexpr OpInfo QuantileFamily() {
  OpInfo info = MeanFamily(Float32OrFloat64, Real, "quantile() input tensor must be either float or double dtype");
  info.options = OptionsKind::kQuantile;
  info.empty = EmptyReduction::kRefusesEmptyTensors;
  return info;
}

constexpr OpInfo UniqueFamily() {
  OpInfo info = OrderFamily(kUniqueOutputs, kUniqueOutputs, SameAndInt64);
  info.options = OptionsKind::kUnique;
  info.empty = EmptyReduction::kValue;
  info.has_fixed_shape = false;
  return info;
}

constexpr OpInfo Of(OpInfo family, Op op, std::string_view name, std::string_view summary) {
  family.op = op;
  family.name = name;
  family.summary = summary;
  return family;
}

constexpr OpInfo kSumFamily = SumFamily(Any, "");
constexpr OpInfo kNanSumFamily = SumFamily(Real, "nansum on CPU does not support complex inputs");
constexpr OpInfo kMeanFamily = MeanFamily(
    FloatingPointOrComplex, Any,
    "mean(): could not infer output dtype. $3 dtype must be either a floating point or complex dtype. Got: $2");
constexpr OpInfo kNanMeanFamily =
    MeanFamily(IsFloatingPoint, None, "nanmean(): expected input to have floating point dtype but got $2");
constexpr OpInfo kValueAndIndex = OrderFamily(kValuesIndices, kResult, SameAndInt64);
constexpr OpInfo kValueOnly = OrderFamily(kResult, kResult, Same);
constexpr OpInfo kBothEnds = OrderFamily(kMinMax, kMinMax, Same);
constexpr OpInfo kIndexOnly = OrderFamily(kResult, kResult, Int64, RealNotBool);
constexpr OpInfo kMode = OrderFamily(kValuesIndices, kValuesIndices, SameAndInt64);
constexpr OpInfo kTruth = TruthFamily(Bool);
constexpr OpInfo kCount = TruthFamily(Int64);
constexpr std::string_view kNeedsFloats = "std and var only support floating point and complex dtypes";
constexpr std::string_view kMeanNeedsFloats = "$0 only support floating point and complex dtypes";

constexpr OpInfo kOps[] = {
    Of(kSumFamily, Op::kSum, "sum", "Sum; integers and bool give int64."),
    Of(kNanSumFamily, Op::kNanSum, "nansum", "Sum with NaN taken as 0."),
    Of(kMeanFamily, Op::kMean, "mean", "Arithmetic mean."),
    Of(kNanMeanFamily, Op::kNanMean, "nanmean", "Mean of the elements that are not NaN."),
    Of(kSumFamily, Op::kProd, "prod", "Product; integers and bool give int64."),
    Of(kValueAndIndex, Op::kMax, "max", "Maximum; with dim, also the index of the first. NaN wins."),
    Of(kValueAndIndex, Op::kMin, "min", "Minimum; with dim, also the index of the first. NaN wins."),
    Of(kValueOnly, Op::kAMax, "amax", "Maximum, values only. NaN wins."),
    Of(kValueOnly, Op::kAMin, "amin", "Minimum, values only. NaN wins."),
    Of(kBothEnds, Op::kAMinMax, "aminmax", "Minimum and maximum. NaN wins."),
    Of(kIndexOnly, Op::kArgMax, "argmax", "Index of the first maximum among the reduced elements. NaN wins."),
    Of(kIndexOnly, Op::kArgMin, "argmin", "Index of the first minimum among the reduced elements. NaN wins."),
    Of(kTruth, Op::kAll, "all", "Whether all elements are non-zero."),
    Of(kTruth, Op::kAny, "any", "Whether any element is non-zero."),
    Of(kCount, Op::kCountNonzero, "count_nonzero", "Number of non-zero elements."),
    Of(VarianceFamily(kResult, kNeedsFloats), Op::kVar, "var", "Variance with a correction, 1 by default."),
    Of(VarianceFamily(kResult, kNeedsFloats), Op::kStd, "std", "Standard deviation with a correction, 1 by default."),
    Of(VarianceFamily(kVarMean, kMeanNeedsFloats), Op::kVarMean, "var_mean", "Variance and mean."),
    Of(VarianceFamily(kStdMean, kMeanNeedsFloats), Op::kStdMean, "std_mean", "Standard deviation and mean."),
    Of(NormFamily(), Op::kVectorNorm, "vector_norm", "Vector norm of any real order, 2 by default."),
    Of(LogSumExpFamily(), Op::kLogSumExp, "logsumexp", "log(sum(exp(x))) without overflow on the way."),
    Of(kValueAndIndex, Op::kMedian, "median", "The lower median; with dim, also the index of the first. NaN wins."),
    Of(kValueAndIndex, Op::kNanMedian, "nanmedian", "The lower median of the elements that are not NaN."),
    Of(kMode, Op::kMode, "mode", "The most frequent element, the smallest of several, and the index of the first."),
    Of(QuantileFamily(), Op::kQuantile, "quantile", "Quantiles q, one or a list, 0.5 by default. NaN wins."),
    Of(QuantileFamily(), Op::kNanQuantile, "nanquantile", "Quantiles of the elements that are not NaN."),
    Of(UniqueFamily(), Op::kUnique, "unique", "The distinct elements, or slices along one dim, sorted."),
    Of(UniqueFamily(), Op::kUniqueConsecutive, "unique_consecutive",
       "The elements, or slices along one dim, that differ from the one before."),
};

}  // namespace

ReductionOptions DefaultOptions(OptionsKind kind) {
  switch (kind) {
    case OptionsKind::kNone:
      return std::monostate();
    case OptionsKind::kVariance:
      return VarianceOptions();
    case OptionsKind::kNorm:
      return NormOptions();
    case OptionsKind::kQuantile:
      return QuantileOptions();
    case OptionsKind::kUnique:
      return UniqueOptions();
  }
  return std::monostate();
}

absl::InlinedVector<std::string_view, kMaxOutputs> OutputNames(const OpInfo& info, const Reduction& reduction) {
  const auto all = reduction.dim.empty() ? info.outputs_all_dims : info.outputs;
  absl::InlinedVector<std::string_view, kMaxOutputs> names(all.begin(), all.end());
  if (info.options != OptionsKind::kUnique) return names;
  const auto* given = std::get_if<UniqueOptions>(&reduction.options);
  const UniqueOptions options = given != nullptr ? *given : UniqueOptions();
  if (!options.return_counts) names.erase(names.begin() + 2);
  if (!options.return_inverse) names.erase(names.begin() + 1);
  return names;
}

absl::Span<const OpInfo> AllOps() { return kOps; }

const OpInfo* FindOp(Op op) {
  for (const OpInfo& info : kOps) {
    if (info.op == op) return &info;
  }
  return nullptr;
}

const OpInfo* FindOp(std::string_view name) {
  for (const OpInfo& info : kOps) {
    if (info.name == name) return &info;
  }
  return nullptr;
}

}  // namespace treduce
