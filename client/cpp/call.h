// One RPC of raw messages over a completion queue of its own, so that payloads go out from where they lie.
#ifndef TREDUCE_CLIENT_CPP_CALL_H_
#define TREDUCE_CLIENT_CPP_CALL_H_

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "client/cpp/client.h"

namespace treduce::client {

// Bytes lent to gRPC as slices. gRPC may hold on to them beyond the end of a call (a write of the connection can be
// under way when a deadline passes), so whoever lends must wait for `returned`.
class Loan {
 public:
  explicit Loan(absl::Span<const std::byte> bytes);
  Loan(const Loan&) = delete;
  Loan& operator=(const Loan&) = delete;

  grpc::Slice Slice(size_t offset, size_t length) const { return whole_.sub(offset, offset + length); }

  // No more slices are made; `returned` may become true.
  void End() { whole_ = grpc::Slice(); }
  bool returned() const { return returned_.load(std::memory_order_acquire); }

 private:
  std::atomic<bool> returned_ = false;
  grpc::Slice whole_;
};

// A message of Protobuf fields: `head` and, when it ends in the tag and length of a bytes field, that field's content.
grpc::ByteBuffer Message(const std::string& head, std::optional<grpc::Slice> content = std::nullopt);

// The tag and length of a bytes field.
std::string BytesFieldHead(int field_number, size_t length);

// Used by one thread, for one call of Unary or of Stream.
class Call {
 public:
  // `queue` polls for this call and must outlive it.
  Call(grpc::GenericStub* stub, grpc::CompletionQueue* queue, const CallOptions& options);

  // Sends one message, receives one.
  absl::StatusOr<grpc::ByteBuffer> Unary(const std::string& method, const grpc::ByteBuffer& request);

  // Starts a stream; then Write until the last message, or Cancel, then Finish.
  void Start(const std::string& method);
  // False when the server has ended the call, which may be well before it has read everything: then Finish.
  bool Write(const grpc::ByteBuffer& message, bool last);
  // Hands each message of the server to `take`. The first error of `take` ends the call; otherwise returns the server's
  // status.
  absl::Status Finish(absl::FunctionRef<absl::Status(grpc::ByteBuffer*)> take);
  // Ends the call.
  void Cancel() { context_.TryCancel(); }

 private:
  bool Next();

  grpc::GenericStub* stub_;
  grpc::CompletionQueue* queue_;
  grpc::ClientContext context_;
  std::stop_callback<std::function<void()>> on_cancel_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
};

}  // namespace treduce::client

#endif  // TREDUCE_CLIENT_CPP_CALL_H_
