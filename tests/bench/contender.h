// The ways to have a server sum float32 that the wire benchmark compares: each a client of one server process.
#ifndef TREDUCE_TESTS_BENCH_CONTENDER_H_
#define TREDUCE_TESTS_BENCH_CONTENDER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace treduce::bench {

// Not thread-safe. Keeps one connection.
class Contender {
 public:
  virtual ~Contender() = default;

  // Readies a request of `data`, which must live until the next call of Prepare; what it costs is not measured.
  virtual void Prepare(absl::Span<const float> data) = 0;

  // Sends the request, waits, and gives the sum that the server answers.
  virtual absl::StatusOr<float> Sum() = 0;
};

// A plain socket (raw_server.cc).
absl::StatusOr<std::unique_ptr<Contender>> ConnectRaw(const std::string& address);
// The generated stub of the stock server; the message is built beforehand.
absl::StatusOr<std::unique_ptr<Contender>> ConnectStock(const std::string& address);
// treduce's C++ client, one Reduce, which takes up to 1 GiB.
absl::StatusOr<std::unique_ptr<Contender>> ConnectUnary(const std::string& address);
// treduce's C++ client, one ReduceStream whatever the size.
absl::StatusOr<std::unique_ptr<Contender>> ConnectStream(const std::string& address);

}  // namespace treduce::bench

#endif  // TREDUCE_TESTS_BENCH_CONTENDER_H_
