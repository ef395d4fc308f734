// The scans, compiled once for each SIMD target.
#include "server/engine/select/scan.h"

#include <cstring>
#include <limits>
#include <type_traits>

// This file is compiled several times over.
#ifndef TREDUCE_SCANNED_TYPES
#define TREDUCE_SCANNED_TYPES(Use) \
  Use(double, F64) Use(float, F32) Use(int64_t, I64) Use(int32_t, I32) Use(uint64_t, U64) Use(uint32_t, U32)
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "server/engine/select/scan.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "server/engine/fold/order_key-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {
namespace {

// One more in the lanes of the mask.
template <class V, class M>
HWY_INLINE V CountIf(V counts, M mask) {
  const hn::DFromV<V> d;
  return hn::Sub(counts, hn::VecFromMask(d, mask));
}

// Lanes hold at most kScanBlock.
template <class V>
HWY_INLINE size_t TotalOf(V counts) {
  const hn::DFromV<V> d;
  HWY_ALIGN hn::TFromD<hn::DFromV<V>> lanes[hn::MaxLanes(hn::DFromV<V>())];
  hn::Store(counts, d, lanes);
  size_t total = 0;
  for (size_t i = 0; i < hn::Lanes(d); ++i) total += static_cast<size_t>(lanes[i]);
  return total;
}

template <class T>
HWY_INLINE KeyType<T> KeyAt(const std::byte* x, size_t i) {
  KeyType<T> bits;
  std::memcpy(&bits, x + i * sizeof(T), sizeof(T));
  return AscendingKey<T>::Of(bits);
}

// Highway 1.0 copies a table to the stack each time that it compresses 8 lanes of 64 bits.
template <class V, class M>
HWY_INLINE V Compressed(V v, M mask) {
#if HWY_TARGET == HWY_AVX3
  if constexpr (sizeof(v.raw) == 64 && sizeof(hn::TFromV<V>) == 8) {
    return V{_mm512_maskz_compress_epi64(mask.raw, v.raw)};
  }
#endif
  return hn::Compress(v, mask);
}

template <class T>
HWY_INLINE RangeCounts Range(const std::byte* x, size_t n, KeyType<T> low, KeyType<T> high, KeyType<T>* inside) {
  using Key = KeyType<T>;
  constexpr Key kNan = std::numeric_limits<Key>::max();
  const hn::ScalableTag<Key> d;
  const size_t step = hn::Lanes(d);
  const auto lows = hn::Set(d, low);
  const auto highs = hn::Set(d, high);
  auto is_any_nan = hn::FirstN(d, 0);
  RangeCounts counts;
  Key* end = inside;
  size_t i = 0;
  for (; i + step <= n; i += step) {
    const auto keys = KeysOf<T, Order::kLargest>(d, hn::LoadU(d, reinterpret_cast<const Key*>(x) + i));
    const auto is_below = hn::Lt(keys, lows);
    const auto is_outside = hn::Or(is_below, hn::Gt(keys, highs));
    counts.below += hn::CountTrue(d, is_below);
    if constexpr (FloatKey<T>) is_any_nan = hn::Or(is_any_nan, hn::Eq(keys, hn::Set(d, kNan)));
    // To a register, then to memory: compressing to memory is slow on some processors.
    const auto is_inside = hn::Not(is_outside);
    hn::StoreU(Compressed(keys, is_inside), d, end);
    end += hn::CountTrue(d, is_inside);
  }
  counts.has_nan = !hn::AllFalse(d, is_any_nan);
  for (; i < n; ++i) {
    const Key key = KeyAt<T>(x, i);
    counts.below += key < low ? 1 : 0;
    counts.has_nan |= FloatKey<T> && key == kNan;
    *end = key;
    end += key >= low && key <= high ? 1 : 0;
  }
  counts.inside = static_cast<size_t>(end - inside);
  return counts;
}

template <class T>
HWY_INLINE size_t Count(const std::byte* x, size_t n, KeyType<T> key) {
  const hn::ScalableTag<KeyType<T>> d;
  const size_t step = hn::Lanes(d);
  const auto wanted = hn::Set(d, key);
  size_t total = 0;
  size_t i = 0;
  while (i + step <= n) {
    auto counts = hn::Zero(d);
    for (const size_t end = std::min(n, i + kScanBlock * step); i + step <= end; i += step) {
      const auto keys = KeysOf<T, Order::kLargest>(d, hn::LoadU(d, reinterpret_cast<const KeyType<T>*>(x) + i));
      counts = CountIf(counts, hn::Eq(keys, wanted));
    }
    total += TotalOf(counts);
  }
  for (; i < n; ++i) total += KeyAt<T>(x, i) == key ? 1 : 0;
  return total;
}

}  // namespace

// Dispatch needs functions that are no templates.
#define TREDUCE_SCANS(T, Name)                                                                                 \
  RangeCounts Range##Name(const std::byte* x, size_t n, KeyType<T> low, KeyType<T> high, KeyType<T>* inside) { \
    return Range<T>(x, n, low, high, inside);                                                                  \
  }                                                                                                            \
  size_t Count##Name(const std::byte* x, size_t n, KeyType<T> key) { return Count<T>(x, n, key); }
TREDUCE_SCANNED_TYPES(TREDUCE_SCANS)
#undef TREDUCE_SCANS

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace treduce {

#define TREDUCE_SCANS(T, Name)                                                                                  \
  HWY_EXPORT(Range##Name);                                                                                      \
  template <>                                                                                                   \
  RangeCounts ScanRange<T>(const std::byte* x, size_t n, KeyType<T> low, KeyType<T> high, KeyType<T>* inside) { \
    return HWY_DYNAMIC_DISPATCH(Range##Name)(x, n, low, high, inside);                                          \
  }                                                                                                             \
  HWY_EXPORT(Count##Name);                                                                                      \
  template <>                                                                                                   \
  size_t CountKey<T>(const std::byte* x, size_t n, KeyType<T> key) {                                            \
    return HWY_DYNAMIC_DISPATCH(Count##Name)(x, n, key);                                                        \
  }
TREDUCE_SCANNED_TYPES(TREDUCE_SCANS)
#undef TREDUCE_SCANS

}  // namespace treduce
#endif
