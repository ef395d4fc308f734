// The kernels of conversions, one for each dtype that is converted.
#include <complex>
#include <type_traits>

#include "server/engine/cuda/convert_kernels.h"
#include "server/engine/cuda/launch.h"
#include "server/engine/cuda/store-inl.h"
#include "server/engine/fold/math-inl.h"

namespace treduce::cuda {
namespace {

constexpr int64_t kMostBlocks = 1 << 16;

template <class T>
TREDUCE_KERNEL void Cast(const T* x, int64_t count, DType to, bool nan_to_zero, void* out) {
  for (int64_t k = BlockIndex() * BlockSize() + ThreadIndex(); k < count; k += GridSize() * BlockSize()) {
    auto wide = Widen(x[k]);
    if constexpr (std::is_same_v<decltype(wide), double>) {
      if (nan_to_zero && wide != wide) wide = 0.0;
    }
    StoreAs(wide, to, k, out);
  }
}

template <class Part>
TREDUCE_KERNEL void Magnitude(const Part* parts, int64_t count, double* out) {
  for (int64_t k = BlockIndex() * BlockSize() + ThreadIndex(); k < count; k += GridSize() * BlockSize()) {
    out[k] = HWY_NAMESPACE::Hypot(static_cast<double>(parts[2 * k]), static_cast<double>(parts[2 * k + 1]));
  }
}

template <class T>
Error LaunchCast(const void* x, int64_t count, DType to, bool nan_to_zero, void* out, Stream stream) {
  return Launch(&Cast<T>, std::min(CeilDiv(count, kBlock), kMostBlocks), kBlock, 0, stream, static_cast<const T*>(x),
                count, to, nan_to_zero, out);
}

template <class Part>
Error LaunchMagnitude(const void* x, int64_t count, void* out, Stream stream) {
  return Launch(&Magnitude<Part>, std::min(CeilDiv(count, kBlock), kMostBlocks), kBlock, 0, stream,
                static_cast<const Part*>(x), count, static_cast<double*>(out));
}

}  // namespace

Error LaunchConvert(Conversion conversion, DType from, DType to, const void* x, int64_t count, void* out,
                    Stream stream) {
  if (conversion == Conversion::kMagnitude) {
    return from == DType::kComplex64 ? LaunchMagnitude<float>(x, count, out, stream)
                                     : LaunchMagnitude<double>(x, count, out, stream);
  }
  const bool nan_to_zero = conversion == Conversion::kCastNanToZero;
  if (from == DType::kComplex64) return LaunchCast<std::complex<float>>(x, count, to, nan_to_zero, out, stream);
  if (from == DType::kComplex128) return LaunchCast<std::complex<double>>(x, count, to, nan_to_zero, out, stream);
  return VisitRealType(
      from, [&]<class T>(std::type_identity<T>) { return LaunchCast<T>(x, count, to, nan_to_zero, out, stream); });
}

}  // namespace treduce::cuda
