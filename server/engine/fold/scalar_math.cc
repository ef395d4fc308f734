// The functions of math-inl.h for single numbers, with the bits of every SIMD target.
#include "server/engine/fold/scalar_math.h"

#include <cstring>

#include "server/engine/fold/math-inl.h"

// The target of the whole file is HWY_NAMESPACE's; without these, not every compiler inlines from it.
HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace {

template <class Part>
void Magnitude(const std::byte* x, size_t count, std::byte* out) {
  for (size_t k = 0; k < count; ++k) {
    Part parts[2];
    std::memcpy(parts, x + k * sizeof(parts), sizeof(parts));
    const double magnitude = HWY_NAMESPACE::Hypot(double{parts[0]}, double{parts[1]});
    std::memcpy(out + k * sizeof(double), &magnitude, sizeof(double));
  }
}

}  // namespace

double ScalarPow(double x, double y) { return HWY_NAMESPACE::Pow(x, y); }

double ScalarAddLog(double m, double s, double c) {
  HWY_NAMESPACE::FastTwoSum(s, c, s, c);
  return HWY_NAMESPACE::AddLog(m, s, c);
}

ConvertFunction FindMagnitude(DType complex_dtype) {
  return complex_dtype == DType::kComplex64 ? &Magnitude<float> : &Magnitude<double>;
}

}  // namespace treduce
HWY_AFTER_NAMESPACE();
