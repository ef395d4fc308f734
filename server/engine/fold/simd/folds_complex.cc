// The folds of complex elements, and what LOGSUMEXP of them ends with. Plain arithmetic on doubles, compiled once.
#include "server/engine/fold/complex_finish.h"
#include "server/engine/fold/simd/complex-inl.h"
#include "server/engine/fold/simd/folds.h"
#include "server/engine/fold/simd/integer-inl.h"

// For the baseline target, whose functions are inlined here.
HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace {

template <class T>
const Fold* FoldOf(FoldKind kind) {
  using namespace HWY_NAMESPACE;  // NOLINT(google-build-using-namespace)
  switch (kind) {
    case FoldKind::kProduct:
      return ComplexFold<ComplexProductBody<T>>::Get();
    case FoldKind::kCount:
      return AnyOrderFold<NonZeroCount<IntegerOfSize<sizeof(T), false>, true, true>>::Get();
    case FoldKind::kLogSumExp:
      return ComplexFold<ComplexLogSumExpBody<T>>::Get();
    default:
      return nullptr;
  }
}

}  // namespace

const Fold* FindFoldComplex(FoldKind kind, DType dtype) {
  switch (dtype) {
    case DType::kComplex64:
      return FoldOf<float>(kind);
    case DType::kComplex128:
      return FoldOf<double>(kind);
    default:
      return nullptr;
  }
}

std::complex<double> FinishComplexLogSumExp(double largest, double re, double im) {
  const HWY_NAMESPACE::Complex<double> log = HWY_NAMESPACE::ComplexLogSumExp{{largest, re, im}}.Log();
  return {log.re, log.im};
}

}  // namespace treduce
HWY_AFTER_NAMESPACE();
