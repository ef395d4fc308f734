// Elements in memory, asked for by rank: the element that would be at some place if they were sorted. They are not.
//
// A sample tells between which two keys the wanted one should be; one scan counts the elements below and copies the few
// in between, and the same is done with these (Floyd and Rivest, "Expected time bounds for selection", Communications
// of the ACM 18, 1975). Where the sample misleads, and for elements of one or two bytes, a histogram of the upper bits
// of the keys is refined instead, in one to four scans, whatever the elements are.
#ifndef TREDUCE_SERVER_ENGINE_SELECT_RANKED_ELEMENTS_H_
#define TREDUCE_SERVER_ENGINE_SELECT_RANKED_ELEMENTS_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "server/engine/select/radix_sort.h"
#include "server/engine/select/scan.h"
#include "server/engine/select/selection.h"
#include "server/engine/select/sorted_keys.h"

namespace treduce {

// Up to this many elements are copied and partitioned (or sorted).
inline constexpr size_t kFewElements = 2048;
// The same of one byte. Digits of those of two bytes are counted beyond the number above.
inline constexpr size_t kFewForHistogram = 64;
// Up to this many keys, those that occur once are told by a table of hashes that is in the second cache.
inline constexpr size_t kMostHashed = size_t{32} << 10;
// From this many on, several threads scan.
inline constexpr size_t kManyElements = size_t{256} << 10;
// Elements that a scan may find in its range, with `n` elements; twice what it should.
constexpr size_t MostInside(size_t n) { return std::min(n / 4, n / 32 + (size_t{64} << 10)) + kScanBlock; }

template <class T>
class RankedElements {
 public:
  using Key = KeyType<T>;
  static constexpr Key kLowest = std::numeric_limits<Key>::min();
  static constexpr Key kHighest = std::numeric_limits<Key>::max();  // of floating point elements, that of NaN

  // Borrows everything. REQUIRES: n >= 1.
  RankedElements(const std::byte* x, size_t n, SelectionScratch& scratch, ParallelFor parallel_for)
      : x_(x), n_(n), scratch_(scratch), parallel_for_(parallel_for) {
    if constexpr (!FloatKey<T>) nan_count_ = 0;
  }

  int64_t size() const { return static_cast<int64_t>(n_); }

  // Elements that are NaN; that there are none is known once a rank was asked for.
  int64_t NanCount() {
    if (!nan_count_.has_value()) nan_count_ = static_cast<int64_t>(CountOf(kHighest));
    return *nan_count_;
  }

  // The keys of rank `rank` and of the one after it, or twice that of the last.
  std::pair<Key, Key> At(int64_t rank) {
    const auto r = static_cast<size_t>(rank);
    if (is_sorted_) return {sorted_[r], sorted_[std::min(r + 1, n_ - 1)]};
    if constexpr (sizeof(T) >= 4) {
      if (n_ > kFewElements) {
        const auto found = BySample(r);
        return found.has_value() ? *found : ByHistogram<16>(r);
      }
    } else {
      if (n_ > (sizeof(T) == 1 ? kFewForHistogram : kFewElements)) return ByHistogram<8>(r);
    }
    return AmongKeys(CopyKeys(), n_, r);
  }

  // Makes further calls of At cost nothing. Needs scratch for all keys, twice.
  void Sort() {
    sorted_ = CopyKeys();
    SortKeys(sorted_, scratch_.spare<Key>(n_), n_);
    is_sorted_ = true;
  }

  // Index of the first element with this key. REQUIRES: there is one.
  int64_t First(Key key) const {
    constexpr size_t kBlock = 128;
    size_t i = 0;
    for (; i + kBlock <= n_; i += kBlock) {
      bool found = false;
      if constexpr (sizeof(T) >= 4) {
        found = CountKey<T>(x_ + i * sizeof(T), kBlock, key) > 0;
      } else {
        for (size_t j = 0; j < kBlock; ++j) found |= KeyAt(i + j) == key;
      }
      if (found) break;
    }
    while (KeyAt(i) != key) ++i;
    return static_cast<int64_t>(i);
  }

  // The key that occurs most often; see SelectionKind::kMode. Needs scratch for all keys, twice.
  Key Mode() {
    Key* keys = CopyKeys();
    size_t n = n_;
    Key mode = kHighest;
    for (uint64_t multiplier : kHashMultipliers) {
      if (!IsHashed() || n <= kFewKeys) break;
      const size_t rest = WithoutSingle(keys, n, multiplier, mode);
      const bool has_many_left = rest > n - n / 4;
      n = rest;
      if (has_many_left) break;
    }
    ModeOfGroups(keys, n, n < n_ ? 1 : 0, mode);
    return mode;
  }

 private:
  Key KeyAt(size_t i) const { return treduce::KeyAt<T>(x_, i); }

  // `spare` has room for as many.
  static void SortKeys(Key* keys, Key* spare, size_t n) {
    if constexpr (sizeof(Key) >= 4) {
      treduce::SortKeys(keys, n);
    } else {
      RadixSort(keys, spare, n);
    }
  }

  Key* CopyKeys() {
    Key* keys = scratch_.keys<Key>(n_ + kScanSlack);
    if constexpr (std::is_same_v<T, float>) {
      bool has_nan = false;
      for (size_t i = 0; i < n_; i += kScanBlock) {
        const size_t n = std::min(kScanBlock, n_ - i);
        has_nan |= ScanRange<T>(x_ + i * sizeof(T), n, kLowest, kHighest, keys + i).has_nan;
      }
      if (!has_nan) nan_count_ = 0;
    } else {
      for (size_t i = 0; i < n_; ++i) keys[i] = KeyAt(i);
    }
    if (!nan_count_.has_value()) nan_count_ = std::count(keys, keys + n_, kHighest);
    return keys;
  }

  // Fewer bytes, or more keys, are sorted sooner than that.
  bool IsHashed() const { return sizeof(T) >= 4 && n_ <= kMostHashed; }
  // Odd, so that all bits of a key are in the upper ones of a product.
  static constexpr std::array<uint64_t, 3> kHashMultipliers = {0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9,
                                                               0x94D049BB133111EB};
  static size_t Hash(Key key, uint64_t multiplier, int bits) {
    return static_cast<size_t>(static_cast<uint64_t>(key) * multiplier >> 1 >> (63 - bits));
  }

  // Keeps the keys, in order, whose hash others have too, and returns how many; `lowest` becomes the smallest of the
  // rest, which occur once, unless it is smaller.
  size_t WithoutSingle(Key* keys, size_t n, uint64_t multiplier, Key& lowest) {
    const int bits = static_cast<int>(std::bit_width(n)) + 1;
    const size_t size = size_t{1} << bits;
    auto* counts = scratch_.spare<uint8_t>(size);  // up to 2
    std::fill_n(counts, size, uint8_t{0});
    for (size_t i = 0; i < n; ++i) {
      uint8_t& count = counts[Hash(keys[i], multiplier, bits)];
      count = static_cast<uint8_t>(count + (count < 2 ? 1 : 0));
    }
    size_t rest = 0;
    for (size_t i = 0; i < n; ++i) {
      const Key key = keys[i];
      const bool is_single = counts[Hash(key, multiplier, bits)] == 1;
      lowest = std::min(lowest, is_single ? key : kHighest);
      keys[rest] = key;
      rest += is_single ? 0 : 1;
    }
    return rest;
  }

  // Makes `mode`, which occurs `most` times, what occurs more often among `n` keys, or is smaller. Keys of the same
  // hash are brought together and sorted, unless they are the same: whatever they are takes no longer than sorting them
  // all.
  void ModeOfGroups(Key* keys, size_t n, size_t most, Key& mode) {
    constexpr int kMaxBits = 11;
    const int bits = IsHashed() ? std::clamp(static_cast<int>(std::bit_width(n)) - 1, 0, kMaxBits) : 0;
    const auto group_of = [bits](Key key) { return Hash(key, kHashMultipliers[0], bits); };
    const size_t groups = size_t{1} << bits;
    std::array<size_t, size_t{1} << kMaxBits> places;
    Key* grouped = keys;
    Key* spare = scratch_.spare<Key>(n);
    if (groups == 1) {
      places[0] = n;
    } else {
      std::fill_n(places.begin(), groups, 0);
      for (size_t i = 0; i < n; ++i) ++places[group_of(keys[i])];
      size_t place = 0;
      for (size_t group = 0; group < groups; ++group) place += std::exchange(places[group], place);
      for (size_t i = 0; i < n; ++i) spare[places[group_of(keys[i])]++] = keys[i];
      std::swap(grouped, spare);
    }
    size_t begin = 0;
    for (size_t group = 0; group < groups; ++group) {
      const size_t end = places[group];
      const bool is_mixed = std::any_of(grouped + begin, grouped + end, [&](Key key) { return key != grouped[begin]; });
      if (is_mixed) SortKeys(grouped + begin, spare, end - begin);
      while (begin < end) {
        const Key key = grouped[begin];
        const size_t first = begin;
        begin = is_mixed ? begin + 1 : end;
        while (begin < end && grouped[begin] == key) ++begin;
        const size_t count = begin - first;
        const bool is_nan = FloatKey<T> && key == kHighest;
        if (!is_nan && (count > most || (count == most && key < mode))) {
          most = count;
          mode = key;
        }
      }
    }
  }

  size_t CountOf(Key key) const {
    if constexpr (sizeof(T) >= 4) {
      if (n_ < kManyElements) return CountKey<T>(x_, n_, key);
      std::atomic<size_t> count = 0;
      parallel_for_((n_ + kScanBlock - 1) / kScanBlock, [&](size_t begin, size_t end) {
        const size_t first = begin * kScanBlock;
        count += CountKey<T>(x_ + first * sizeof(T), std::min(n_, end * kScanBlock) - first, key);
      });
      return count;
    } else {
      size_t count = 0;
      for (size_t i = 0; i < n_; ++i) count += KeyAt(i) == key ? 1 : 0;
      return count;
    }
  }

  // Those of rank `r` and r + 1 among `n` keys in any order, which are moved.
  static std::pair<Key, Key> AmongKeys(Key* keys, size_t n, size_t r) {
    if (n <= kFewKeys) {
      SortFew(keys, n);
      return {keys[r], keys[std::min(r + 1, n - 1)]};
    }
    std::nth_element(keys, keys + r, keys + n);
    return {keys[r], r + 1 < n ? *std::min_element(keys + r + 1, keys + n) : keys[r]};
  }

  // The smallest key above this one, or this one if there is none.
  Key Above(Key key) const {
    Key above = kHighest;
    bool found = false;
    for (size_t i = 0; i < n_; ++i) {
      const Key k = KeyAt(i);
      found |= k > key;
      above = k > key ? std::min(above, k) : above;
    }
    return found ? above : key;
  }

  // Two keys that the one of rank `r` is likely between.
  std::pair<Key, Key> Bracket(size_t r) {
    const size_t count = std::clamp<size_t>(n_ / 32, 512, size_t{64} << 10);
    Key* sample = scratch_.spare<Key>(count);
    // One of each stretch of elements, at a place that no pattern in the data follows.
    const size_t stretch = n_ / count;
    for (size_t i = 0; i < count; ++i) {
      const uint64_t hash = (i + 1) * uint64_t{0x9E3779B97F4A7C15};
      sample[i] = KeyAt(i * stretch + (hash >> 32) % stretch);
    }
    // Four standard deviations to each side.
    const double p = static_cast<double>(r) / static_cast<double>(n_ - 1);
    const double center = p * static_cast<double>(count - 1);
    const double deviation = 4 * std::sqrt(static_cast<double>(count) * p * (1 - p)) + 4;
    const double low = std::floor(center - deviation);
    const double high = std::ceil(center + deviation);
    std::pair<Key, Key> bracket = {kLowest, kHighest};
    Key* from = sample;
    if (low >= 0) {
      from = sample + static_cast<size_t>(low);
      std::nth_element(sample, from, sample + count);
      bracket.first = *from;
    }
    if (high < static_cast<double>(count)) {
      Key* to = sample + static_cast<size_t>(high);
      std::nth_element(from, to, sample + count);
      bracket.second = *to;
    }
    return bracket;
  }

  // Counts the elements of the range, and copies their keys to the scratch while there are at most `capacity`.
  RangeCounts Scan(Key low, Key high, size_t capacity) {
    Key* found = capacity > 0 ? scratch_.keys<Key>(capacity) : nullptr;
    std::atomic<size_t> below = 0, inside = 0;
    std::atomic<bool> has_nan = false;
    const auto scan = [&](size_t begin, size_t end) {
      alignas(64) Key block[kScanBlock + kScanSlack];
      size_t total_below = 0;
      for (size_t b = begin; b < end; ++b) {
        const size_t first = b * kScanBlock;
        const RangeCounts counts =
            ScanRange<T>(x_ + first * sizeof(T), std::min(kScanBlock, n_ - first), low, high, block);
        total_below += counts.below;
        if (counts.has_nan) has_nan.store(true, std::memory_order_relaxed);
        // In any order, which does not matter.
        const size_t at = inside.fetch_add(counts.inside, std::memory_order_relaxed);
        if (at + counts.inside <= capacity) std::copy_n(block, counts.inside, found + at);
      }
      below.fetch_add(total_below, std::memory_order_relaxed);
    };
    const size_t blocks = (n_ + kScanBlock - 1) / kScanBlock;
    if (n_ < kManyElements) {
      scan(0, blocks);
    } else {
      parallel_for_(blocks, scan);
    }
    if (!has_nan) nan_count_ = 0;
    return {below, inside, has_nan};
  }

  std::optional<std::pair<Key, Key>> BySample(size_t r) {
    const auto [low, high] = Bracket(r);
    const size_t capacity = low == high ? 0 : MostInside(n_);
    const RangeCounts counts = Scan(low, high, capacity);
    const size_t end = counts.below + counts.inside;
    if (r < counts.below || r >= end) return std::nullopt;
    if (low == high) return std::pair(low, r + 1 < end ? low : Above(low));
    if (counts.inside > capacity) return std::nullopt;
    Key* keys = scratch_.keys<Key>(capacity);
    std::pair<Key, Key> found;
    if (counts.inside <= kManyElements) {
      found = AmongKeys(keys, counts.inside, r - counts.below);
    } else {
      SelectionScratch scratch;
      found = RankedElements<Key>(reinterpret_cast<const std::byte*>(keys), counts.inside, scratch, parallel_for_)
                  .At(static_cast<int64_t>(r - counts.below));
    }
    if (r + 1 == end) found.second = Above(found.first);
    return found;
  }

  template <int kDigitBits>
  std::pair<Key, Key> ByHistogram(size_t r) {
    using Bits = std::make_unsigned_t<Key>;
    if (!nan_count_.has_value()) nan_count_ = static_cast<int64_t>(CountOf(kHighest));
    std::vector<size_t> counts(size_t{1} << kDigitBits);
    Bits prefix = 0;
    size_t below = 0;
    size_t equal = 0;
    for (int shift = 8 * sizeof(Key) - kDigitBits; shift >= 0; shift -= kDigitBits) {
      std::fill(counts.begin(), counts.end(), 0);
      for (size_t i = 0; i < n_; ++i) {
        const Bits bits = static_cast<Bits>(KeyAt(i)) ^ static_cast<Bits>(kLowest);
        // The digits above are those found so far; at first there are none.
        const bool is_wanted = shift == 8 * sizeof(Key) - kDigitBits || bits >> (shift + kDigitBits) == prefix;
        counts[bits >> shift & (counts.size() - 1)] += is_wanted ? 1 : 0;
      }
      size_t digit = 0;
      while (r - below >= counts[digit]) below += counts[digit++];
      prefix = static_cast<Bits>(static_cast<uint64_t>(prefix) << kDigitBits | digit);
      equal = counts[digit];
    }
    const Key key = static_cast<Key>(prefix ^ static_cast<Bits>(kLowest));
    return {key, r + 1 < below + equal ? key : Above(key)};
  }

  const std::byte* const x_;
  const size_t n_;
  SelectionScratch& scratch_;
  const ParallelFor parallel_for_;
  std::optional<int64_t> nan_count_;
  Key* sorted_ = nullptr;
  bool is_sorted_ = false;
};

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_SELECT_RANKED_ELEMENTS_H_
