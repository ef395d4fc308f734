// Times contenders side by side: they take turns within each round, in an order that moves on by one each round.
#ifndef TREDUCE_TESTS_BENCH_KERNELS_ROUNDS_H_
#define TREDUCE_TESTS_BENCH_KERNELS_ROUNDS_H_

#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace treduce::bench {

struct Contender {
  // Seconds of `repeats` calls together.
  std::function<absl::StatusOr<double>(int repeats)> time;
  // Of one call, when it was warmed up: how often a turn repeats it.
  double warm_seconds;
};

struct RoundLimits {
  int most = 9;
  int least = 3;
  // No further round starts after this time, the least number excepted, and even those after twice as much.
  absl::Duration budget = absl::Milliseconds(300);
  // A turn repeats short calls for about this long.
  absl::Duration turn = absl::Milliseconds(2);
  // A contender whose call takes longer gets no turns: its warm call is all there is.
  absl::Duration slow = absl::Milliseconds(200);
};

// Seconds of one call, for each contender and round: [contender][round]. A slow contender has the same in each.
absl::StatusOr<std::vector<std::vector<double>>> RunRounds(const std::vector<Contender>& contenders,
                                                           const RoundLimits& limits);

}  // namespace treduce::bench

#endif  // TREDUCE_TESTS_BENCH_KERNELS_ROUNDS_H_
