// Sorts records by an integer key, in time proportional to their number; records of equal keys keep their order.
#ifndef TREDUCE_SERVER_ENGINE_SELECT_RADIX_SORT_H_
#define TREDUCE_SERVER_ENGINE_SELECT_RADIX_SORT_H_

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

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

// Sorts `n` records, a byte of the key at a time from the lowest; `spare` has room for as many. A byte that all keys
// share costs nothing.
template <class Record>
void RadixSort(Record* records, Record* spare, size_t n) {
  using Key = decltype(KeyOf(*records));
  using Bits = std::make_unsigned_t<Key>;
  constexpr size_t kDigits = sizeof(Key);
  constexpr size_t kTiny = 32;
  constexpr size_t kSmall = 256;
  const auto less = [](const Record& a, const Record& b) { return KeyOf(a) < KeyOf(b); };
  if (n < kTiny) {
    for (size_t i = 1; i < n; ++i) {
      const Record record = records[i];
      size_t place = i;
      for (; place > 0 && less(record, records[place - 1]); --place) records[place] = records[place - 1];
      records[place] = record;
    }
    return;
  }
  if (n < kSmall) return std::stable_sort(records, records + n, less);
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
    size_t place = 0;
    for (size_t& count : places[d]) place += std::exchange(count, place);
    for (size_t i = 0; i < n; ++i) to[places[d][digit(from[i], d)]++] = from[i];
    std::swap(from, to);
  }
  if (from != records) std::copy_n(from, n, records);
}

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_SELECT_RADIX_SORT_H_
