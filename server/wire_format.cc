// Walks and assembles messages by Protobuf's wire format.
#include "server/wire_format.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "grpcpp/support/proto_buffer_reader.h"
#include "server/engine/values/errors.h"

namespace treduce {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;

// Up to this many bytes a copy costs less than a slice of their own.
constexpr size_t kCopiedBytes = 4096;

void Release(void* owner) { delete static_cast<SharedResults*>(owner); }

// Bytes of their own that keep the results charged, as those do which are referred to.
struct HeldCopy {
  std::string bytes;
  SharedResults owner;
};
void ReleaseCopy(void* held) { delete static_cast<HeldCopy*>(held); }

}  // namespace

absl::Status Malformed(std::string_view field) {
  return InvalidField("MALFORMED_MESSAGE", field, "the bytes are not a message of the API, or are cut short");
}

absl::Status MissingMessage(std::string_view field) {
  return InvalidField("MISSING_MESSAGE", field, "the call ended without a message");
}

absl::Status CheckSpecBytes(std::string_view field, int64_t byte_count) {
  if (byte_count <= kMaxSpecBytes) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, {"SPEC_TOO_LARGE", std::string(field), absl::StrCat(kMaxSpecBytes)},
               absl::StrCat("a spec has at most ", kMaxSpecBytes, " bytes, not ", byte_count));
}

std::optional<int> ReadLength(CodedInputStream& input, int message_length) {
  int length;
  if (!input.ReadVarintSizeAsInt(&length) || length > message_length - input.CurrentPosition()) return std::nullopt;
  return length;
}

bool ReadSlices(CodedInputStream& input, int length, Payload& payload) {
  for (int rest = length; rest > 0;) {
    const void* data;
    int size;
    if (!input.GetDirectBufferPointer(&data, &size)) return false;
    size = std::min(size, rest);
    payload.emplace_back(static_cast<const std::byte*>(data), size);
    input.Skip(size);
    rest -= size;
  }
  return true;
}

int64_t DelimitedSize(int64_t length) { return 1 + CodedOutputStream::VarintSize64(length) + length; }

bool Parse(const grpc::ByteBuffer& bytes, google::protobuf::MessageLite& message) {
  // The reader does not change the bytes.
  grpc::ProtoBufferReader reader(const_cast<grpc::ByteBuffer*>(&bytes));
  return message.ParseFromZeroCopyStream(&reader);
}

grpc::ByteBuffer Serialize(const google::protobuf::MessageLite& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

void MessageBuilder::AddDelimiter(int field, int64_t length) {
  uint8_t buffer[16];
  uint8_t* end = WireFormatLite::WriteTagToArray(field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED, buffer);
  end = CodedOutputStream::WriteVarint64ToArray(length, end);
  copied_.append(reinterpret_cast<const char*>(buffer), end - buffer);
}

void MessageBuilder::AddPayload(absl::Span<const std::byte> bytes) {
  if (bytes.size() <= kCopiedBytes) return AddCopy({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  FlushCopied();
  slices_.emplace_back(const_cast<std::byte*>(bytes.data()), bytes.size(), Release, new SharedResults(owner_));
}

grpc::ByteBuffer MessageBuilder::Build() {
  FlushCopied();
  return grpc::ByteBuffer(slices_.data(), slices_.size());
}

void MessageBuilder::FlushCopied() {
  if (copied_.size() > kCopiedBytes) {
    auto* held = new HeldCopy{std::move(copied_), owner_};
    slices_.emplace_back(held->bytes.data(), held->bytes.size(), ReleaseCopy, held);
  } else if (!copied_.empty()) {
    slices_.emplace_back(copied_);
  }
  copied_.clear();
}

}  // namespace treduce
