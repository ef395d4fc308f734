// Keys alone in ascending order, handed over in pieces to who reads them once.
//
// Few enough are sorted at once. More are distributed first by the highest bits in which they differ.
#ifndef TREDUCE_SERVER_ENGINE_SELECT_SORTED_KEYS_H_
#define TREDUCE_SERVER_ENGINE_SELECT_SORTED_KEYS_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#include "server/engine/values/cancellation.h"

namespace treduce {

// Keys that are sorted without a look at the cancellation flag.
inline constexpr size_t kKeysAtOnce = kCancellationStep;

void SortKeys(int32_t* keys, size_t n);
void SortKeys(int64_t* keys, size_t n);

// Distributes and sorts keys; `take(const Key* keys, size_t n)` gets all of them in order, equal ones in one call, and
// returns whether to go on.
template <std::signed_integral Key, class Take>
class KeySorter {
 public:
  KeySorter(const Take& take, const std::atomic<bool>* cancelled) : take_(take), cancelled_(cancelled) {}

  // Of from[0], ..., from[n - 1], computed when asked for. `keys` has room for as many, and so has `spare`, if they are
  // more than kKeysAtOnce. False when `take` said so, or the flag was raised.
  template <class From>
  bool Sort(const From& from, size_t n, Key* keys, Key* spare) {
    if (n <= kKeysAtOnce) {
      if (IsRaised(cancelled_)) return false;
      for (size_t i = 0; i < n; ++i) keys[i] = from[i];
      SortKeys(keys, n);
      return take_(keys, n);
    }
    Bits differing = 0;
    if (!ForEachBlock(n, cancelled_, [&](size_t begin, size_t end) {
          const Key first = from[0];
          for (size_t i = begin; i < end; ++i) differing |= static_cast<Bits>(from[i] ^ first);
        })) {
      return false;
    }
    const int shift = std::max(static_cast<int>(std::bit_width(differing)) - kDigitBits, 0);
    const auto digit = [shift](Key key) {
      return static_cast<size_t>(static_cast<Bits>(key ^ std::numeric_limits<Key>::min()) >> shift) & (kDigits - 1);
    };
    // Where the keys of each digit go next, so that in the end it is where those of the next digit begin.
    std::array<size_t, kDigits> places = {};
    if (!ForEachBlock(n, cancelled_, [&](size_t begin, size_t end) {
          for (size_t i = begin; i < end; ++i) ++places[digit(from[i])];
        })) {
      return false;
    }
    size_t place = 0;
    for (size_t& count : places) place += std::exchange(count, place);
    if (!ForEachBlock(n, cancelled_, [&](size_t begin, size_t end) {
          for (size_t i = begin; i < end; ++i) {
            const Key key = from[i];
            keys[places[digit(key)]++] = key;
          }
        })) {
      return false;
    }
    size_t begin = 0;
    for (const size_t end : places) {
      const size_t count = end - begin;
      Key* const bucket = keys + begin;
      if (count > 0 && !(shift == 0 ? take_(bucket, count) : SortBucket(bucket, count, spare + begin))) return false;
      begin = end;
    }
    return true;
  }

 private:
  using Bits = std::make_unsigned_t<Key>;
  static constexpr int kDigitBits = 11;
  static constexpr size_t kDigits = size_t{1} << kDigitBits;

  bool SortBucket(Key* bucket, size_t n, Key* spare) {
    if (n > kKeysAtOnce) return Sort(static_cast<const Key*>(bucket), n, spare, bucket);
    if (IsRaised(cancelled_)) return false;
    SortKeys(bucket, n);
    return take_(bucket, n);
  }

  const Take& take_;
  const std::atomic<bool>* const cancelled_;
};

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_SELECT_SORTED_KEYS_H_
