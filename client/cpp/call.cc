// See call.h.
#include "client/cpp/call.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>

#include <utility>

#include "absl/time/clock.h"
#include "client/cpp/convert.h"

namespace treduce::client {

Loan::Loan(absl::Span<const std::byte> bytes)
    : whole_(
          const_cast<std::byte*>(bytes.data()), bytes.size(),
          [](void* returned) { static_cast<std::atomic<bool>*>(returned)->store(true, std::memory_order_release); },
          &returned_) {}

grpc::ByteBuffer Message(const std::string& head, std::optional<grpc::Slice> content) {
  const grpc::Slice slices[] = {grpc::Slice(head), content.has_value() ? *std::move(content) : grpc::Slice()};
  return grpc::ByteBuffer(slices, slices[1].size() > 0 ? 2 : 1);
}

std::string BytesFieldHead(int field_number, size_t length) {
  using google::protobuf::internal::WireFormatLite;
  std::string head;
  google::protobuf::io::StringOutputStream string_stream(&head);
  google::protobuf::io::CodedOutputStream coded(&string_stream);
  coded.WriteTag(WireFormatLite::MakeTag(field_number, WireFormatLite::WIRETYPE_LENGTH_DELIMITED));
  coded.WriteVarint64(length);
  coded.Trim();
  return head;
}

Call::Call(grpc::GenericStub* stub, grpc::CompletionQueue* queue, const CallOptions& options)
    : stub_(stub), queue_(queue), on_cancel_(options.cancel, [this] { Cancel(); }) {
  if (options.timeout < absl::InfiniteDuration()) {
    context_.set_deadline(absl::ToChronoTime(absl::Now() + options.timeout));
  }
}

absl::StatusOr<grpc::ByteBuffer> Call::Unary(const std::string& method, const grpc::ByteBuffer& request) {
  grpc::ByteBuffer response;
  grpc::Status status;
  const auto reader = stub_->PrepareUnaryCall(&context_, method, request, queue_);
  reader->StartCall();
  reader->Finish(&response, &status, this);
  Next();
  if (!status.ok()) return ToStatus(status);
  return response;
}

void Call::Start(const std::string& method) {
  stream_ = stub_->PrepareCall(&context_, method, queue_);
  stream_->StartCall(this);
  Next();
}

bool Call::Write(const grpc::ByteBuffer& message, bool last) {
  grpc::WriteOptions options;
  if (last) options.set_last_message();
  stream_->Write(message, options, this);
  return Next();
}

absl::Status Call::Finish(absl::FunctionRef<absl::Status(grpc::ByteBuffer*)> take) {
  absl::Status taken;
  // Reads on after an error: a call has its status only when no message is left.
  const auto read = [&](grpc::ByteBuffer* message) {
    stream_->Read(message, this);
    return Next();
  };
  for (grpc::ByteBuffer message; read(&message);) {
    if (taken.ok()) taken = take(&message);
    if (!taken.ok()) Cancel();
  }
  grpc::Status status;
  stream_->Finish(&status, this);
  Next();
  return taken.ok() ? ToStatus(status) : taken;
}

bool Call::Next() {
  void* tag = nullptr;
  bool ok = false;
  return queue_->Next(&tag, &ok) && ok;
}

}  // namespace treduce::client
