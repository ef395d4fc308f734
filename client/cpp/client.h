// The C++ client: a tensor goes to a treduce server, PyTorch's reductions of it come back.
//
//   absl::StatusOr<treduce::Client> client = treduce::Client::Connect("localhost:50051");
//   treduce::TensorView x = {treduce::DType::kFloat32, {2, 3}, bytes};
//   auto reply = client->Reduce(x, {{.op = treduce::Op::kSum, .dim = {0}}, {.op = treduce::Op::kMean}});
//   const treduce::Tensor& sum = reply->results[0].outputs[0];  // shape [3]
#ifndef TREDUCE_CLIENT_CPP_CLIENT_H_
#define TREDUCE_CLIENT_CPP_CLIENT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/engine/values/errors.h"  // IWYU pragma: export
#include "server/engine/values/reduction.h"
#include "server/engine/values/tensor.h"

namespace treduce {

struct ClientOptions {
  // A tensor of at most this many bytes, with results of at most as many, is sent as one message; others are streamed.
  // 0 to 1 GiB.
  int64_t unary_limit = int64_t{4} << 20;
  // Bytes of a message of a stream, 1 to 1 GiB. Every server takes 1 MiB; more up to its `max_unary_bytes`.
  int64_t chunk_bytes = int64_t{1} << 20;
};

struct CallOptions {
  // The call ends with DEADLINE_EXCEEDED after this long. If the connection is stuck in a write (a server that is gone
  // without a trace, or suspended), only when that fails: over TCP 20 seconds later, over a unix socket when it is
  // closed.
  absl::Duration timeout = absl::InfiniteDuration();
  // Ends the call with CANCELLED when a stop is requested, from any thread.
  std::stop_token cancel = {};
  // Where the server reduces, as PyTorch names devices: "cpu", "cuda", "cuda:1"; empty leaves it to the server.
  std::string device = {};
  // Called by the calling thread as the tensor is sent.
  std::function<void(int64_t sent_bytes, int64_t total_bytes)> progress = {};
  // Memory for the results: one span for each output tensor, in order and of its exact size, or none at all. The
  // tensors of the reply then hold no data. A span of the wrong size is INVALID_ARGUMENT (field `out[i]`) and nothing
  // is written.
  absl::Span<const absl::Span<std::byte>> out = {};
};

struct ReduceReply {
  // How the server executed the request.
  struct ExecutionInfo {
    std::string backend;  // "cpu", "cuda"
    std::string device;   // "cpu", "cuda:0"
    absl::Duration queue_time;
    absl::Duration receive_time;
    absl::Duration compute_time;
    int64_t received_bytes = 0;
  };

  std::vector<ReductionResult> results;  // in the order of the reductions
  ExecutionInfo execution_info;
};

// A tensor that is not in memory: a pipe, a file, a computation.
struct TensorSource {
  DType dtype = DType::kFloat32;
  Shape shape;
  // Writes the next bytes of the tensor, row-major and little-endian, to the front of `buffer` and returns how many:
  // 1 to buffer.size(), or 0 when there are no more. Called by the thread that called Reduce, until the tensor is
  // whole. An error ends the call and is what Reduce returns.
  std::function<absl::StatusOr<size_t>(absl::Span<std::byte> buffer)> read;
};

struct OpDescription {
  Op op;             // 0 for one that this client does not know
  std::string name;  // "var_mean"
  std::string summary;
  std::vector<DType> dtypes;  // the input dtypes it takes
  std::string options;        // "variance", "norm", "quantile", "unique", or empty for none
};

struct DeviceDescription {
  std::string name;         // "cpu", "cuda:0"
  std::string description;  // "AVX2, 16 threads", "NVIDIA H200"
  int64_t memory_bytes = 0;
  bool working = false;
};

struct ServerDescription {
  std::string version;
  std::vector<OpDescription> ops;
  std::vector<std::string> backends;  // "cpu", "cuda"
  std::vector<DeviceDescription> devices;
  std::string simd;  // "AVX2"
  int thread_count = 0;
  int64_t max_unary_bytes = 0;
  int max_dims = 0;
  int max_reductions = 0;
  int64_t byte_budget = 0;
};

// How long a full server asks to wait before the next attempt; nullopt when it does not.
std::optional<absl::Duration> RetryDelayOf(const absl::Status& status);

// One connection to a server. Thread-safe: calls may run side by side. Every call blocks until it is answered.
//
// Errors are the server's: their code, their message, and their detail for DetailOf (server/engine/values/errors.h).
// UNAVAILABLE when the server cannot be reached.
class Client {
 public:
  // A client of the server at `address`, "HOST:PORT" or "unix:PATH". INVALID_ARGUMENT for anything else, and for
  // options out of range. The connection is made by the first call, and again after it was lost.
  static absl::StatusOr<Client> Connect(std::string_view address, ClientOptions options = {});

  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  // Reduces a tensor in memory. Its bytes are sent from where they lie, without a copy, and are not touched after the
  // return. INVALID_ARGUMENT (field `data`) when there are not as many as the shape says.
  absl::StatusOr<ReduceReply> Reduce(const TensorView& tensor, absl::Span<const Reduction> reductions,
                                     const CallOptions& options = {}) const;

  // Reduces a tensor as it is read, in constant memory. INVALID_ARGUMENT (field `data`) when it ends too early.
  absl::StatusOr<ReduceReply> Reduce(const TensorSource& tensor, absl::Span<const Reduction> reductions,
                                     const CallOptions& options = {}) const;

  // Asks the server for its ops and limits. Of `options`, `timeout` and `cancel` count.
  absl::StatusOr<ServerDescription> Describe(const CallOptions& options = {}) const;

  // OK when the server takes requests, UNAVAILABLE when it does not. Of `options`, `timeout` and `cancel` count.
  absl::Status Health(const CallOptions& options = {}) const;

 private:
  class Impl;
  explicit Client(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace treduce

#endif  // TREDUCE_CLIENT_CPP_CLIENT_H_
