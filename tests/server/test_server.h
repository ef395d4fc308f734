// A server on a unix socket of its own, and clients that send it any bytes.
#ifndef TREDUCE_TESTS_SERVER_TEST_SERVER_H_
#define TREDUCE_TESTS_SERVER_TEST_SERVER_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "google/rpc/error_details.pb.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/status.h"
#include "server/config.h"
#include "server/server.h"
#include "treduce/v1/treduce.grpc.pb.h"

namespace treduce {

inline constexpr char kReduce[] = "/treduce.v1.ReductionService/Reduce";
inline constexpr char kReduceStream[] = "/treduce.v1.ReductionService/ReduceStream";

class TestServer {
 public:
  // As `config` says, except for the address, and a drain timeout of at most 5 seconds.
  explicit TestServer(Config config = {}, std::unique_ptr<Engine> engine = nullptr);

  Server& server() { return *server_; }
  // Connected anew each time.
  std::shared_ptr<grpc::Channel> Connect() const;

  // The server lets go of calls that have been given up, takes a good request, and holds no memory afterwards.
  void ExpectServing();
  // All bytes and calls are given back, if not at once then soon.
  void ExpectNothingInUse();

 private:
  std::unique_ptr<Server> server_;
};

// One call of bytes, as a stream in both directions.
class RawCall {
 public:
  RawCall(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
          absl::Duration timeout = absl::Seconds(30));
  ~RawCall();

  bool Write(std::string_view message);
  void WritesDone();
  // The next message; nullopt at the end.
  std::optional<std::string> Read();
  void Cancel() { context_.TryCancel(); }
  grpc::Status Finish();

 private:
  bool Next();

  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  grpc::GenericStub stub_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
  bool finished_ = false;
};

// Sends the messages and reads to the end.
grpc::Status Exchange(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                      const std::vector<std::string>& messages);

// The detail of an error, empty when it has none.
google::rpc::ErrorInfo ErrorInfoOf(const grpc::Status& status);
bool HasRetryInfo(const grpc::Status& status);

// One sum, over all dims, of a float32 tensor.
v1::ReductionSpec SumOfFloats(const std::vector<int64_t>& shape);
v1::ReduceRequest SumOfOnes(int64_t count);

}  // namespace treduce

#endif  // TREDUCE_TESTS_SERVER_TEST_SERVER_H_
