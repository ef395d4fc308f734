// Turns and rounds: see rounds.h.
#include "tests/bench/kernels/rounds.h"

#include <algorithm>

#include "absl/time/clock.h"

namespace treduce::bench {

absl::StatusOr<std::vector<std::vector<double>>> RunRounds(const std::vector<Contender>& contenders,
                                                           const RoundLimits& limits) {
  constexpr double kMostRepeats = 20000;
  const size_t count = contenders.size();
  std::vector<std::vector<double>> seconds(count);
  std::vector<double> expected;  // of a call: the first ones are seldom the fastest
  for (const Contender& contender : contenders) expected.push_back(contender.warm_seconds);
  const absl::Time start = absl::Now();
  for (int round = 0; round < limits.most; ++round) {
    const absl::Duration elapsed = absl::Now() - start;
    if (elapsed > limits.budget * (round < limits.least ? 2 : 1) && round > 0) break;
    for (size_t turn = 0; turn < count; ++turn) {
      const size_t i = (turn + static_cast<size_t>(round)) % count;
      const Contender& contender = contenders[i];
      if (contender.warm_seconds > absl::ToDoubleSeconds(limits.slow)) {
        seconds[i].push_back(contender.warm_seconds);
        continue;
      }
      const double wanted = absl::ToDoubleSeconds(limits.turn) / std::max(expected[i], 1e-9);
      const int repeats = static_cast<int>(std::clamp(wanted, 1.0, kMostRepeats));
      absl::StatusOr<double> total = contender.time(repeats);
      if (!total.ok()) return total.status();
      seconds[i].push_back(*total / repeats);
      expected[i] = std::min(expected[i], seconds[i].back());
    }
  }
  return seconds;
}

}  // namespace treduce::bench
