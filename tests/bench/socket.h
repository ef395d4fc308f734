// Plain stream sockets, addressed as the server's listeners are: "HOST:PORT" (HOST numeric) or "unix:PATH".
#ifndef TREDUCE_TESTS_BENCH_SOCKET_H_
#define TREDUCE_TESTS_BENCH_SOCKET_H_

#include <cstddef>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace treduce::bench {

// Owns a file descriptor.
class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other);
  ~Socket();

  // Waits for the next connection; the socket must be one of Listen.
  absl::StatusOr<Socket> Accept();

  absl::Status SendAll(absl::Span<const std::byte> bytes);
  // Waits for some bytes, at most buffer.size(), and gives their number: 0 when the peer has closed.
  absl::StatusOr<size_t> ReceiveSome(absl::Span<std::byte> buffer);
  // Fills the buffer; OUT_OF_RANGE when the peer closes before.
  absl::Status ReceiveAll(absl::Span<std::byte> buffer);

 private:
  int fd_;
};

absl::StatusOr<Socket> Listen(const std::string& address);
absl::StatusOr<Socket> Connect(const std::string& address);

// "127.0.0.1:PORT" with a port that is free now.
absl::StatusOr<std::string> FreeTcpAddress();

}  // namespace treduce::bench

#endif  // TREDUCE_TESTS_BENCH_SOCKET_H_
