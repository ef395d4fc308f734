// See npy.h. After magic, version and length comes a Python dict: {'descr': '<f4', 'fortran_order': False, 'shape': (2,
// 3)}.
#include "client/cli/npy.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/engine/values/tensor.h"

namespace treduce::cli {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

// A header with 64 dims takes about 2 KB, and NumPy refuses more than 10 KB.
constexpr size_t kMaxHeaderSize = size_t{64} << 10;

// NumPy pads headers so that the data begins at a multiple of this.
constexpr size_t kAlignment = 64;

absl::Status Malformed(std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("malformed .npy header: ", std::string(what)));
}

// Reads the Python literals of a header, front to back. Each function skips white space first.
class LiteralReader {
 public:
  explicit LiteralReader(std::string_view text) : text_(text) {}

  // Takes `token` if it comes next.
  bool Take(std::string_view token) {
    while (!text_.empty() && absl::ascii_isspace(text_.front())) text_.remove_prefix(1);
    if (!text_.starts_with(token)) return false;
    text_.remove_prefix(token.size());
    return true;
  }

  bool AtEnd() { return Take("") && text_.empty(); }

  // A string in either kind of quotes, without escapes.
  std::optional<std::string_view> TakeString() {
    const std::string_view quote = Take("'") ? "'" : Take("\"") ? "\"" : "";
    if (quote.empty()) return std::nullopt;
    const size_t length = text_.find(quote);
    if (length == std::string_view::npos) return std::nullopt;
    const std::string_view content = text_.substr(0, length);
    text_.remove_prefix(length + 1);
    return content;
  }

  // True or False.
  std::optional<bool> TakeBool() {
    if (Take("True")) return true;
    if (Take("False")) return false;
    return std::nullopt;
  }

  // A tuple of integers; Python 2 wrote them with an L.
  std::optional<Shape> TakeShape() {
    if (!Take("(")) return std::nullopt;
    Shape shape;
    while (!Take(")")) {
      const size_t length = std::min(text_.find_first_not_of("-0123456789"), text_.size());
      int64_t extent = 0;
      if (!absl::SimpleAtoi(absl::string_view(text_.data(), length), &extent)) return std::nullopt;
      text_.remove_prefix(length);
      shape.push_back(extent);
      Take("L");
      if (!Take(",") && !text_.starts_with(")")) return std::nullopt;
    }
    return shape;
  }

 private:
  std::string_view text_;
};

// The letter and size NumPy writes for a dtype: "f4".
std::string_view NpyType(DType dtype) {
  switch (dtype) {
    case DType::kFloat64:
      return "f8";
    case DType::kFloat32:
      return "f4";
    case DType::kFloat16:
      return "f2";
    case DType::kBFloat16:
      return "V2";
    case DType::kInt8:
      return "i1";
    case DType::kInt16:
      return "i2";
    case DType::kInt32:
      return "i4";
    case DType::kInt64:
      return "i8";
    case DType::kUInt8:
      return "u1";
    case DType::kUInt16:
      return "u2";
    case DType::kUInt32:
      return "u4";
    case DType::kUInt64:
      return "u8";
    case DType::kBool:
      return "b1";
    case DType::kComplex64:
      return "c8";
    case DType::kComplex128:
      return "c16";
  }
  return "";
}

// `descr` is "<f4": byte order, letter, size.
absl::Status ParseType(std::string_view descr, std::optional<DType> opaque_dtype, NpyHeader* header) {
  std::string_view type = descr;
  if (!type.empty() && std::string_view("<>|=").find(type.front()) != std::string_view::npos) type.remove_prefix(1);
  const auto unknown = [&](std::string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat("dtype '", absl::CHexEscape(std::string(descr)), "' ", std::string(what)));
  };
  header->big_endian = descr.starts_with('>');
  if (type.starts_with('V')) {
    if (!opaque_dtype.has_value()) {
      return unknown("is opaque bytes; if they are bfloat16, as ml_dtypes writes it, add --input-dtype bfloat16");
    }
    if (type.substr(1) != std::to_string(ByteSize(*opaque_dtype))) {
      return unknown(absl::StrCat("is not of the size of ", std::string(Name(*opaque_dtype))));
    }
    header->dtype = *opaque_dtype;
    return absl::OkStatus();
  }
  if (opaque_dtype.has_value()) return unknown("is not opaque bytes, which --input-dtype is for");
  for (DType dtype : kAllDTypes) {
    if (type != NpyType(dtype)) continue;
    header->dtype = dtype;
    return absl::OkStatus();
  }
  if (type.starts_with('O')) return unknown("holds Python objects, not numbers");
  return unknown("is not one that treduce reduces");
}

}  // namespace

absl::StatusOr<size_t> NpyHeaderSize(absl::Span<const std::byte> prefix) {
  const std::string_view text(reinterpret_cast<const char*>(prefix.data()), prefix.size());
  if (!text.starts_with(kMagic.substr(0, std::min(text.size(), kMagic.size()))) || text.empty()) {
    return absl::InvalidArgumentError("not a .npy file");
  }
  if (prefix.size() < kNpyPrefixSize) return Malformed("the file is cut short");
  const auto byte = [&](size_t i) { return std::to_integer<size_t>(prefix[i]); };
  const size_t version = byte(6);
  if (version < 1 || version > 3) return Malformed(absl::StrCat("unknown version ", version));
  size_t size = version == 1 ? 10 : 12;
  size += byte(8) | byte(9) << 8;
  if (version > 1) size += byte(10) << 16 | byte(11) << 24;
  if (size > kMaxHeaderSize) return Malformed(absl::StrCat("it claims to be ", size, " bytes long"));
  if (size < kNpyPrefixSize) return Malformed("it is empty");
  return size;
}

absl::StatusOr<NpyHeader> ParseNpyHeader(absl::Span<const std::byte> bytes, std::optional<DType> opaque_dtype) {
  const absl::StatusOr<size_t> size = NpyHeaderSize(bytes);
  if (!size.ok()) return size.status();
  if (bytes.size() != *size) return Malformed("the file is cut short");
  const size_t start = std::to_integer<int>(bytes[6]) == 1 ? 10 : 12;
  LiteralReader reader({reinterpret_cast<const char*>(bytes.data()) + start, *size - start});

  std::optional<std::string_view> descr;
  std::optional<bool> fortran_order;
  std::optional<Shape> shape;
  if (!reader.Take("{")) return Malformed("expected {");
  while (!reader.Take("}")) {
    const std::optional<std::string_view> key = reader.TakeString();
    if (!key.has_value() || !reader.Take(":")) return Malformed("expected a key");
    if (*key == "descr" && !descr.has_value()) {
      if (reader.Take("[")) return absl::InvalidArgumentError("structured dtypes (records) cannot be reduced");
      descr = reader.TakeString();
      if (!descr.has_value()) return Malformed("'descr' is not a string");
    } else if (*key == "fortran_order" && !fortran_order.has_value()) {
      fortran_order = reader.TakeBool();
      if (!fortran_order.has_value()) return Malformed("'fortran_order' is neither True nor False");
    } else if (*key == "shape" && !shape.has_value()) {
      shape = reader.TakeShape();
      if (!shape.has_value()) return Malformed("'shape' is not a tuple of integers");
    } else {
      return Malformed(absl::StrCat("unexpected key '", absl::CHexEscape(std::string(*key)), "'"));
    }
    reader.Take(",");
  }
  if (!reader.AtEnd()) return Malformed("text after }");
  if (!descr.has_value() || !fortran_order.has_value() || !shape.has_value()) {
    return Malformed("expected the keys 'descr', 'fortran_order' and 'shape'");
  }

  NpyHeader header = {.dtype = {}, .shape = *shape, .fortran_order = *fortran_order};
  if (absl::Status status = ParseType(*descr, opaque_dtype, &header); !status.ok()) return status;
  const absl::StatusOr<int64_t> byte_count = ByteCount(header.dtype, header.shape);
  if (!byte_count.ok()) return byte_count.status();
  header.byte_count = *byte_count;
  return header;
}

std::string MakeNpyHeader(DType dtype, absl::Span<const int64_t> shape) {
  // A byte has no order, which NumPy marks with |.
  std::string dict = absl::StrCat("{'descr': '", ByteSize(dtype) == 1 ? "|" : "<", std::string(NpyType(dtype)),
                                  "', 'fortran_order': False, 'shape': (", absl::StrJoin(shape, ", "),
                                  shape.size() == 1 ? ",), }" : "), }");
  const size_t start = kMagic.size() + 4;
  const size_t size = (start + dict.size() + 1 + kAlignment - 1) / kAlignment * kAlignment;
  dict.append(size - start - dict.size() - 1, ' ');
  dict.push_back('\n');
  std::string header(kMagic);
  header.append({'\x01', '\x00', static_cast<char>(dict.size() & 0xFF), static_cast<char>(dict.size() >> 8)});
  return header + dict;
}

}  // namespace treduce::cli
