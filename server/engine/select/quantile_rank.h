// Which ranks a quantile lies between: what selections on a CPU and in CUDA kernels have in common.
#ifndef TREDUCE_SERVER_ENGINE_SELECT_QUANTILE_RANK_H_
#define TREDUCE_SERVER_ENGINE_SELECT_QUANTILE_RANK_H_

#include <cmath>
#include <cstdint>

#include "server/engine/values/host_device.h"
#include "server/engine/values/reduction.h"

namespace treduce {

// The ranks around a quantile, and how far the quantile is from the first to the second.
struct QuantileRank {
  int64_t low;
  int64_t high;
  double fraction;
};

// Of quantile `q` of `count` elements. REQUIRES: count > 0.
TREDUCE_HOST_DEVICE inline QuantileRank RankOf(double q, Interpolation interpolation, int64_t count) {
  const double rank = q * static_cast<double>(count - 1);
  const auto low = static_cast<int64_t>(rank);
  const double fraction = rank - static_cast<double>(low);
  const int64_t high = fraction > 0 ? low + 1 : low;
  switch (interpolation) {
    case Interpolation::kLinear:
      break;
    case Interpolation::kLower:
      return {low, low, 0};
    case Interpolation::kHigher:
      return {low, high, 1};
    case Interpolation::kMidpoint:
      return {low, high, high > low ? 0.5 : 0};
    case Interpolation::kNearest: {
      const auto nearest = static_cast<int64_t>(std::nearbyint(rank));
      return {nearest, nearest, 0};
    }
  }
  return {low, high, fraction};
}

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_SELECT_QUANTILE_RANK_H_
