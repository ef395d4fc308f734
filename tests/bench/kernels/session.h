// Measures problems, one after the other, in one process with the peers beside it.
#ifndef TREDUCE_TESTS_BENCH_KERNELS_SESSION_H_
#define TREDUCE_TESTS_BENCH_KERNELS_SESSION_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/engine/engine.h"
#include "tests/bench/kernels/cells.h"
#include "tests/bench/kernels/memory_file.h"
#include "tests/bench/kernels/peers.h"
#include "tests/bench/kernels/roof.h"
#include "tests/bench/kernels/rounds.h"

namespace treduce::bench {

class Session {
 public:
  // `peers` may be nullptr, and outlives the session. Problems come dtype by dtype; elements are made for the longest.
  // A peer is not called where it would take longer than `patience`, by what it took for a smaller problem.
  Session(const std::vector<Problem>& problems, Peers* peers, std::vector<int> threads, RoundLimits limits,
          absl::Duration patience);

  // A cell for each number of threads.
  absl::StatusOr<std::vector<Cell>> Measure(const Problem& problem);

 private:
  struct Side {
    explicit Side(int threads) : engine({.thread_count = threads}), roof(threads) {}

    Engine engine;
    Roof roof;
  };
  // Seconds of a call of a peer, and how many elements they were for.
  struct Known {
    double seconds;
    int64_t count;
    std::string problem;
    bool is_timed;  // not the first call, which may have had to grow the peer's memory
  };

  absl::StatusOr<absl::Span<const std::byte>> ElementsOf(const Problem& problem);
  absl::StatusOr<std::optional<double>> Warm(const std::string& peer, const Problem& problem, int threads,
                                             std::vector<Tensor>* outputs);
  absl::Status Check(const Problem& problem, absl::Span<const std::byte> data,
                     absl::Span<const ReductionResult> results, Cell& cell);
  absl::Status Time(const Problem& problem, absl::Span<const std::byte> data, Side& side, Cell& cell);

  Peers* peers_;
  RoundLimits limits_;
  absl::Duration patience_;
  std::map<int, Side> sides_;
  std::map<std::pair<DType, Fill>, size_t> sizes_;  // bytes of the longest problem
  std::map<std::pair<DType, Fill>, std::unique_ptr<MemoryFile>> files_;
  std::map<std::string, Known> known_;  // by peer, op, dtype and threads
};

}  // namespace treduce::bench

#endif  // TREDUCE_TESTS_BENCH_KERNELS_SESSION_H_
