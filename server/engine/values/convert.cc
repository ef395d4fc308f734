// A loop for each pair of dtypes.
#include "server/engine/values/convert.h"

#include <cstring>
#include <limits>
#include <type_traits>

#include "server/engine/values/element.h"

namespace treduce {
namespace {

template <class T>
struct IsComplexType : std::false_type {};
template <class T>
struct IsComplexType<std::complex<T>> : std::true_type {};

// Calls `visit` with a value of the element type of `dtype`.
template <class Visitor>
auto Visit(DType dtype, Visitor visit) {
  switch (dtype) {
    case DType::kFloat64:
      return visit(double{});
    case DType::kFloat32:
      return visit(float{});
    case DType::kFloat16:
      return visit(Float16{});
    case DType::kBFloat16:
      return visit(BFloat16{});
    case DType::kInt8:
      return visit(int8_t{});
    case DType::kInt16:
      return visit(int16_t{});
    case DType::kInt32:
      return visit(int32_t{});
    case DType::kInt64:
      return visit(int64_t{});
    case DType::kUInt8:
      return visit(uint8_t{});
    case DType::kUInt16:
      return visit(uint16_t{});
    case DType::kUInt32:
      return visit(uint32_t{});
    case DType::kUInt64:
      return visit(uint64_t{});
    case DType::kBool:
      return visit(Bool{});
    case DType::kComplex64:
      return visit(std::complex<float>{});
    case DType::kComplex128:
      return visit(std::complex<double>{});
  }
  __builtin_unreachable();
}

// Every element is exactly one of double, int64_t, uint64_t and complex<double>.
template <class T>
auto Widen(T x) {
  if constexpr (std::is_same_v<T, Bool>) {
    return static_cast<int64_t>(x.byte != 0);
  } else if constexpr (std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>) {
    return static_cast<double>(ToFloat(x));
  } else if constexpr (IsComplexType<T>::value) {
    return std::complex<double>(x);
  } else if constexpr (std::is_floating_point_v<T>) {
    return static_cast<double>(x);
  } else if constexpr (std::is_signed_v<T>) {
    return static_cast<int64_t>(x);
  } else {
    return static_cast<uint64_t>(x);
  }
}

template <class T, class Wide>
T Narrow(Wide wide) {
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

template <class T>
T Load(const std::byte* x, size_t k) {
  T value;
  std::memcpy(&value, x + k * sizeof(T), sizeof(T));
  return value;
}

template <class T>
void Store(T value, size_t k, std::byte* out) {
  std::memcpy(out + k * sizeof(T), &value, sizeof(T));
}

template <class From, class To>
void Cast(const std::byte* x, size_t count, std::byte* out) {
  for (size_t k = 0; k < count; ++k) Store(Narrow<To>(Widen(Load<From>(x, k))), k, out);
}

template <class From, class To>
void CastNanToZero(const std::byte* x, size_t count, std::byte* out) {
  for (size_t k = 0; k < count; ++k) {
    const double wide = Widen(Load<From>(x, k));
    Store(Narrow<To>(wide != wide ? 0.0 : wide), k, out);
  }
}

}  // namespace

ConvertFunction FindCast(DType from, DType to) {
  return Visit(from, [to](auto x) {
    using From = decltype(x);
    return Visit(to, [](auto y) -> ConvertFunction { return &Cast<From, decltype(y)>; });
  });
}

ConvertFunction FindCastNanToZero(DType from, DType to) {
  return Visit(from, [from, to](auto x) -> ConvertFunction {
    using From = decltype(x);
    if constexpr (std::is_same_v<decltype(Widen(x)), double>) {
      return Visit(to, [](auto y) -> ConvertFunction { return &CastNanToZero<From, decltype(y)>; });
    } else {
      return FindCast(from, to);
    }
  });
}

void StoreComplex(std::complex<double> value, DType dtype, size_t k, std::byte* out) {
  Visit(dtype, [&](auto y) { Store(Narrow<decltype(y)>(value), k, out); });
}

}  // namespace treduce
