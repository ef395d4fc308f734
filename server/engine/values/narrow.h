// The cast of one element, in two steps: widened to one of a few types that hold it exactly, and narrowed.
#ifndef TREDUCE_SERVER_ENGINE_VALUES_NARROW_H_
#define TREDUCE_SERVER_ENGINE_VALUES_NARROW_H_

#include <complex>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "server/engine/values/element.h"

namespace treduce {

template <class T>
struct IsComplexType : std::false_type {};
template <class T>
struct IsComplexType<std::complex<T>> : std::true_type {};

// Every element is exactly one of double, int64_t, uint64_t and complex<double>.
template <class T>
TREDUCE_HOST_DEVICE inline auto Widen(T x) {
  if constexpr (std::is_same_v<T, Bool>) {
    return static_cast<int64_t>(x.byte != 0);
  } else if constexpr (std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>) {
    return static_cast<double>(ToFloat(x));
  } else if constexpr (IsComplexType<T>::value) {
    return std::complex<double>(x.real(), x.imag());
  } else if constexpr (std::is_floating_point_v<T>) {
    return static_cast<double>(x);
  } else if constexpr (std::is_signed_v<T>) {
    return static_cast<int64_t>(x);
  } else {
    return static_cast<uint64_t>(x);
  }
}

// `wide` as a T, by the rules of FindCast.
template <class T, class Wide>
TREDUCE_HOST_DEVICE inline T Narrow(Wide wide) {
  constexpr bool kFromFloat = std::is_same_v<Wide, double>;
  if constexpr (std::is_same_v<T, Bool>) {
    return {static_cast<uint8_t>(wide != Wide{} ? 1 : 0)};
  } else if constexpr (IsComplexType<T>::value) {
    using Part = typename T::value_type;
    if constexpr (IsComplexType<Wide>::value) {
      return {Narrow<Part>(wide.real()), Narrow<Part>(wide.imag())};
    } else {
      return {Narrow<Part>(wide), Part{0}};
    }
  } else if constexpr (IsComplexType<Wide>::value) {
    return Narrow<T>(wide.real());
  } else if constexpr (std::is_same_v<T, Float16>) {
    return ToFloat16(static_cast<double>(wide));
  } else if constexpr (std::is_same_v<T, BFloat16>) {
    return ToBFloat16(static_cast<double>(wide));
  } else if constexpr (std::is_floating_point_v<T>) {
    if (wide != wide) return std::numeric_limits<T>::quiet_NaN();
    return static_cast<T>(wide);
  } else if constexpr (kFromFloat && std::is_same_v<T, uint64_t>) {
    if (wide >= 0x1p63 && wide < 0x1p64) return static_cast<uint64_t>(wide);
    return static_cast<uint64_t>(Narrow<int64_t>(wide));
  } else if constexpr (kFromFloat) {
    const bool fits = wide >= -0x1p63 && wide < 0x1p63;
    return static_cast<T>(fits ? static_cast<int64_t>(wide) : std::numeric_limits<int64_t>::min());
  } else {
    return static_cast<T>(wide);
  }
}

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_VALUES_NARROW_H_
