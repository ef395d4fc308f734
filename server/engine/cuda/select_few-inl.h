// The kernels of selections from outputs of few elements, which threads keep in registers; each reads its own once.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_SELECT_FEW_INL_H_
#define TREDUCE_SERVER_ENGINE_CUDA_SELECT_FEW_INL_H_

#include <limits>

#include "server/engine/cuda/ranks-inl.h"
#include "server/engine/fold/value-inl.h"

namespace treduce::cuda {

// --- Few elements: an output some neighbouring lanes, a power of two, with one element each.

// Each lane counts the elements that come before its own: no more are needed for any rank.
template <class T>
TREDUCE_KERNEL void TREDUCE_LAUNCH_BOUNDS(kBlock, 4) SelectFew(TREDUCE_CONSTANT SelectionSpec spec, int lanes) {
  using Key = typename Radix<T>::Key;
  const auto n = static_cast<int>(spec.n);
  const auto sum = [](int a, int b) { return a + b; };
  const auto lower = [](auto a, auto b) { return a < b ? a : b; };
  const int own = Lane() % lanes;
  const int64_t outputs_at_once = GridSize() * BlockSize() / lanes;
  const int64_t first = (BlockIndex() * BlockSize() + ThreadIndex()) / lanes;
  for (int64_t output = first; output - Lane() / lanes < spec.outputs; output += outputs_at_once) {
    const bool is_here = output < spec.outputs && own < n;
    const Key key = is_here ? Radix<T>::Of(static_cast<const T*>(spec.x)[output * n + own]) : Key{0};
    int nan_count = 0;
    if constexpr (FloatKey<T>) nan_count = JoinOver(lanes, is_here && key == Radix<T>::kHighest ? 1 : 0, sum);
    int before = 0;
    for (int k = 1; k < lanes; ++k) {
      const Key other = ShuffleXor(key, k);
      const int place = own ^ k;
      if (place < n && (other < key || (other == key && place < own))) ++before;
    }
    if (own >= n) before = n;
    const auto at = [&](int64_t rank) {
      return JoinOver(lanes, before == rank ? key : Key{0}, [](Key a, Key b) { return a | b; });
    };
    for (int r = 0; r < spec.rank_count; ++r) {
      const RankSpec& rank = spec.ranks[r];
      const WantedRank wanted = RankAmong(rank, n, nan_count);
      const Key low = at(wanted.low);
      const Key high = rank.is_quantile ? at(wanted.low + (wanted.has_high ? 1 : 0)) : low;
      const int place = rank.index == nullptr ? 0 : JoinOver(lanes, own < n && key == low ? own : n, lower);
      if (own == 0 && is_here) StoreRank<T>(rank, wanted.fraction, low, high, place, output);
    }
  }
}

// --- An output a warp, whose lanes keep the elements, up to kOwn each.

template <class T, int kOwn>
TREDUCE_KERNEL void TREDUCE_LAUNCH_BOUNDS(kBlock, 2) SelectByWarp(TREDUCE_CONSTANT SelectionSpec spec) {
  using R = Radix<T>;
  using Key = typename R::Key;
  constexpr Key kNone = std::numeric_limits<Key>::max();
  const auto n = static_cast<int>(spec.n);
  const int warps = BlockSize() / kWarpSize;
  for (int64_t output = BlockIndex() * warps + Warp(); output < spec.outputs; output += GridSize() * warps) {
    const T* x = static_cast<const T*>(spec.x) + output * n;
    Key keys[kOwn];
    Key lowest = kNone;
    Key highest = 0;
    TREDUCE_UNROLL
    for (int i = 0; i < kOwn; ++i) {
      const int place = i * kWarpSize + Lane();
      keys[i] = kNone;  // no number of elements below a key, nor the lowest above one, depends on those
      if (place >= n) continue;
      keys[i] = R::Of(x[place]);
      lowest = keys[i] < lowest ? keys[i] : lowest;
      highest = keys[i] > highest ? keys[i] : highest;
    }
    lowest = WarpMin(lowest);
    highest = WarpMax(highest);
    const auto count_below = [&](Key key) {
      int count = 0;
      TREDUCE_UNROLL
      for (int i = 0; i < kOwn; ++i) count += keys[i] < key ? 1 : 0;
      return WarpSum(count);
    };
    const auto lowest_from = [&](Key key) {
      Key from = kNone;
      TREDUCE_UNROLL
      for (int i = 0; i < kOwn; ++i) from = keys[i] >= key && keys[i] < from ? keys[i] : from;
      return WarpMin(from);
    };
    const int nan_count = FloatKey<T> && highest == R::kHighest ? n - count_below(R::kHighest) : 0;
    for (int r = 0; r < spec.rank_count; ++r) {
      const RankSpec& rank = spec.ranks[r];
      const WantedRank wanted = RankAmong(rank, n, nan_count);
      const Key low = KeyAt(wanted.low, n, lowest, highest, count_below, lowest_from);
      Key high = low;
      if (wanted.has_high && wanted.low + 1 == count_below(low + 1)) high = lowest_from(low + 1);
      int first = n;
      if (rank.index != nullptr) {
        TREDUCE_UNROLL
        for (int i = 0; i < kOwn; ++i) {
          const int place = i * kWarpSize + Lane();
          if (place < first && keys[i] == low) first = place;
        }
        first = WarpMin(first);
      }
      if (Lane() == 0) StoreRank<T>(rank, wanted.fraction, low, high, first, output);
    }
  }
}

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_SELECT_FEW_INL_H_
