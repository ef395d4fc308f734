// See print.h. Two passes: the elements that will be shown settle the notation and the width, then all are written.
#include "client/cli/print.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "client/cli/scalar.h"

namespace treduce::cli {
namespace {

constexpr int64_t kThreshold = 1000;
constexpr int64_t kEdgeItems = 3;
constexpr int kLineWidth = 80;

std::string Padded(const std::string& text, int width) {
  return absl::StrCat(std::string(std::max(0, width - static_cast<int>(text.size())), ' '), text);
}

// The notation of the floats of one tensor, settled by all that are shown.
class FloatFormat {
 public:
  explicit FloatFormat(absl::Span<const double> shown) {
    double smallest = INFINITY;
    double largest = 0;
    for (double value : shown) {
      if (!std::isfinite(value) || value == 0) continue;
      smallest = std::min(smallest, std::abs(value));
      largest = std::max(largest, std::abs(value));
      if (value != std::ceil(value)) integers_ = false;
    }
    if (largest == 0) return;
    scientific_ = largest / smallest > 1000.0 || largest > 1.0e8 || smallest < 1.0e-4;
    for (double value : shown) {
      if (std::isfinite(value) && value != 0) width_ = std::max(width_, static_cast<int>(Bare(value).size()));
    }
  }

  int width() const { return width_; }
  std::string Text(double value) const { return Padded(Bare(value), width_); }

 private:
  std::string Bare(double value) const {
    if (std::isnan(value)) return "nan";
    if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
    if (scientific_) return absl::StrFormat("%.4e", value);
    return integers_ ? absl::StrFormat("%.0f.", value) : absl::StrFormat("%.4f", value);
  }

  bool integers_ = true;
  bool scientific_ = false;
  int width_ = 1;
};

// "True", "-12".
std::string ExactText(const Scalar& scalar) {
  if (const bool* value = std::get_if<bool>(&scalar)) return *value ? "True" : "False";
  if (const uint64_t* value = std::get_if<uint64_t>(&scalar)) return absl::StrCat(*value);
  return absl::StrCat(std::get<int64_t>(scalar));
}

class Printer {
 public:
  explicit Printer(const TensorView& tensor, int64_t element_count)
      : tensor_(tensor), element_count_(element_count), summarize_(element_count > kThreshold) {
    std::vector<double> real;
    std::vector<double> imaginary;
    ForEachShown(0, 0, element_count, [&](int64_t index) {
      const Scalar scalar = ScalarAt(tensor_, index);
      if (const double* value = std::get_if<double>(&scalar)) {
        real.push_back(*value);
      } else if (const auto* value = std::get_if<std::complex<double>>(&scalar)) {
        real.push_back(value->real());
        imaginary.push_back(value->imag());
      } else {
        exact_width_ = std::max(exact_width_, static_cast<int>(ExactText(scalar).size()));
      }
    });
    real_.emplace(real);
    imaginary_.emplace(imaginary);
    width_ = std::max(exact_width_, real_->width()) + (IsComplex(tensor.dtype) ? imaginary_->width() + 1 : 0);
  }

  // The elements in nested brackets; `indent` is the column they start at.
  std::string Contents(int indent) const { return Block(0, 0, element_count_, indent); }

 private:
  // Whether the middle of this dim is left out.
  bool Elided(size_t dim) const { return summarize_ && tensor_.shape[dim] > 2 * kEdgeItems; }

  // Calls `visit` for each item shown along `dim`, and `elide` where the others are left out.
  template <typename Visit, typename Elide>
  void ForEachItem(size_t dim, Visit visit, Elide elide) const {
    const int64_t extent = tensor_.shape[dim];
    const bool elided = Elided(dim);
    for (int64_t i = 0; i < extent; ++i) {
      if (elided && i == kEdgeItems) {
        elide();
        i = extent - kEdgeItems;
      }
      visit(i);
    }
  }

  // The block of `dim` that starts at element `offset` holds `count` elements.
  template <typename Visit>
  void ForEachShown(size_t dim, int64_t offset, int64_t count, const Visit& visit) const {
    if (dim == tensor_.shape.size()) return visit(offset);
    const int64_t step = count / tensor_.shape[dim];
    ForEachItem(
        dim, [&](int64_t i) { ForEachShown(dim + 1, offset + i * step, step, visit); }, [] {});
  }

  std::string Block(size_t dim, int64_t offset, int64_t count, int indent) const {
    const size_t dims = tensor_.shape.size() - dim;
    if (dims == 0) return ElementText(offset);
    const int64_t step = count / tensor_.shape[dim];
    std::vector<std::string> items;
    ForEachItem(
        dim, [&](int64_t i) { items.push_back(Block(dim + 1, offset + i * step, step, indent + 1)); },
        [&] { items.push_back(dims == 1 ? " ..." : "..."); });
    const std::string newline =
        absl::StrCat(",", std::string(std::max<size_t>(dims - 1, 1), '\n'), std::string(indent + 1, ' '));
    const size_t per_line = dims > 1 ? 1 : std::max(1, (kLineWidth - indent) / (width_ + 2));
    std::string text = "[";
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) absl::StrAppend(&text, i % per_line == 0 ? newline : ", ");
      absl::StrAppend(&text, items[i]);
    }
    return absl::StrCat(text, "]");
  }

  std::string ElementText(int64_t index) const {
    const Scalar scalar = ScalarAt(tensor_, index);
    if (const double* value = std::get_if<double>(&scalar)) return real_->Text(*value);
    if (const auto* value = std::get_if<std::complex<double>>(&scalar)) {
      const std::string padded = imaginary_->Text(value->imag());
      const absl::string_view imaginary = absl::StripLeadingAsciiWhitespace(padded);
      return absl::StrCat(real_->Text(value->real()), imaginary[0] == '-' ? "" : "+", imaginary, "j");
    }
    return Padded(ExactText(scalar), exact_width_);
  }

  const TensorView& tensor_;
  int64_t element_count_;
  bool summarize_;
  std::optional<FloatFormat> real_;
  std::optional<FloatFormat> imaginary_;
  int exact_width_ = 1;
  int width_ = 1;  // of an element
};

bool IsDefault(DType dtype) {
  return dtype == DType::kFloat32 || dtype == DType::kComplex64 || dtype == DType::kInt64 || dtype == DType::kBool;
}

// "(2, 0)" and, as Python writes a tuple of one, "(0,)".
std::string TupleText(absl::Span<const int64_t> shape) {
  return absl::StrCat("(", absl::StrJoin(shape, ", "), shape.size() == 1 ? ",)" : ")");
}

}  // namespace

std::string ToText(const TensorView& tensor) {
  const auto element_count = static_cast<int64_t>(tensor.data.size() / ByteSize(tensor.dtype));
  const std::string dtype = absl::StrCat("dtype=torch.", std::string(Name(tensor.dtype)));
  std::string text = "tensor(";
  const int indent = static_cast<int>(text.size());
  std::vector<std::string> suffixes;
  if (element_count == 0) {
    text += "[]";
    if (tensor.shape.size() != 1) suffixes.push_back(absl::StrCat("size=", TupleText(tensor.shape)));
    if (tensor.dtype != DType::kFloat32) suffixes.push_back(dtype);
  } else {
    text += Printer(tensor, element_count).Contents(indent);
    if (!IsDefault(tensor.dtype)) suffixes.push_back(dtype);
  }
  // PyTorch counts two columns more than the last line has.
  size_t column = text.size() - (text.rfind('\n') + 1) + 2;
  for (const std::string& suffix : suffixes) {
    const bool wraps = column + suffix.size() + 2 > kLineWidth;
    absl::StrAppend(&text, wraps ? absl::StrCat(",\n", std::string(indent, ' ')) : ", ", suffix);
    column = wraps ? indent + suffix.size() : column + suffix.size() + 2;
  }
  return absl::StrCat(text, ")");
}

std::string ToText(std::string_view op, absl::Span<const std::string_view> names, const ReductionResult& result) {
  const auto& outputs = result.outputs;
  if (outputs.size() == 1) return ToText(outputs[0].view());
  if (names[1] == "mean" || names[0] == "output") {  // a tuple without a name
    const auto text = [](std::string* out, const Tensor& output) { out->append(ToText(output.view())); };
    return absl::StrCat("(", absl::StrJoin(outputs, ", ", text), ")");
  }
  std::string text = absl::StrCat("torch.return_types.", std::string(op), "(");
  for (size_t i = 0; i < outputs.size(); ++i) {
    absl::StrAppend(&text, i > 0 ? "," : "", "\n", std::string(names[i]), "=", ToText(outputs[i].view()));
  }
  return absl::StrCat(text, ")");
}

}  // namespace treduce::cli
