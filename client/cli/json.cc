// See json.h.
#include "client/cli/json.h"

#include <charconv>
#include <cmath>
#include <complex>
#include <cstdint>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/scalar.h"

namespace treduce::cli {
namespace {

template <typename T>
void AppendShortest(T value, std::string* json) {
  char text[32];
  json->append(text, std::to_chars(text, text + sizeof(text), value).ptr);
}

class DataWriter {
 public:
  DataWriter(const TensorView& tensor, std::string* json) : tensor_(tensor), json_(json) {}

  void WriteFrom(size_t dim) {
    if (dim == tensor_.shape.size()) return WriteElement();
    *json_ += '[';
    for (int64_t i = 0; i < tensor_.shape[dim]; ++i) {
      if (i > 0) *json_ += ',';
      WriteFrom(dim + 1);
    }
    *json_ += ']';
  }

 private:
  void WriteElement() {
    const Scalar scalar = ScalarAt(tensor_, next_++);
    if (const bool* truth = std::get_if<bool>(&scalar)) {
      *json_ += *truth ? "true" : "false";
    } else if (const auto* number = std::get_if<std::complex<double>>(&scalar)) {
      *json_ += '[';
      WriteFloat(number->real());
      *json_ += ',';
      WriteFloat(number->imag());
      *json_ += ']';
    } else if (const double* number = std::get_if<double>(&scalar)) {
      WriteFloat(*number);
    } else if (const uint64_t* number = std::get_if<uint64_t>(&scalar)) {
      absl::StrAppend(json_, *number);
    } else {
      absl::StrAppend(json_, std::get<int64_t>(scalar));
    }
  }

  void WriteFloat(double value) {
    if (std::isnan(value)) {
      *json_ += "\"NaN\"";
    } else if (std::isinf(value)) {
      *json_ += value < 0 ? "\"-Infinity\"" : "\"Infinity\"";
    } else if (ByteSize(RealDType(tensor_.dtype)) == sizeof(double)) {
      AppendShortest(value, json_);
    } else {
      AppendShortest(static_cast<float>(value), json_);
    }
  }

  const TensorView& tensor_;
  std::string* const json_;
  int64_t next_ = 0;
};

}  // namespace

std::string ToJson(std::string_view op, std::string_view output, const Reduction& reduction, const Tensor& tensor) {
  std::string json = absl::StrCat(
      "{\"op\":\"", std::string(op), "\",\"output\":\"", std::string(output), "\",\"dim\":[",
      absl::StrJoin(reduction.dim, ","), "],\"keepdim\":", reduction.keepdim ? "true" : "false", ",\"dtype\":\"",
      std::string(Name(tensor.dtype)), "\",\"shape\":[", absl::StrJoin(tensor.shape, ","), "],\"data\":");
  const TensorView view = tensor.view();
  if (view.data.empty()) {  // which may be any number of rows
    json += "[]";
  } else {
    DataWriter(view, &json).WriteFrom(0);
  }
  return absl::StrCat(json, "}");
}

}  // namespace treduce::cli
