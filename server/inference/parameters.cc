// One setter for each parameter.
#include "server/inference/parameters.h"

#include <limits>
#include <optional>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "server/engine/values/errors.h"
#include "server/inference/datatypes.h"

namespace treduce {
namespace {

using inference::InferParameter;

std::optional<int64_t> AsInt(const InferParameter& value) {
  if (value.has_int64_param()) return value.int64_param();
  if (!value.has_uint64_param() || value.uint64_param() > std::numeric_limits<int64_t>::max()) return std::nullopt;
  return static_cast<int64_t>(value.uint64_param());
}

std::optional<bool> AsBool(const InferParameter& value) {
  bool result;
  if (value.has_bool_param()) return value.bool_param();
  if (const auto number = AsInt(value); number == 0 || number == 1) return number == 1;
  if (value.has_string_param() && absl::SimpleAtob(value.string_param(), &result)) return result;
  return std::nullopt;
}

std::optional<double> AsDouble(absl::string_view text) {
  double result;
  return absl::SimpleAtod(text, &result) ? std::make_optional(result) : std::nullopt;
}

std::optional<double> AsDouble(const InferParameter& value) {
  if (value.has_double_param()) return value.double_param();
  if (value.has_int64_param()) return static_cast<double>(value.int64_param());
  if (value.has_uint64_param()) return static_cast<double>(value.uint64_param());
  return value.has_string_param() ? AsDouble(value.string_param()) : std::nullopt;
}

std::optional<int64_t> AsInt(absl::string_view text) {
  int64_t result;
  return absl::SimpleAtoi(text, &result) ? std::make_optional(result) : std::nullopt;
}

// "0,2", also in brackets and with spaces. The items of `parse` that there are; nullopt when one is none.
template <class T>
std::optional<std::vector<T>> AsList(absl::string_view text, std::optional<T> (*parse)(absl::string_view)) {
  text = absl::StripAsciiWhitespace(text);
  if ((absl::StartsWith(text, "[") && absl::EndsWith(text, "]")) ||
      (absl::StartsWith(text, "(") && absl::EndsWith(text, ")"))) {
    text = absl::StripAsciiWhitespace(text.substr(1, text.size() - 2));
  }
  std::vector<T> items;
  if (text.empty()) return items;
  if (absl::EndsWith(text, ",")) text.remove_suffix(1);
  for (const absl::string_view item : absl::StrSplit(text, ',')) {
    const std::optional<T> value = parse(absl::StripAsciiWhitespace(item));
    if (!value.has_value()) return std::nullopt;
    items.push_back(*value);
  }
  return items;
}

std::optional<DType> AsDType(const InferParameter& value) {
  const std::optional<DType> dtype = DTypeFromDatatype(value.string_param());
  return dtype.has_value() ? dtype : DTypeFromName(value.string_param());
}

bool SetDim(const InferParameter& value, Reduction& reduction) {
  if (const std::optional<int64_t> scalar = AsInt(value); scalar.has_value()) {
    reduction.dim = {*scalar};
    return true;
  }
  std::optional<std::vector<int64_t>> dim;
  if (value.has_string_param()) dim = AsList<int64_t>(value.string_param(), AsInt);
  if (dim.has_value()) reduction.dim = *std::move(dim);
  return dim.has_value();
}

bool SetKeepdim(const InferParameter& value, Reduction& reduction) {
  const std::optional<bool> keepdim = AsBool(value);
  reduction.keepdim = keepdim.value_or(false);
  return keepdim.has_value();
}

bool SetDtype(const InferParameter& value, Reduction& reduction) {
  reduction.dtype = AsDType(value);
  // Results of complex dtypes could not be sent.
  return reduction.dtype.has_value() && !IsComplex(*reduction.dtype);
}

// The options of the model's kind, which the reduction has already.
template <class Options>
Options& OptionsOf(Reduction& reduction) {
  return std::get<Options>(reduction.options);
}

bool SetCorrection(const InferParameter& value, Reduction& reduction) {
  const std::optional<double> correction = AsDouble(value);
  OptionsOf<VarianceOptions>(reduction).correction = correction.value_or(0);
  return correction.has_value();
}

bool SetOrd(const InferParameter& value, Reduction& reduction) {
  const std::optional<double> ord = AsDouble(value);
  OptionsOf<NormOptions>(reduction).ord = ord.value_or(0);
  return ord.has_value();
}

bool SetQ(const InferParameter& value, Reduction& reduction) {
  Quantiles& q = OptionsOf<QuantileOptions>(reduction).q;
  if (const std::optional<double> scalar = AsDouble(value); scalar.has_value()) {
    q = *scalar;
    return true;
  }
  std::optional<std::vector<double>> list;
  if (value.has_string_param()) list = AsList<double>(value.string_param(), AsDouble);
  if (list.has_value()) q = *std::move(list);
  return list.has_value();
}

bool SetInterpolation(const InferParameter& value, Reduction& reduction) {
  const std::optional<Interpolation> interpolation = InterpolationFromName(value.string_param());
  if (interpolation.has_value()) OptionsOf<QuantileOptions>(reduction).interpolation = *interpolation;
  return interpolation.has_value();
}

bool SetReturnInverse(const InferParameter& value, Reduction& reduction) {
  const std::optional<bool> return_inverse = AsBool(value);
  OptionsOf<UniqueOptions>(reduction).return_inverse = return_inverse.value_or(false);
  return return_inverse.has_value();
}

bool SetReturnCounts(const InferParameter& value, Reduction& reduction) {
  const std::optional<bool> return_counts = AsBool(value);
  OptionsOf<UniqueOptions>(reduction).return_counts = return_counts.value_or(false);
  return return_counts.has_value();
}

struct ParameterInfo {
  std::string_view name;
  std::string_view values;  // for errors
  // Whether the model takes it.
  bool (*taken)(const OpInfo& model);
  // Sets it; false when the value is none of the parameter's.
  bool (*set)(const InferParameter& value, Reduction& reduction);
};

template <OptionsKind kind>
bool HasOptions(const OpInfo& model) {
  return model.options == kind;
}

constexpr ParameterInfo kParameters[] = {
    {"dim", "an integer or a list of them such as \"0,2\"", [](const OpInfo&) { return true; }, SetDim},
    {"keepdim", "a bool", [](const OpInfo& model) { return model.has_fixed_shape; }, SetKeepdim},
    {"dtype", "a datatype such as FP64, or a dtype such as float64, and not complex",
     [](const OpInfo& model) { return model.casts; }, SetDtype},
    {"correction", "a number", HasOptions<OptionsKind::kVariance>, SetCorrection},
    {"ord", "a number", HasOptions<OptionsKind::kNorm>, SetOrd},
    {"q", "a number or a list of them such as \"0.25,0.75\"", HasOptions<OptionsKind::kQuantile>, SetQ},
    {"interpolation", "one of linear, lower, higher, midpoint, nearest", HasOptions<OptionsKind::kQuantile>,
     SetInterpolation},
    {"return_inverse", "a bool", HasOptions<OptionsKind::kUnique>, SetReturnInverse},
    {"return_counts", "a bool", HasOptions<OptionsKind::kUnique>, SetReturnCounts},
};

// Of the request rather than of the reduction.
constexpr char kDevice[] = "device";

// What the protocol keeps for itself, and a hint of MLServer's clients. None of it changes what a reduction gives:
// nothing is queued or kept between requests here, and Triton ignores it for models that have neither.
bool IsReserved(absl::string_view name) {
  constexpr absl::string_view kReserved[] = {"sequence_id", "sequence_start", "sequence_end",       "priority",
                                             "timeout",     "headers",        "binary_data_output", "content_type"};
  return absl::c_linear_search(kReserved, name) || absl::StartsWith(name, "triton_");
}

}  // namespace

std::vector<std::string_view> ParameterNames(const OpInfo& model) {
  std::vector<std::string_view> names;
  for (const ParameterInfo& info : kParameters) {
    if (info.taken(model)) names.push_back(info.name);
  }
  names.push_back(kDevice);
  return names;
}

absl::StatusOr<Reduction> ReductionOf(const OpInfo& model,
                                      const google::protobuf::Map<std::string, InferParameter>& parameters) {
  Reduction reduction = {.op = model.op, .options = DefaultOptions(model.options)};
  for (const auto& [name, value] : parameters) {
    if (name == kDevice || IsReserved(name)) continue;
    const std::string field = absl::StrCat("parameters.", name);
    const auto* info = absl::c_find_if(kParameters, [&, &name = name](const ParameterInfo& entry) {
      return entry.name == name && entry.taken(model);
    });
    if (info == std::end(kParameters)) {
      return InvalidField("UNKNOWN_PARAMETER", field,
                          absl::StrCat("model '", std::string(model.name), "' does not take it; it takes ",
                                       absl::StrJoin(ParameterNames(model), ", ", absl::StreamFormatter())));
    }
    if (!info->set(value, reduction)) {
      return InvalidField("PARAMETER_VALUE", field, absl::StrCat("expected ", std::string(info->values)));
    }
  }
  return reduction;
}

absl::StatusOr<std::string> DeviceOf(const google::protobuf::Map<std::string, InferParameter>& parameters) {
  const auto device = parameters.find(kDevice);
  if (device == parameters.end()) return std::string();
  if (device->second.has_string_param()) return device->second.string_param();
  return InvalidField("PARAMETER_VALUE", "parameters.device", "expected a device such as \"cpu\" or \"cuda:0\"");
}

}  // namespace treduce
