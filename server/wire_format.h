// Messages around payloads: the small fields of a message are read and written by Protobuf, the large ones where they
// lie. What the protocols of all services have in common.
#ifndef TREDUCE_SERVER_WIRE_FORMAT_H_
#define TREDUCE_SERVER_WIRE_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/message_lite.h"
#include "google/protobuf/wire_format_lite.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/engine/values/tensor.h"

namespace treduce {

// The small fields of a request may have so many bytes together. Those of 256 reductions over 64 dims each fit.
inline constexpr int kMaxSpecBytes = 256 << 10;

// The bytes of a tensor, or the next of them, in the slices they arrived in. Borrows the message it was parsed from.
using Payload = absl::InlinedVector<absl::Span<const std::byte>, 4>;

// Results that messages hold on to until they are sent.
using SharedResults = std::shared_ptr<const std::vector<ReductionResult>>;

constexpr uint32_t DelimitedTag(int field) {
  return field << 3 | google::protobuf::internal::WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
}

// INVALID_ARGUMENT for bytes that are not a message.
absl::Status Malformed(std::string_view field);

// INVALID_ARGUMENT for a call that ends without the message that should have `field`.
absl::Status MissingMessage(std::string_view field);

// INVALID_ARGUMENT for small fields of more than kMaxSpecBytes.
absl::Status CheckSpecBytes(std::string_view field, int64_t byte_count);

// The length of a delimited field, which lies within the `message_length` bytes of `input`; nullopt otherwise.
std::optional<int> ReadLength(google::protobuf::io::CodedInputStream& input, int message_length);

// Adds the slices of the next `length` bytes of `input` to `payload`; false when there are fewer.
bool ReadSlices(google::protobuf::io::CodedInputStream& input, int length, Payload& payload);

// Bytes of a delimited field of `length` bytes with its tag, whose number is below 16.
int64_t DelimitedSize(int64_t length);

// A message without payload; false for bytes that are none.
bool Parse(const grpc::ByteBuffer& bytes, google::protobuf::MessageLite& message);
grpc::ByteBuffer Serialize(const google::protobuf::MessageLite& message);

// Assembles a message from fields and from payloads that `owner` keeps alive.
class MessageBuilder {
 public:
  explicit MessageBuilder(SharedResults owner) : owner_(std::move(owner)) {}

  // The start of a field of `length` bytes, which follow.
  void AddDelimiter(int field, int64_t length);

  void AddCopy(std::string_view bytes) { copied_.append(bytes); }

  // Refers to the bytes, unless they are so few that a copy costs less.
  void AddPayload(absl::Span<const std::byte> bytes);

  grpc::ByteBuffer Build();

 private:
  void FlushCopied();

  const SharedResults owner_;
  std::string copied_;
  std::vector<grpc::Slice> slices_;
};

}  // namespace treduce

#endif  // TREDUCE_SERVER_WIRE_FORMAT_H_
