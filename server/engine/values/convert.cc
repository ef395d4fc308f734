// A loop for each pair of dtypes.
#include "server/engine/values/convert.h"

#include <cstring>

#include "server/engine/values/narrow.h"

namespace treduce {
namespace {

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
