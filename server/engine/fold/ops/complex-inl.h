// PROD and LOGSUMEXP of complex elements, in plain doubles: one lane after the other, in the canonical order.
#if defined(TREDUCE_FOLD_OPS_COMPLEX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TREDUCE_FOLD_OPS_COMPLEX_INL_H_
#undef TREDUCE_FOLD_OPS_COMPLEX_INL_H_
#else
#define TREDUCE_FOLD_OPS_COMPLEX_INL_H_
#endif

#include "server/engine/fold/complex_math-inl.h"
#include "server/engine/fold/ops/logsumexp-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

// An element: two packed floats or doubles.
template <class T>
struct Complex {
  T re;
  T im;

  bool operator==(const Complex&) const = default;
};

template <class T>
HWY_INLINE Complex<double> LoadComplex(const Complex<T>* p) {
  const Complex<T> x = LoadScalar(p);
  return {x.re, x.im};
}

// (f[0] + i f[1]) * 2^f[2]. The larger part is in [2^-500, 2^500] if it is finite and not zero, so that the product of
// two states neither overflows nor underflows; a part below 2^-470 of the other may lose bits. Infinities multiply by
// the formula for finite numbers, as in PyTorch.
struct ComplexProduct {
  static constexpr int kFieldCount = 3;
  double f[kFieldCount];

  static HWY_INLINE ComplexProduct Init() { return {{1.0, 0.0, 0.0}}; }

  HWY_INLINE void Accumulate(Complex<double> x) { Merge(InRange(x.re, x.im, 0.0)); }

  HWY_INLINE void Merge(const ComplexProduct& right) {
    *this = InRange(f[0] * right.f[0] - f[1] * right.f[1], f[0] * right.f[1] + f[1] * right.f[0], f[2] + right.f[2]);
  }

 private:
  static HWY_INLINE ComplexProduct InRange(double re, double im, double exponent) {
    const double larger = LargerOf(Abs(re), Abs(im));
    const double shift = larger > 0x1p500 ? 600.0 : larger < 0x1p-500 ? -600.0 : 0.0;
    const double scale = larger > 0x1p500 ? 0x1p-600 : larger < 0x1p-500 ? 0x1p600 : 1.0;
    return {{re * scale, im * scale, exponent + shift}};
  }
};

// exp(x - largest), where an infinite `largest` counts as 0, as in PyTorch: exp(x) is then 0 or infinite by itself.
HWY_INLINE double ComplexExpWeight(double x, double largest) {
  return Exp(x - (Abs(largest) < std::numeric_limits<double>::infinity() ? largest : 0.0));
}

// The sum of exp(x - largest) for a real `largest`.
struct ComplexExpSum {
  static constexpr int kFieldCount = 2;
  double f[kFieldCount];

  static HWY_INLINE ComplexExpSum Init() { return {{0.0, 0.0}}; }

  HWY_INLINE void Accumulate(Complex<double> x, double largest) {
    const double weight = ComplexExpWeight(x.re, largest);
    const SineAndCosine direction = SinCos(x.im);
    f[0] = f[0] + weight * direction.cosine;
    f[1] = f[1] + weight * direction.sine;
  }

  HWY_INLINE void Merge(const ComplexExpSum& right) {
    f[0] = f[0] + right.f[0];
    f[1] = f[1] + right.f[1];
  }
};

// f[0] is the largest real part, f[1] + i f[2] the sum of exp(x - f[0]).
struct ComplexLogSumExp {
  static constexpr int kFieldCount = 3;
  double f[kFieldCount];

  static HWY_INLINE ComplexLogSumExp Init() { return {{Largest<double>::Init().f[0], 0.0, 0.0}}; }

  HWY_INLINE void Merge(const ComplexLogSumExp& right) {
    const double largest = LargerOf(f[0], right.f[0]);
    const double left_weight = ComplexExpWeight(f[0], largest);
    const double right_weight = ComplexExpWeight(right.f[0], largest);
    f[1] = f[1] * left_weight + right.f[1] * right_weight;
    f[2] = f[2] * left_weight + right.f[2] * right_weight;
    f[0] = largest;
  }

  // f[0] + log(f[1] + i f[2]), the imaginary part in [-pi, pi].
  HWY_INLINE Complex<double> Log() const { return {AddLog(f[0], Hypot(f[1], f[2]), 0.0), Atan2(f[2], f[1])}; }
};

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#endif  // TREDUCE_FOLD_OPS_COMPLEX_INL_H_
