// The scans, compiled once for each SIMD target.
#include "server/engine/select/scan.h"

#include <cstring>
#include <limits>
#include <type_traits>

// This file is compiled several times over.
#ifndef TREDUCE_SCANNED_TYPES
#define TREDUCE_SCANNED_TYPES(Use) \
  Use(double, F64) Use(float, F32) Use(int64_t, I64) Use(int32_t, I32) Use(uint64_t, U64) Use(uint32_t, U32)
#define TREDUCE_RUN_TYPES(Use)                                                                             \
  Use(double, F64) Use(float, F32) Use(Float16, F16) Use(BFloat16, BF16) Use(Bool, Bool) Use(int64_t, I64) \
      Use(int32_t, I32) Use(int16_t, I16) Use(int8_t, I8)
#define TREDUCE_UNSIGNED_RUN_TYPES(Use) Use(uint64_t, I64) Use(uint32_t, I32) Use(uint16_t, I16) Use(uint8_t, I8)
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "server/engine/select/scan.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "server/engine/fold/simd/order_key-inl.h"

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

// Elements by their bits: of the zeros +0.0, of NaN the canonical one. Bytes, which cannot be compressed on all
// targets, are widened.
template <class T>
using RunLane = std::conditional_t<sizeof(T) == 1, int16_t, KeyType<T>>;

template <class T, class D>
HWY_INLINE hn::Vec<D> CanonicalAt(D d, const std::byte* x, size_t i) {
  const hn::Rebind<KeyType<T>, D> narrow;
  const auto packed = hn::LoadU(narrow, reinterpret_cast<const KeyType<T>*>(x) + i);
  if constexpr (sizeof(T) == 1) {
    const auto bits = hn::PromoteTo(d, packed);
    if constexpr (!std::is_same_v<T, Bool>) return bits;
    return hn::IfThenZeroElse(hn::Eq(bits, hn::Zero(d)), hn::Set(d, 1));
  } else if constexpr (FloatKey<T>) {
    const auto magnitude = hn::And(packed, hn::Set(d, std::numeric_limits<KeyType<T>>::max()));
    const auto number = hn::IfThenZeroElse(hn::Eq(magnitude, hn::Zero(d)), packed);
    const auto nan = hn::Set(d, AscendingKey<T>::Bits(std::numeric_limits<KeyType<T>>::max()));
    return hn::IfThenElse(hn::Gt(magnitude, hn::Set(d, KeyBits<T>::kInfinity)), nan, number);
  } else {
    return packed;
  }
}

template <class T>
HWY_INLINE size_t RunStarts(const std::byte* x, size_t n, KeyType<T>* starts) {
  using Key = KeyType<T>;
  constexpr Key kNan = std::numeric_limits<Key>::max();
  const hn::ScalableTag<RunLane<T>> d;
  const hn::Rebind<Key, decltype(d)> narrow;
  const size_t step = hn::Lanes(d);
  Key* end = starts;
  size_t i = 0;
  for (; i + step <= n; i += step) {
    const auto element = CanonicalAt<T>(d, x, i);
    auto is_start = hn::Ne(element, CanonicalAt<T>(d, x - sizeof(T), i));
    if constexpr (FloatKey<T>) is_start = hn::Or(is_start, hn::Eq(element, hn::Set(d, AscendingKey<T>::Bits(kNan))));
    const auto found = Compressed(element, is_start);
    if constexpr (sizeof(T) == 1) {
      hn::StoreU(hn::DemoteTo(narrow, found), narrow, end);
    } else {
      hn::StoreU(found, narrow, end);
    }
    end += hn::CountTrue(d, is_start);
  }
  Key before = KeyAt<T>(x - sizeof(T), i);
  for (; i < n; ++i) {
    const Key key = KeyAt<T>(x, i);
    *end = AscendingKey<T>::Bits(key);
    end += key != before || (FloatKey<T> && key == kNan) ? 1 : 0;
    before = key;
  }
  return static_cast<size_t>(end - starts);
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
#define TREDUCE_RUN_STARTS(T, Name) \
  size_t RunStarts##Name(const std::byte* x, size_t n, KeyType<T>* starts) { return RunStarts<T>(x, n, starts); }
TREDUCE_RUN_TYPES(TREDUCE_RUN_STARTS)
#undef TREDUCE_RUN_STARTS

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

#define TREDUCE_EXPORT(T, Name) HWY_EXPORT(RunStarts##Name);
TREDUCE_RUN_TYPES(TREDUCE_EXPORT)
#undef TREDUCE_EXPORT

// Whether integers are equal does not depend on their sign.
#define TREDUCE_RUN_STARTS(T, Name)                                           \
  template <>                                                                 \
  size_t CopyRunStarts<T>(const std::byte* x, size_t n, KeyType<T>* starts) { \
    return HWY_DYNAMIC_DISPATCH(RunStarts##Name)(x, n, starts);               \
  }
TREDUCE_RUN_TYPES(TREDUCE_RUN_STARTS)
TREDUCE_UNSIGNED_RUN_TYPES(TREDUCE_RUN_STARTS)
#undef TREDUCE_RUN_STARTS

}  // namespace treduce
#endif
