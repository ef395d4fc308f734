// The functions of math-inl.h for single numbers, with the bits of every SIMD target, and for arrays of them, compiled
// once for each.
#include "server/engine/fold/scalar_math.h"

#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "server/engine/fold/scalar_math.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "server/engine/fold/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

template <class V>
HWY_INLINE void AddLogAt(const double* m, const double* s, const double* c, double* out) {
  using Traits = ValueTraits<V>;
  V sum, error;
  TwoSum(Traits::Load(s), Traits::Load(c), sum, error);
  Traits::Store(AddLog(Traits::Load(m), sum, error), out);
}

void AddLogs(const double* m, const double* s, const double* c, size_t count, double* out) {
  size_t k = 0;
  for (; k + kLanes64 <= count; k += kLanes64) AddLogAt<Lanes64>(m + k, s + k, c + k, out + k);
  for (; k < count; ++k) AddLogAt<double>(m + k, s + k, c + k, out + k);
}

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
// The target of what follows is HWY_NAMESPACE's; without these, not every compiler inlines from it.
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

HWY_EXPORT(AddLogs);
void AddLogs(const double* m, const double* s, const double* c, size_t count, double* out) {
  HWY_DYNAMIC_DISPATCH(AddLogs)(m, s, c, count, out);
}

ConvertFunction FindMagnitude(DType complex_dtype) {
  return complex_dtype == DType::kComplex64 ? &Magnitude<float> : &Magnitude<double>;
}

}  // namespace treduce
HWY_AFTER_NAMESPACE();
#endif
