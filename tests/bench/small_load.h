// Small requests against a gRPC server: so many in flight for a while, or one now and then. The same client for every
// server: requests are serialised once, only the method and the answer's message differ.
#ifndef TREDUCE_TESTS_BENCH_SMALL_LOAD_H_
#define TREDUCE_TESTS_BENCH_SMALL_LOAD_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace treduce::bench {

// One kind of small request.
struct SmallRequest {
  std::string method;                                       // "/package.Service/Method"
  std::string bytes;                                        // the serialised request
  std::function<bool(const std::string& bytes)> is_answer;  // whether these bytes are the right answer
};

// treduce's and the stock server's request to sum eight float32 (32 bytes).
SmallRequest SmallTreduceRequest();
SmallRequest SmallStockRequest();

struct LoadResult {
  double requests_per_second;
  std::vector<double> latencies;  // seconds, ascending
};

// One connection and one completion queue, driven by the caller's thread. Not thread-safe.
class SmallLoad {
 public:
  SmallLoad(const std::string& address, SmallRequest request);
  ~SmallLoad();

  // Keeps `in_flight` requests under way for `duration`. Fails when any answer is wrong.
  absl::StatusOr<LoadResult> Run(int in_flight, absl::Duration duration);

  // One request; gives its latency.
  absl::StatusOr<absl::Duration> RunOne();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace treduce::bench

#endif  // TREDUCE_TESTS_BENCH_SMALL_LOAD_H_
