// Order keys: signed integers that order as the elements of a dtype do, and the way back.
//
// Of a floating point number the key is its bits, the magnitude inverted when negative, so that they compare as
// integers; -0.0 has the key of +0.0, and any NaN the largest key.
#ifndef TREDUCE_SERVER_ENGINE_FOLD_ORDER_KEY_H_
#define TREDUCE_SERVER_ENGINE_FOLD_ORDER_KEY_H_

#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "server/engine/values/element.h"

namespace treduce {

enum class Order : uint8_t { kLargest, kSmallest, kLargestMagnitude, kSmallestMagnitude };

// What the keys of elements T are computed with.
template <class T>
struct KeyBits {
  using Type = std::make_signed_t<T>;
};
template <>
struct KeyBits<Bool> {
  using Type = int8_t;
};
template <>
struct KeyBits<double> {
  using Type = int64_t;
  static constexpr Type kInfinity = 0x7FF0000000000000;
};
template <>
struct KeyBits<float> {
  using Type = int32_t;
  static constexpr Type kInfinity = 0x7F800000;
};
template <>
struct KeyBits<Float16> {
  using Type = int16_t;
  static constexpr Type kInfinity = 0x7C00;
};
template <>
struct KeyBits<BFloat16> {
  using Type = int16_t;
  static constexpr Type kInfinity = 0x7F80;
};
// These have no order.
template <ComplexElement T>
struct KeyBits<T> {};

template <class T>
concept FloatKey = requires {
  KeyBits<T>::kInfinity;
};

// The key of elements T under which the wanted element has the largest key.
template <class T, Order kOrder>
struct OrderKey {
  using Type = typename KeyBits<T>::Type;
  static constexpr bool kSmall = kOrder == Order::kSmallest || kOrder == Order::kSmallestMagnitude;
  static constexpr bool kMagnitude = kOrder == Order::kLargestMagnitude || kOrder == Order::kSmallestMagnitude;

  // The key of an element given by its bits. Masks instead of choices, so that compilers vectorize it.
  static constexpr Type Of(Type bits) {
    constexpr Type kMax = std::numeric_limits<Type>::max();
    constexpr Type kMin = std::numeric_limits<Type>::min();
    constexpr int kSignShift = std::numeric_limits<Type>::digits;
    const Type inverted = kSmall ? -1 : 0;
    if constexpr (FloatKey<T>) {
      const Type magnitude = static_cast<Type>(bits & kMax);
      const Type sign = kMagnitude ? Type{0} : static_cast<Type>(bits >> kSignShift);
      const Type key = static_cast<Type>(static_cast<Type>((magnitude ^ sign) - sign) ^ inverted);
      const Type nan = static_cast<Type>(static_cast<Type>(KeyBits<T>::kInfinity - magnitude) >> kSignShift);
      return static_cast<Type>((key & ~nan) | (kMax & nan));
    } else {
      Type ordered = bits;
      if constexpr (std::is_same_v<T, Bool>) ordered = bits != 0;
      if constexpr (std::is_unsigned_v<T>) ordered = static_cast<Type>(bits ^ kMin);
      return static_cast<Type>(ordered ^ inverted);
    }
  }

  // The bits of the element of a key: of the zeros +0.0, of NaN the canonical quiet one.
  static constexpr Type Bits(Type key) {
    constexpr Type kMax = std::numeric_limits<Type>::max();
    constexpr Type kMin = std::numeric_limits<Type>::min();
    const Type ordered = kSmall ? static_cast<Type>(~key) : key;
    if constexpr (FloatKey<T>) {
      constexpr Type kInfinity = KeyBits<T>::kInfinity;
      if (key == kMax) return static_cast<Type>(kInfinity | (kInfinity & -kInfinity) >> 1);
      return ordered < 0 ? static_cast<Type>(static_cast<Type>(-ordered) | kMin) : ordered;
    } else if constexpr (std::is_unsigned_v<T>) {
      return static_cast<Type>(ordered ^ kMin);
    } else {
      return ordered;
    }
  }

  // The element of a key, as double (exact) or, for integers, int64_t (uint64_t as its bits).
  static constexpr auto Back(int64_t wide_key) {
    const Type bits = Bits(static_cast<Type>(wide_key));
    if constexpr (std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>) {
      return static_cast<double>(ToFloat(std::bit_cast<T>(bits)));
    } else if constexpr (FloatKey<T>) {
      return static_cast<double>(std::bit_cast<T>(bits));
    } else if constexpr (std::is_unsigned_v<T>) {
      return static_cast<int64_t>(static_cast<T>(bits));
    } else {
      return static_cast<int64_t>(bits);
    }
  }
};

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_FOLD_ORDER_KEY_H_
