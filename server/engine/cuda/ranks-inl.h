// What the kernels of selections have in common: keys that order as the elements T do, the ranks that are asked for,
// and the results of what is found there.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_RANKS_INL_H_
#define TREDUCE_SERVER_ENGINE_CUDA_RANKS_INL_H_

#include <bit>
#include <type_traits>

#include "server/engine/cuda/cut.h"
#include "server/engine/cuda/selection_spec.h"
#include "server/engine/cuda/simt.h"
#include "server/engine/fold/order_key.h"
#include "server/engine/plan/finish_value.h"
#include "server/engine/select/quantile_rank.h"
#include "server/engine/values/narrow.h"

namespace treduce::cuda {

// --- Keys.

// Ascending order keys as unsigned numbers, and their digits, number 0 the highest.
template <class T>
struct Radix {
  using Order = OrderKey<T, treduce::Order::kLargest>;
  using Bits = typename Order::Type;
  using Key = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;
  static constexpr int kBits = 8 * sizeof(T);
  static constexpr Key kSign = Key{1} << (kBits - 1);
  static constexpr Key kHighest = kSign | (kSign - 1);  // that of NaN
  static constexpr int kDigitBits = kBits <= 16 ? 8 : 11;
  static constexpr int kDigits = (kBits + kDigitBits - 1) / kDigitBits;
  // Words for each digit, so that fewer lanes add to the same one.
  static constexpr int kCopies = kTableWords >> kDigitBits;

  TREDUCE_DEVICE_FUNCTION static Key Of(T x) {
    using Unsigned = std::make_unsigned_t<Bits>;
    return static_cast<Unsigned>(Order::Of(std::bit_cast<Bits>(x))) ^ kSign;
  }
  TREDUCE_DEVICE_FUNCTION static Bits OrderKeyOf(Key key) { return static_cast<Bits>(key ^ kSign); }
  // Bits below those of the digit.
  TREDUCE_DEVICE_FUNCTION static int Below(int digit) {
    const int below = kBits - (digit + 1) * kDigitBits;
    return below > 0 ? below : 0;
  }
};

// --- Ranks.

struct WantedRank {
  int64_t low;
  bool has_high;  // and the rank above it
  double fraction;
};

TREDUCE_DEVICE_FUNCTION WantedRank RankAmong(const RankSpec& spec, int64_t n, int64_t nan_count) {
  const int64_t count = n - nan_count;
  // The last element is a NaN if any is.
  if (nan_count > 0 && (!spec.ignores_nan || count == 0)) return {n - 1, false, 0};
  if (!spec.is_quantile) return {(count - 1) / 2, false, 0};
  const QuantileRank rank = RankOf(spec.q, spec.interpolation, count);
  return {rank.low, rank.high > rank.low, rank.fraction};
}

// The key of rank `rank` among `n`, from `lowest` to `highest`, by all lanes of a warp. `count_below(key)` is how many
// are below a key, `lowest_from(key)` the lowest that is not.
template <class Key, class CountBelow, class LowestFrom>
TREDUCE_DEVICE_FUNCTION Key KeyAt(int64_t rank, int n, Key lowest, Key highest, CountBelow count_below,
                                  LowestFrom lowest_from) {
  // Bit by bit, as the highest that has no more than `rank` keys below it, until there is only one that can be it.
  int bits = BitWidth(static_cast<Key>(lowest ^ highest));
  Key key = bits == 0 ? lowest : static_cast<Key>(lowest >> (bits - 1) >> 1 << (bits - 1) << 1);
  int below = 0;
  int until = n;
  while (bits > 0 && until - below > 1) {
    const Key middle = key | Key{1} << --bits;
    const int count = count_below(middle);
    if (count <= rank) {
      key = middle;
      below = count;
    } else {
      until = count;
    }
  }
  return bits > 0 ? lowest_from(key) : key;
}

// Stores the result of what was found for output `k`: the keys at the rank and at the one above, if that is wanted.
template <class T>
TREDUCE_DEVICE_FUNCTION void StoreRank(const RankSpec& spec, double fraction, typename Radix<T>::Key low,
                                       typename Radix<T>::Key high, int64_t first, int64_t k) {
  using Bits = typename Radix<T>::Bits;
  const Bits key = Radix<T>::OrderKeyOf(low);
  if (!spec.is_quantile) {
    static_cast<Bits*>(spec.out)[k] = Radix<T>::Order::Bits(key);
    if (spec.index != nullptr) spec.index[k] = first;
    return;
  }
  const DType dtype = spec.is_wide ? DType::kFloat64 : DType::kFloat32;
  const double value = Interpolate(CastKey<T>(key, dtype), CastKey<T>(Radix<T>::OrderKeyOf(high), dtype), fraction);
  if (spec.is_wide) {
    static_cast<double*>(spec.out)[k] = Narrow<double>(value);
  } else {
    static_cast<float*>(spec.out)[k] = Narrow<float>(value);
  }
}

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_RANKS_INL_H_
