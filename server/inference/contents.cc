// Typed fields are read as Protobuf's parser reads them: packed or not, in any number of parts.
#include "server/inference/contents.h"

#include <cstring>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "google/protobuf/wire_format_lite.h"
#include "server/engine/values/errors.h"
#include "server/inference/datatypes.h"

namespace treduce {
namespace {

using google::protobuf::internal::WireFormatLite;
using inference::InferTensorContents;

constexpr char kField[] = "inputs[0].contents";

// Elements of one piece.
constexpr size_t kPieceElements = 8192;

// The field that is for elements of `dtype`; 0 when there is none.
int FieldOf(DType dtype) {
  switch (dtype) {
    case DType::kBool:
      return InferTensorContents::kBoolContentsFieldNumber;
    case DType::kInt8:
    case DType::kInt16:
    case DType::kInt32:
      return InferTensorContents::kIntContentsFieldNumber;
    case DType::kInt64:
      return InferTensorContents::kInt64ContentsFieldNumber;
    case DType::kUInt8:
    case DType::kUInt16:
    case DType::kUInt32:
      return InferTensorContents::kUintContentsFieldNumber;
    case DType::kUInt64:
      return InferTensorContents::kUint64ContentsFieldNumber;
    case DType::kFloat32:
      return InferTensorContents::kFp32ContentsFieldNumber;
    case DType::kFloat64:
      return InferTensorContents::kFp64ContentsFieldNumber;
    default:
      return 0;
  }
}

WireFormatLite::WireType WireTypeOf(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return WireFormatLite::WIRETYPE_FIXED32;
    case DType::kFloat64:
      return WireFormatLite::WIRETYPE_FIXED64;
    default:
      return WireFormatLite::WIRETYPE_VARINT;
  }
}

const std::string& NameOf(int field) { return InferTensorContents::descriptor()->FindFieldByNumber(field)->name(); }

template <class T, class Elements>
void AddAll(const Tensor& tensor, Elements& elements) {
  const size_t count = tensor.data.size() / sizeof(T);
  elements.Reserve(static_cast<int>(count));
  for (size_t i = 0; i < count; ++i) {
    T element;
    std::memcpy(&element, tensor.data.data() + i * sizeof(T), sizeof(T));
    elements.AddAlreadyReserved(element);
  }
}

}  // namespace

ContentsReader::ContentsReader(const Payload& contents, DType dtype)
    : dtype_(dtype),
      streams_([&] {
        std::vector<google::protobuf::io::ZeroCopyInputStream*> streams;
        for (const auto slice : contents) {
          streams.push_back(&slices_.emplace_back(slice.data(), static_cast<int>(slice.size())));
        }
        return streams;
      }()),
      stream_(streams_.data(), static_cast<int>(streams_.size())),
      input_(&stream_) {}

absl::StatusOr<absl::Span<const std::byte>> ContentsReader::Next() {
  piece_.clear();
  for (size_t i = 0; i < kPieceElements; ++i) {
    const absl::StatusOr<bool> found = FindElements();
    if (!found.ok()) return found.status();
    if (!*found) break;
    if (absl::Status status = ReadElement(); !status.ok()) return status;
  }
  return absl::MakeConstSpan(piece_);
}

absl::StatusOr<bool> ContentsReader::FindElements() {
  for (;;) {
    if (packed_.has_value()) {
      if (input_.BytesUntilLimit() > 0) return true;
      input_.PopLimit(*packed_);
      packed_.reset();
    }
    const uint32_t tag = input_.ReadTag();
    if (tag == 0) {
      if (!input_.ConsumedEntireMessage()) return Malformed(kField);
      return false;
    }
    const int field = WireFormatLite::GetTagFieldNumber(tag);
    if (InferTensorContents::descriptor()->FindFieldByNumber(field) == nullptr) {
      if (!WireFormatLite::SkipField(&input_, tag)) return Malformed(kField);
      continue;
    }
    const int own_field = FieldOf(dtype_);
    if (field != own_field) {
      const std::string own = own_field == 0 ? "raw_input_contents" : NameOf(own_field);
      return InvalidField("CONTENTS_MISMATCH", absl::StrCat(kField, ".", NameOf(field)),
                          absl::StrCat("elements of datatype ", std::string(DatatypeOf(dtype_)), " go into ", own));
    }
    if (WireFormatLite::GetTagWireType(tag) == WireTypeOf(dtype_)) return true;
    int length;
    if (tag != DelimitedTag(field) || !input_.ReadVarintSizeAsInt(&length)) return Malformed(kField);
    packed_ = input_.PushLimit(length);
  }
}

absl::Status ContentsReader::ReadElement() {
  if (dtype_ == DType::kFloat32) {
    uint32_t bits;
    if (!input_.ReadLittleEndian32(&bits)) return Malformed(kField);
    Add(bits);
    return absl::OkStatus();
  }
  uint64_t bits;
  if (dtype_ == DType::kFloat64 ? !input_.ReadLittleEndian64(&bits) : !input_.ReadVarint64(&bits)) {
    return Malformed(kField);
  }
  const auto add_narrow = [this](auto wide, auto element) {
    using Narrow = std::numeric_limits<decltype(element)>;
    if (wide < Narrow::min() || wide > Narrow::max()) {
      return InvalidField("ELEMENT_OUT_OF_RANGE", kField,
                          absl::StrCat(wide, " is no ", std::string(DatatypeOf(dtype_))));
    }
    Add(static_cast<decltype(element)>(wide));
    return absl::OkStatus();
  };
  switch (dtype_) {
    case DType::kBool:
      Add(static_cast<uint8_t>(bits != 0));
      return absl::OkStatus();
    case DType::kInt8:
      return add_narrow(static_cast<int32_t>(bits), int8_t());
    case DType::kInt16:
      return add_narrow(static_cast<int32_t>(bits), int16_t());
    case DType::kInt32:
      return add_narrow(static_cast<int32_t>(bits), int32_t());
    case DType::kUInt8:
      return add_narrow(static_cast<uint32_t>(bits), uint8_t());
    case DType::kUInt16:
      return add_narrow(static_cast<uint32_t>(bits), uint16_t());
    case DType::kUInt32:
      return add_narrow(static_cast<uint32_t>(bits), uint32_t());
    default:
      Add(bits);
      return absl::OkStatus();
  }
}

template <class T>
void ContentsReader::Add(T element) {
  const auto* bytes = reinterpret_cast<const std::byte*>(&element);
  piece_.insert(piece_.end(), bytes, bytes + sizeof(element));
}

bool HasContents(DType dtype) { return FieldOf(dtype) != 0; }

void SetContents(const Tensor& tensor, InferTensorContents& contents) {
  switch (tensor.dtype) {
    case DType::kBool:
      return AddAll<uint8_t>(tensor, *contents.mutable_bool_contents());
    case DType::kInt8:
      return AddAll<int8_t>(tensor, *contents.mutable_int_contents());
    case DType::kInt16:
      return AddAll<int16_t>(tensor, *contents.mutable_int_contents());
    case DType::kInt32:
      return AddAll<int32_t>(tensor, *contents.mutable_int_contents());
    case DType::kInt64:
      return AddAll<int64_t>(tensor, *contents.mutable_int64_contents());
    case DType::kUInt8:
      return AddAll<uint8_t>(tensor, *contents.mutable_uint_contents());
    case DType::kUInt16:
      return AddAll<uint16_t>(tensor, *contents.mutable_uint_contents());
    case DType::kUInt32:
      return AddAll<uint32_t>(tensor, *contents.mutable_uint_contents());
    case DType::kUInt64:
      return AddAll<uint64_t>(tensor, *contents.mutable_uint64_contents());
    case DType::kFloat32:
      return AddAll<float>(tensor, *contents.mutable_fp32_contents());
    case DType::kFloat64:
      return AddAll<double>(tensor, *contents.mutable_fp64_contents());
    default:
      return;
  }
}

}  // namespace treduce
