// Selections from few elements, compiled once for each SIMD target.
#include "server/engine/select/few.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>

#include "server/engine/select/radix_sort.h"

// This file is compiled several times over.
#ifndef TREDUCE_FEW_TYPES
#define TREDUCE_FEW_KEYS(Use) Use(int64_t) Use(int32_t) Use(int16_t) Use(int8_t)
#define TREDUCE_FEW_TYPES(Use)                                                                                       \
  Use(double) Use(float) Use(Float16) Use(BFloat16) Use(int64_t) Use(int32_t) Use(int16_t) Use(int8_t) Use(uint64_t) \
      Use(uint32_t) Use(uint16_t) Use(uint8_t) Use(Bool)
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "server/engine/select/few.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "server/engine/fold/simd/order_key-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {
namespace {

template <class Key>
HWY_INLINE void CopySideBySide(const FewElements& elements, FewKeys<Key>& keys) {
  const std::byte* x = elements.x;
  if (elements.output_stride == 1) {
    for (size_t r = 0; r < elements.n; ++r) {
      std::memcpy(keys.keys[r], x + r * elements.element_stride * sizeof(Key), elements.outputs * sizeof(Key));
    }
    return;
  }
  for (size_t i = 0; i < elements.outputs; ++i) {
    const std::byte* output = x + i * elements.output_stride * sizeof(Key);
    for (size_t r = 0; r < elements.n; ++r) std::memcpy(&keys.keys[r][i], output + r * sizeof(Key), sizeof(Key));
  }
}

// Puts the first `n` of each output in order.
template <size_t kSize, class Key>
HWY_INLINE void Sort(size_t n, size_t outputs, FewKeys<Key>& keys) {
  const hn::CappedTag<Key, kFewOutputs> d;
  for (const auto [low, high] : SortingNetwork<kSize>::kPairs) {
    if (high >= n) continue;  // as if the largest key were there
    for (size_t i = 0; i < outputs; i += hn::Lanes(d)) {
      const auto a = hn::Load(d, keys.sorted[low] + i);
      const auto b = hn::Load(d, keys.sorted[high] + i);
      hn::Store(hn::Min(a, b), d, keys.sorted[low] + i);
      hn::Store(hn::Max(a, b), d, keys.sorted[high] + i);
    }
  }
}

template <class Key>
HWY_NOINLINE void SortKeys(size_t n, size_t outputs, FewKeys<Key>& keys) {
  if (n <= 8) return Sort<8>(n, outputs, keys);
  if (n <= 16) return Sort<16>(n, outputs, keys);
  Sort<kMostFew>(n, outputs, keys);
}

template <class T>
HWY_INLINE void SortElements(const FewElements& elements, FewKeys<KeyType<T>>& keys) {
  CopySideBySide(elements, keys);
  const hn::CappedTag<KeyType<T>, kFewOutputs> d;
  for (size_t r = 0; r < elements.n; ++r) {
    for (size_t i = 0; i < elements.outputs; i += hn::Lanes(d)) {
      const auto key = KeysOf<T, Order::kLargest>(d, hn::Load(d, keys.keys[r] + i));
      hn::Store(key, d, keys.keys[r] + i);
      hn::Store(key, d, keys.sorted[r] + i);
    }
  }
  SortKeys(elements.n, elements.outputs, keys);
}

template <bool kHasNan, class Key>
HWY_INLINE void Modes(const FewElements& elements, const FewKeys<Key>& keys, Key* modes) {
  const hn::CappedTag<Key, kFewOutputs> d;
  const auto one = hn::Set(d, Key{1});
  const auto nan = hn::Set(d, std::numeric_limits<Key>::max());
  for (size_t i = 0; i < elements.outputs; i += hn::Lanes(d)) {
    auto previous = hn::Load(d, keys.sorted[0] + i);
    auto mode = previous;
    auto count = one;
    auto most = one;
    for (size_t r = 1; r < elements.n; ++r) {
      const auto key = hn::Load(d, keys.sorted[r] + i);
      count = hn::Add(hn::IfThenElseZero(hn::Eq(key, previous), count), one);
      auto is_mode = hn::Gt(count, most);
      if constexpr (kHasNan) is_mode = hn::And(is_mode, hn::Lt(key, nan));
      mode = hn::IfThenElse(is_mode, key, mode);
      most = hn::IfThenElse(is_mode, count, most);
      previous = key;
    }
    hn::Store(mode, d, modes + i);
  }
}

template <class Key>
HWY_INLINE void Firsts(const FewElements& elements, const FewKeys<Key>& keys, const Key* wanted, Key* firsts) {
  const hn::CappedTag<Key, kFewOutputs> d;
  for (size_t i = 0; i < elements.outputs; i += hn::Lanes(d)) {
    const auto key = hn::Load(d, wanted + i);
    auto first = hn::Zero(d);
    for (size_t r = elements.n; r-- > 0;) {
      const auto index = hn::Set(d, static_cast<Key>(r));
      first = hn::IfThenElse(hn::Eq(hn::Load(d, keys.keys[r] + i), key), index, first);
    }
    hn::Store(first, d, firsts + i);
  }
}

}  // namespace

// Dispatch needs functions that are no templates.
#define TREDUCE_FEW(T) \
  void Sort##T(const FewElements& elements, FewKeys<KeyType<T>>& keys) { SortElements<T>(elements, keys); }
TREDUCE_FEW_TYPES(TREDUCE_FEW)
#undef TREDUCE_FEW
#define TREDUCE_FEW(Key)                                                                                    \
  void Modes##Key(const FewElements& elements, const FewKeys<Key>& keys, bool has_nan, Key* modes) {        \
    has_nan ? Modes<true>(elements, keys, modes) : Modes<false>(elements, keys, modes);                     \
  }                                                                                                         \
  void Firsts##Key(const FewElements& elements, const FewKeys<Key>& keys, const Key* wanted, Key* firsts) { \
    Firsts(elements, keys, wanted, firsts);                                                                 \
  }
TREDUCE_FEW_KEYS(TREDUCE_FEW)
#undef TREDUCE_FEW

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace treduce {

#define TREDUCE_FEW(T)                                                        \
  HWY_EXPORT(Sort##T);                                                        \
  template <>                                                                 \
  void KeysOfFew<T>(const FewElements& elements, FewKeys<KeyType<T>>& keys) { \
    HWY_DYNAMIC_DISPATCH(Sort##T)(elements, keys);                            \
  }
TREDUCE_FEW_TYPES(TREDUCE_FEW)
#undef TREDUCE_FEW
#define TREDUCE_FEW(Key)                                                                                        \
  HWY_EXPORT(Modes##Key);                                                                                       \
  template <>                                                                                                   \
  void ModesOfFew<Key>(const FewElements& elements, const FewKeys<Key>& keys, bool has_nan,                     \
                       Key(&modes)[kFewOutputs]) {                                                              \
    HWY_DYNAMIC_DISPATCH(Modes##Key)(elements, keys, has_nan, modes);                                           \
  }                                                                                                             \
  HWY_EXPORT(Firsts##Key);                                                                                      \
  template <>                                                                                                   \
  void FirstsOfFew<Key>(const FewElements& elements, const FewKeys<Key>& keys, const Key(&wanted)[kFewOutputs], \
                        Key(&firsts)[kFewOutputs]) {                                                            \
    HWY_DYNAMIC_DISPATCH(Firsts##Key)(elements, keys, wanted, firsts);                                          \
  }
TREDUCE_FEW_KEYS(TREDUCE_FEW)
#undef TREDUCE_FEW

}  // namespace treduce
#endif
