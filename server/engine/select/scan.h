// The scans that selections are made of: one read of the elements each, at the speed of memory.
#ifndef TREDUCE_SERVER_ENGINE_SELECT_SCAN_H_
#define TREDUCE_SERVER_ENGINE_SELECT_SCAN_H_

#include <cstddef>
#include <cstring>

#include "server/engine/fold/order_key.h"

namespace treduce {

// Under this key smaller elements come first, and NaN last.
template <class T>
using AscendingKey = OrderKey<T, Order::kLargest>;
template <class T>
using KeyType = typename AscendingKey<T>::Type;

// The key of element `i` of packed elements, without alignment.
template <class T>
KeyType<T> KeyAt(const std::byte* x, size_t i) {
  KeyType<T> bits;
  std::memcpy(&bits, x + i * sizeof(T), sizeof(T));
  return AscendingKey<T>::Of(bits);
}

// Elements in one call of ScanRange or CopyRunStarts.
inline constexpr size_t kScanBlock = 4096;
// Keys that they may write beyond those they found.
inline constexpr size_t kScanSlack = 64;

struct RangeCounts {
  size_t below = 0;   // keys below the range
  size_t inside = 0;  // keys in it
  bool has_nan = false;
};

// Counts n <= kScanBlock packed elements, without alignment, and copies the keys in [low, high] to `inside`, which
// has room for n + kScanSlack of them, in order. T is one of the element types of 4 or 8 bytes, as is that of CountKey.
template <class T>
RangeCounts ScanRange(const std::byte* x, size_t n, KeyType<T> low, KeyType<T> high, KeyType<T>* inside);

// Number of elements with this key.
template <class T>
size_t CountKey(const std::byte* x, size_t n, KeyType<T> key);

// Copies those of n <= kScanBlock packed elements, without alignment, that differ from the one before, as each NaN
// does, to `starts`, which has room for n + kScanSlack of them, in order, and returns their number. Zeros become +0.0,
// NaN the canonical one. T is any real element type. REQUIRES: an element before `x`.
template <class T>
size_t CopyRunStarts(const std::byte* x, size_t n, KeyType<T>* starts);

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_SELECT_SCAN_H_
