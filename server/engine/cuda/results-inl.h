// Results from the states of a pass, as plan/finish.cc makes them.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_RESULTS_INL_H_
#define TREDUCE_SERVER_ENGINE_CUDA_RESULTS_INL_H_

#include <limits>

#include "server/engine/cuda/pass_spec.h"
#include "server/engine/cuda/simt.h"
#include "server/engine/cuda/store-inl.h"
#include "server/engine/fold/math-inl.h"
#include "server/engine/fold/ops/complex-inl.h"
#include "server/engine/fold/order_key.h"
#include "server/engine/plan/finish_value.h"

namespace treduce::cuda {

// The element of type T of an order key. Results have another dtype only where the elements are magnitudes of complex64
// ones, in float64.
template <class T, Order kOrder>
TREDUCE_DEVICE_FUNCTION void StoreKey(int64_t key, DType dtype, int64_t k, void* out) {
  using Bits = typename KeyBits<T>::Type;
  if constexpr (std::is_same_v<T, double>) {
    if (dtype == DType::kFloat32) {
      static_cast<float*>(out)[k] = Narrow<float>(OrderKey<T, kOrder>::Back(key));
      return;
    }
  }
  static_cast<Bits*>(out)[k] = OrderKey<T, kOrder>::Bits(static_cast<Bits>(key));
}

// A result of those kinds that are integers.
TREDUCE_DEVICE_FUNCTION int64_t IntegerResult(FinishKind kind, States s, int64_t reduced_count, size_t at) {
  switch (kind) {
    case FinishKind::kIndex:
      return Word(s, 1, at);
    case FinishKind::kAll:
      return Word(s, 0, at) == reduced_count ? 1 : 0;
    case FinishKind::kAny:
      return Word(s, 0, at) != 0 ? 1 : 0;
    default:
      return Word(s, 0, at);
  }
}

// Of those that are real numbers, from floating point elements.
TREDUCE_DEVICE_FUNCTION double RealResult(const ResultSpec& result, States s, int64_t reduced_count, size_t at) {
  switch (result.kind) {
    case FinishKind::kMean:
      return SumOver(s, at, result.is_wide, static_cast<double>(reduced_count));
    case FinishKind::kNanMean:
      return SumOver(s, at, result.is_wide, Field(s, result.is_wide ? 4 : 3, at));
    case FinishKind::kProduct:
      return Scale(Field(s, 0, at), Field(s, 1, at));
    case FinishKind::kVar:
    case FinishKind::kStd: {
      ScaledVariance variance = VarianceOf(s, at, result.correction);
      if (result.parts_apart) variance = Sum(variance, VarianceOf(s, at + 1, result.correction));
      if (result.kind == FinishKind::kVar) return Scale(variance.value, 2 * variance.exponent);
      return Scale(std::sqrt(variance.value), variance.exponent);
    }
    case FinishKind::kAbsSum:
      return result.is_wide ? SumOver(s, at, true, 1.0) : Field(s, 0, at);
    case FinishKind::kSquareSum:
      return RootOf(s, at, result.is_wide);
    case FinishKind::kPowerSum:
      return Scale(HWY_NAMESPACE::Pow(Field(s, 0, at), 1.0 / result.ord), Field(s, 1, at));
    case FinishKind::kLogSumExp: {
      double sum, error;
      HWY_NAMESPACE::TwoSum(Field(s, 1, at), Field(s, 2, at), sum, error);
      return HWY_NAMESPACE::AddLog(Field(s, 0, at), sum, error);
    }
    default:
      return SumOver(s, at, result.is_wide, 1.0);
  }
}

// Result `k` of `result`, from state `at` (and the next, of parts) of a pass over elements T.
template <class T>
TREDUCE_DEVICE_FUNCTION void StoreResult(const ResultSpec& result, States states, int64_t reduced_count, size_t at,
                                         int64_t k) {
  const States s = states.FromWord(result.first_word[0]);
  const States second = states.FromWord(result.first_word[1]);
  switch (result.kind) {
    case FinishKind::kMax:
    case FinishKind::kMin:
      if (result.kind == FinishKind::kMax) {
        StoreKey<T, Order::kLargest>(Word(s, 0, at), result.dtype[0], k, result.out[0]);
      } else {
        StoreKey<T, Order::kSmallest>(Word(s, 0, at), result.dtype[0], k, result.out[0]);
      }
      if (result.out[1] != nullptr) static_cast<int64_t*>(result.out[1])[k] = Word(s, 1, at);
      return;
    case FinishKind::kMinMax:
      StoreKey<T, Order::kSmallest>(Word(s, 0, at), result.dtype[0], k, result.out[0]);
      StoreKey<T, Order::kLargest>(Word(second, 0, at), result.dtype[1], k, result.out[1]);
      return;
    case FinishKind::kAbsMax:
      return StoreKey<T, Order::kLargestMagnitude>(Word(s, 0, at), result.dtype[0], k, result.out[0]);
    case FinishKind::kAbsMin:
      return StoreKey<T, Order::kSmallestMagnitude>(Word(s, 0, at), result.dtype[0], k, result.out[0]);
    default:
      break;
  }
  const bool is_integer = result.kind == FinishKind::kIndex || result.kind == FinishKind::kAll ||
                          result.kind == FinishKind::kAny || result.kind == FinishKind::kCount;
  if (!FloatKey<T> || is_integer) {
    return StoreAs(IntegerResult(result.kind, s, reduced_count, at), result.dtype[0], k, result.out[0]);
  }
  if constexpr (FloatKey<T>) {
    StoreAs(RealResult(result, s, reduced_count, at), result.dtype[0], k, result.out[0]);
    if (result.out[1] == nullptr) return;
    const auto count = static_cast<double>(reduced_count);
    for (int part = 0; part < (result.parts_apart ? 2 : 1); ++part) {
      const double mean = SumOver(second, at + static_cast<size_t>(part), result.is_wide, count);
      StoreAs(mean, result.dtype[1], result.parts_apart ? 2 * k + part : k, result.out[1]);
    }
  }
}

// The same of a pass over complex elements.
template <ComplexElement T>
TREDUCE_DEVICE_FUNCTION void StoreResult(const ResultSpec& result, States states, int64_t reduced_count, size_t at,
                                         int64_t k) {
  const States s = states.FromWord(result.first_word[0]);
  const auto parts = [&](double re, double im) {
    StoreAs(re, result.dtype[0], 2 * k, result.out[0]);
    StoreAs(im, result.dtype[0], 2 * k + 1, result.out[0]);
  };
  switch (result.kind) {
    case FinishKind::kProduct: {
      const std::complex<double> product = ComplexProductOf(s, at);
      return parts(product.real(), product.imag());
    }
    case FinishKind::kLogSumExp: {
      const HWY_NAMESPACE::ComplexLogSumExp sum = {{Field(s, 0, at), Field(s, 1, at), Field(s, 2, at)}};
      const HWY_NAMESPACE::Complex<double> log = sum.Log();
      return parts(log.re, log.im);
    }
    default:
      return StoreAs(IntegerResult(result.kind, s, reduced_count, at), result.dtype[0], k, result.out[0]);
  }
}

// All results of outputs [output, output + count), whose states are the first of `states`: by threads `thread` of
// `threads`.
template <class T>
TREDUCE_DEVICE_FUNCTION void StoreResults(const PassSpec& spec, States states, int count, int64_t output, int thread,
                                          int threads) {
  for (int r = 0; r < spec.result_count; ++r) {
    const ResultSpec& result = spec.results[r];
    // A result of two parts is stored by the thread of the first, whose neighbour has the second.
    const bool takes_two = result.parts_apart && (result.kind == FinishKind::kVar || result.kind == FinishKind::kStd);
    for (int i = thread; i < count; i += threads) {
      const int64_t k = output + i;
      if (takes_two && k % 2 != 0) continue;
      StoreResult<T>(result, states, spec.reduced_count, static_cast<size_t>(i), takes_two ? k / 2 : k);
    }
  }
}

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_RESULTS_INL_H_
