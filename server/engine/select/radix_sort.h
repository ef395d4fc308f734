// Sorts records by an integer key, in time proportional to their number; records of equal keys keep their order.
#ifndef TREDUCE_SERVER_ENGINE_SELECT_RADIX_SORT_H_
#define TREDUCE_SERVER_ENGINE_SELECT_RADIX_SORT_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#include "server/engine/values/cancellation.h"

namespace treduce {

// A key and where it came from.
template <std::signed_integral Key, std::unsigned_integral Index>
struct KeyedIndex {
  Key key;
  Index index;
};

template <std::signed_integral Key>
Key KeyOf(Key record) {
  return record;
}
template <class Key, class Index>
Key KeyOf(const KeyedIndex<Key, Index>& record) {
  return record.key;
}

// Pairs of places that, put in order one after the other, sort kSize keys (Batcher's odd-even mergesort, Knuth, The Art
// of Computer Programming 3, 5.2.2, algorithm M).
template <size_t kSize>
struct SortingNetwork {
  struct Pair {
    size_t low, high;
  };
  template <class Visit>
  static constexpr void ForEach(const Visit& visit) {
    for (size_t p = 1; p < kSize; p *= 2) {
      for (size_t q = p; q >= 1; q /= 2) {
        for (size_t j = q % p; j + q < kSize; j += 2 * q) {
          for (size_t i = j; i < j + q && i + q < kSize; ++i) {
            if (i / (2 * p) == (i + q) / (2 * p)) visit(Pair{i, i + q});
          }
        }
      }
    }
  }
  static constexpr size_t kCount = [] {
    size_t count = 0;
    ForEach([&](Pair) { ++count; });
    return count;
  }();
  static constexpr std::array<Pair, kCount> kPairs = [] {
    std::array<Pair, kCount> pairs = {};
    size_t next = 0;
    ForEach([&](Pair pair) { pairs[next++] = pair; });
    return pairs;
  }();
};

// Sorts n <= kSize keys without a branch that depends on them.
template <size_t kSize, std::signed_integral Key>
void SortByNetwork(Key* keys, size_t n) {
  std::array<Key, kSize> k;
  k.fill(std::numeric_limits<Key>::max());
  std::copy_n(keys, n, k.begin());
  constexpr auto kPairs = SortingNetwork<kSize>::kPairs;
  const auto order = [](Key& low, Key& high) {
    const Key smaller = std::min(low, high);
    high = std::max(low, high);
    low = smaller;
  };
  [&]<size_t... kIndex>(std::index_sequence<kIndex...>) { (order(k[kPairs[kIndex].low], k[kPairs[kIndex].high]), ...); }
  (std::make_index_sequence<kPairs.size()>());
  std::copy_n(k.begin(), n, keys);
}

// Up to this many keys are sorted by a network.
inline constexpr size_t kFewKeys = 16;

// Sorts n <= kFewKeys keys.
template <std::signed_integral Key>
void SortFew(Key* keys, size_t n) {
  if (n <= 4) return SortByNetwork<4>(keys, n);
  if (n <= 8) return SortByNetwork<8>(keys, n);
  return SortByNetwork<kFewKeys>(keys, n);
}

// Sorts `n` records, a byte of the key at a time from the lowest; `spare` has room for as many. A byte that all keys
// share costs nothing. False when `cancelled` (which may be null) was raised meanwhile; records are then in no order.
template <class Record>
bool RadixSort(Record* records, Record* spare, size_t n, const std::atomic<bool>* cancelled = nullptr) {
  using Key = decltype(KeyOf(*records));
  using Bits = std::make_unsigned_t<Key>;
  constexpr size_t kDigits = sizeof(Key);
  constexpr size_t kTiny = 32;
  constexpr size_t kSmall = 256;
  if constexpr (std::is_same_v<Record, Key>) {
    if (n <= kFewKeys) {
      SortFew(records, n);
      return true;
    }
  }
  const auto less = [](const Record& a, const Record& b) { return KeyOf(a) < KeyOf(b); };
  if (n < kTiny) {
    for (size_t i = 1; i < n; ++i) {
      const Record record = records[i];
      size_t place = i;
      for (; place > 0 && less(record, records[place - 1]); --place) records[place] = records[place - 1];
      records[place] = record;
    }
    return true;
  }
  if (n < kSmall) {
    std::stable_sort(records, records + n, less);
    return true;
  }
  const auto digit = [](const Record& record, size_t d) {
    const Bits bits = static_cast<Bits>(KeyOf(record) ^ std::numeric_limits<Key>::min());
    return static_cast<uint8_t>(bits >> (8 * d));
  };
  std::array<std::array<size_t, 256>, kDigits> places = {};
  for (size_t i = 0; i < n; ++i) {
    for (size_t d = 0; d < kDigits; ++d) ++places[d][digit(records[i], d)];
  }
  Record* from = records;
  Record* to = spare;
  for (size_t d = 0; d < kDigits; ++d) {
    if (places[d][digit(from[0], d)] == n) continue;
    if (IsRaised(cancelled)) return false;
    size_t place = 0;
    for (size_t& count : places[d]) place += std::exchange(count, place);
    for (size_t i = 0; i < n; ++i) to[places[d][digit(from[i], d)]++] = from[i];
    std::swap(from, to);
  }
  if (from != records) std::copy_n(from, n, records);
  return true;
}

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_SELECT_RADIX_SORT_H_
