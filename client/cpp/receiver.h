// Puts the results of a call together, from one response or from the messages of a stream.
#ifndef TREDUCE_CLIENT_CPP_RECEIVER_H_
#define TREDUCE_CLIENT_CPP_RECEIVER_H_

#include <grpcpp/support/byte_buffer.h>

#include <cstddef>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "client/cpp/client.h"
#include "treduce/v1/treduce.pb.h"

namespace treduce::client {

// Results go into `out`, as CallOptions::out says, which must outlive the receiver. What a server sends against the
// API is INTERNAL.
class Receiver {
 public:
  explicit Receiver(absl::Span<const absl::Span<std::byte>> out) : out_(out) {}

  // Takes the response of a Reduce.
  absl::Status TakeResponse(grpc::ByteBuffer* message);
  // Takes the next message of a ReduceStream.
  absl::Status TakeStreamed(grpc::ByteBuffer* message);

  // The reply. Call once, after the server's status.
  absl::StatusOr<ReduceReply> Finish();

 private:
  // Where the bytes of an output tensor go.
  struct Destination {
    Tensor* tensor;
    size_t byte_count;
    size_t filled = 0;
  };

  using ReadFn = absl::FunctionRef<bool(std::byte* to, size_t length)>;

  template <typename Results>
  absl::Status Begin(const Results& results);
  // Fills the next `length` bytes of the outputs by `read`.
  absl::Status Fill(size_t length, ReadFn read);

  absl::Span<const absl::Span<std::byte>> out_;
  ReduceReply reply_;
  std::vector<Destination> destinations_;
  size_t current_ = 0;  // index of the destination being filled
  bool begun_ = false;
};

}  // namespace treduce::client

#endif  // TREDUCE_CLIENT_CPP_RECEIVER_H_
