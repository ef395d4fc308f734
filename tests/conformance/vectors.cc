// JSON to cases. Strict: a field of the wrong type or a payload of the wrong length is an error, not a default.
#include "tests/conformance/vectors.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "server/engine/plan/op_registry.h"

namespace treduce::conformance {
namespace {

using Json = nlohmann::json;

constexpr const char* kFormat = "treduce-conformance/1";

absl::Status Malformed(const std::string& what) { return absl::InvalidArgumentError(what); }

// The member, or nullptr when it is absent or null.
const Json* Member(const Json& object, const char* name) {
  const auto it = object.find(name);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

bool IsTrue(const Json& object, const char* name) {
  const Json* member = Member(object, name);
  return member != nullptr && member->is_boolean() && member->get<bool>();
}

absl::StatusOr<std::string> StringMember(const Json& object, const char* name) {
  const Json* member = Member(object, name);
  if (member == nullptr || !member->is_string()) return Malformed(absl::StrCat(name, " is not a string"));
  return member->get<std::string>();
}

absl::StatusOr<std::vector<int64_t>> Integers(const Json& list, const char* name) {
  std::vector<int64_t> values;
  for (const Json& value : list.is_array() ? list : Json::array({list})) {
    if (!value.is_number_integer()) return Malformed(absl::StrCat(name, " is not a list of integers"));
    values.push_back(value.get<int64_t>());
  }
  return values;
}

// A JSON number, or what JSON has no number for: "inf", "-inf", "nan".
absl::StatusOr<double> Real(const Json& value, const char* name) {
  if (value.is_number()) return value.get<double>();
  if (value == "inf") return std::numeric_limits<double>::infinity();
  if (value == "-inf") return -std::numeric_limits<double>::infinity();
  if (value == "nan") return std::numeric_limits<double>::quiet_NaN();
  return Malformed(absl::StrCat(name, " is not a number"));
}

absl::StatusOr<DType> DTypeMember(const Json& object) {
  absl::StatusOr<std::string> name = StringMember(object, "dtype");
  if (!name.ok()) return name.status();
  const std::optional<DType> dtype = DTypeFromName(*name);
  if (!dtype) return Malformed(absl::StrCat("dtype ", *name, " is unknown"));
  return *dtype;
}

absl::StatusOr<Tensor> ParseTensor(const Json& json) {
  if (!json.is_object()) return Malformed("a tensor is not an object");
  absl::StatusOr<DType> dtype = DTypeMember(json);
  if (!dtype.ok()) return dtype.status();
  const Json* shape = Member(json, "shape");
  if (shape == nullptr || !shape->is_array()) return Malformed("shape is not a list of integers");
  absl::StatusOr<std::vector<int64_t>> extents = Integers(*shape, "shape");
  if (!extents.ok()) return extents.status();
  absl::StatusOr<int64_t> count = ElementCount(*extents);
  if (!count.ok()) return count.status();
  absl::StatusOr<std::string> data = StringMember(json, "data");
  if (!data.ok()) return data.status();
  std::string bytes;
  if (!absl::Base64Unescape(*data, &bytes)) return Malformed("data is not base64");
  if (bytes.size() / ByteSize(*dtype) != static_cast<uint64_t>(*count) || bytes.size() % ByteSize(*dtype) != 0) {
    return Malformed(absl::StrCat("data is ", bytes.size(), " bytes, which is not ", *count, " elements"));
  }
  Tensor tensor{*dtype, Shape(extents->begin(), extents->end()), std::vector<std::byte>(bytes.size())};
  std::transform(bytes.begin(), bytes.end(), tensor.data.begin(), [](char c) { return static_cast<std::byte>(c); });
  return tensor;
}

absl::StatusOr<std::vector<Tensor>> ParseTensors(const Json& list) {
  if (!list.is_array()) return Malformed("outputs are not a list");
  std::vector<Tensor> tensors;
  for (const Json& json : list) {
    absl::StatusOr<Tensor> tensor = ParseTensor(json);
    if (!tensor.ok()) return tensor.status();
    tensors.push_back(*std::move(tensor));
  }
  return tensors;
}

absl::StatusOr<Tolerance> ParseTolerance(const Json& check) {
  if (check == "exact") return Tolerance{};
  if (check == "index") return Tolerance{.index = true};
  if (!check.is_object() || check.empty()) return Malformed(absl::StrCat("check ", check.dump(), " is unknown"));
  Tolerance tolerance;
  for (const auto& [name, value] : check.items()) {
    if (name == "ulp" && value.is_number_unsigned()) {
      tolerance.ulp = value.get<uint64_t>();
    } else if (name == "abs" && value.is_number()) {
      tolerance.abs = value.get<double>();
    } else if (name == "rel" && value.is_number()) {
      tolerance.rel = value.get<double>();
    } else {
      return Malformed(absl::StrCat("check ", check.dump(), " is unknown"));
    }
  }
  return tolerance;
}

absl::StatusOr<QuantileOptions> ParseQuantile(const Json& params) {
  QuantileOptions options;
  const Json* q = Member(params, "q");
  if (q == nullptr) return Malformed("q is missing");
  std::vector<double> values;
  for (const Json& each : q->is_array() ? *q : Json::array({*q})) {
    absl::StatusOr<double> value = Real(each, "q");
    if (!value.ok()) return value.status();
    values.push_back(*value);
  }
  if (q->is_array()) {
    options.q = std::move(values);
  } else {
    options.q = values[0];
  }
  if (const Json* name = Member(params, "interpolation")) {
    const std::optional<Interpolation> interpolation =
        name->is_string() ? InterpolationFromName(name->get<std::string>()) : std::nullopt;
    if (!interpolation.has_value()) return Malformed(absl::StrCat("interpolation ", name->dump(), " is unknown"));
    options.interpolation = *interpolation;
  }
  return options;
}

absl::StatusOr<Reduction> ParseReduction(const OpInfo& op, const Json& params) {
  Reduction reduction{.op = op.op};
  if (const Json* dim = Member(params, "dim")) {
    absl::StatusOr<std::vector<int64_t>> dims = Integers(*dim, "dim");
    if (!dims.ok()) return dims.status();
    reduction.dim = *std::move(dims);
  }
  reduction.keepdim = IsTrue(params, "keepdim");
  if (Member(params, "dtype") != nullptr) {
    absl::StatusOr<DType> dtype = DTypeMember(params);
    if (!dtype.ok()) return dtype.status();
    reduction.dtype = *dtype;
  }
  if (const Json* correction = Member(params, "correction")) {
    absl::StatusOr<double> value = Real(*correction, "correction");
    if (!value.ok()) return value.status();
    reduction.options = VarianceOptions{*value};
  }
  if (const Json* ord = Member(params, "ord")) {
    absl::StatusOr<double> value = Real(*ord, "ord");
    if (!value.ok()) return value.status();
    reduction.options = NormOptions{*value};
  }
  if (op.options == OptionsKind::kQuantile) {
    absl::StatusOr<QuantileOptions> options = ParseQuantile(params);
    if (!options.ok()) return options.status();
    reduction.options.emplace<QuantileOptions>(*std::move(options));
  }
  return reduction;
}

// The canonical code of that name: "INVALID_ARGUMENT".
absl::StatusOr<absl::StatusCode> ParseCode(const Json& error) {
  absl::StatusOr<std::string> name = StringMember(error, "code");
  if (!name.ok()) return name.status();
  for (int code = 1; code <= 16; ++code) {
    if (absl::StatusCodeToString(static_cast<absl::StatusCode>(code)) == *name) {
      return static_cast<absl::StatusCode>(code);
    }
  }
  return Malformed(absl::StrCat("error code ", *name, " is unknown"));
}

// Fills in the answers, their tolerances and the refusal.
absl::Status ParseExpectation(const Json& json, Case& test) {
  std::vector<const char*> right = {"expect", "or_expect"};
  if (IsTrue(json, "accept_torch")) right.push_back("torch");
  for (const char* name : right) {
    const Json* list = Member(json, name);
    if (list == nullptr) continue;
    absl::StatusOr<std::vector<Tensor>> answer = ParseTensors(*list);
    if (!answer.ok()) return answer.status();
    test.answers.push_back(*std::move(answer));
  }
  if (const Json* error = Member(json, "error")) {
    absl::StatusOr<absl::StatusCode> code = ParseCode(*error);
    if (!code.ok()) return code.status();
    test.refusal = *code;
  } else if (IsTrue(json, "may_refuse")) {
    test.refusal = absl::StatusCode::kInvalidArgument;
  }
  if (test.answers.empty()) return test.refusal ? absl::OkStatus() : Malformed("neither expect nor error is given");
  const Json* check = Member(json, "check");
  if (check == nullptr) return Malformed("check is missing");
  const size_t outputs = test.answers[0].size();
  for (size_t i = 0; i < outputs; ++i) {
    if (check->is_array() && check->size() != outputs) return Malformed("check is not one per output");
    absl::StatusOr<Tolerance> tolerance = ParseTolerance(check->is_array() ? (*check)[i] : *check);
    if (!tolerance.ok()) return tolerance.status();
    test.tolerances.push_back(*tolerance);
  }
  return absl::OkStatus();
}

absl::Status ReadFile(const std::string& path, std::vector<Case>& cases) {
  std::ifstream file(path);
  const auto at = [&](int64_t line, const std::string& what) {
    return absl::InvalidArgumentError(absl::StrCat(path, ":", line, ": ", what));
  };
  std::string line;
  if (!std::getline(file, line)) return absl::NotFoundError(absl::StrCat(path, ": cannot be read"));
  const Json header = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!header.is_object() || header.value("format", Json()) != kFormat) {
    return at(1, absl::StrCat("the header does not say format ", kFormat));
  }
  int64_t number = 1;
  while (std::getline(file, line)) {
    ++number;
    absl::StatusOr<Case> test = ParseCase(line);
    if (!test.ok()) return at(number, std::string(test.status().message()));
    cases.push_back(*std::move(test));
  }
  if (header.value("cases", Json()) != number - 1) {
    return at(1, absl::StrCat("the header does not say cases ", number - 1));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Case> ParseCase(std::string_view line) {
  const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Malformed("not a JSON object");
  Case test;
  absl::StatusOr<std::string> id = StringMember(json, "id");
  absl::StatusOr<std::string> op_name = StringMember(json, "op");
  const Json* params = Member(json, "params");
  const Json* input = Member(json, "input");
  if (!id.ok()) return id.status();
  if (!op_name.ok()) return op_name.status();
  if (params == nullptr || !params->is_object()) return Malformed("params is not an object");
  if (input == nullptr) return Malformed("input is missing");
  test.id = *std::move(id);
  test.op = *std::move(op_name);

  const OpInfo* op = FindOp(test.op);
  if (op == nullptr) {
    test.skipped = absl::StrCat(test.op, " is not served");
    return test;
  }
  const Json* dim = Member(*params, "dim");
  if ((op->op == Op::kAll || op->op == Op::kAny) && dim != nullptr && dim->is_array() && dim->empty()) {
    test.skipped = absl::StrCat(test.op, " with dim=[] reduces nothing in PyTorch and all dims here");
    return test;
  }
  absl::StatusOr<Reduction> reduction = ParseReduction(*op, *params);
  if (!reduction.ok()) return reduction.status();
  test.reduction = *std::move(reduction);
  absl::StatusOr<Tensor> tensor = ParseTensor(*input);
  if (!tensor.ok()) return tensor.status();
  test.input = *std::move(tensor);
  if (absl::Status status = ParseExpectation(json, test); !status.ok()) return status;
  return test;
}

absl::StatusOr<std::vector<Case>> ReadCases(const std::string& path) {
  std::vector<std::string> files;
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    for (std::filesystem::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
      if (it->path().extension() == ".jsonl") files.push_back(it->path().string());
    }
    std::sort(files.begin(), files.end());
    if (files.empty()) return absl::NotFoundError(absl::StrCat(path, ": no .jsonl files"));
  } else {
    files.push_back(path);
  }
  std::vector<Case> cases;
  for (const std::string& file : files) {
    if (absl::Status status = ReadFile(file, cases); !status.ok()) return status;
  }
  return cases;
}

}  // namespace treduce::conformance
