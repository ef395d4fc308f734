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

// The element of type T of an order key. Results have another dtype only where magnitudes of complex128 and complex64
// are float64 alike.
template <class T, Order kOrder>
TREDUCE_DEVICE_FUNCTION void StoreKey(int64_t key, DType dtype, int64_t k, void* out) {
  if constexpr (std::is_same_v<T, double>) {
    StoreAs(OrderKey<T, kOrder>::Back(key), dtype, k, out);
  } else {
    using Bits = typename KeyBits<T>::Type;
    static_cast<Bits*>(out)[k] = OrderKey<T, kOrder>::Bits(static_cast<Bits>(key));
  }
}

// Result `k` of `result`, from state `at` (and the next, of parts) of a pass over elements T.
template <class T>
TREDUCE_DEVICE_FUNCTION void StoreResult(const ResultSpec& result, States states, int64_t reduced_count, size_t at,
                                         int64_t k) {
  const States s = states.FromWord(result.first_word[0]);
  const auto count = static_cast<double>(reduced_count);
  const auto real = [&](double value) { StoreAs(value, result.dtype[0], k, result.out[0]); };
  const auto integer = [&](int64_t value) { StoreAs(value, result.dtype[0], k, result.out[0]); };
  const auto mean_beside = [&] {
    if (result.out[1] == nullptr) return;
    const States sums = states.FromWord(result.first_word[1]);
    for (int part = 0; part < (result.parts_apart ? 2 : 1); ++part) {
      const int64_t to = result.parts_apart ? 2 * k + part : k;
      StoreAs(SumOver(sums, at + static_cast<size_t>(part), result.is_wide, count), result.dtype[1], to, result.out[1]);
    }
  };
  const auto variance = [&] {
    const ScaledVariance value = VarianceOf(s, at, result.correction);
    return result.parts_apart ? Sum(value, VarianceOf(s, at + 1, result.correction)) : value;
  };
  switch (result.kind) {
    case FinishKind::kSum:
      if constexpr (FloatKey<T>) return real(SumOver(s, at, result.is_wide, 1.0));
      return integer(Word(s, 0, at));
    case FinishKind::kProduct:
      if constexpr (FloatKey<T>) return real(Scale(Field(s, 0, at), Field(s, 1, at)));
      return integer(Word(s, 0, at));
    case FinishKind::kMax:
      StoreKey<T, Order::kLargest>(Word(s, 0, at), result.dtype[0], k, result.out[0]);
      if (result.out[1] != nullptr) StoreAs(Word(s, 1, at), result.dtype[1], k, result.out[1]);
      return;
    case FinishKind::kMin:
      StoreKey<T, Order::kSmallest>(Word(s, 0, at), result.dtype[0], k, result.out[0]);
      if (result.out[1] != nullptr) StoreAs(Word(s, 1, at), result.dtype[1], k, result.out[1]);
      return;
    case FinishKind::kMinMax: {
      const States high = states.FromWord(result.first_word[1]);
      StoreKey<T, Order::kSmallest>(Word(s, 0, at), result.dtype[0], k, result.out[0]);
      StoreKey<T, Order::kLargest>(Word(high, 0, at), result.dtype[1], k, result.out[1]);
      return;
    }
    case FinishKind::kIndex:
      return integer(Word(s, 1, at));
    case FinishKind::kAll:
      return integer(Word(s, 0, at) == reduced_count ? 1 : 0);
    case FinishKind::kAny:
      return integer(Word(s, 0, at) != 0 ? 1 : 0);
    case FinishKind::kCount:
      return integer(Word(s, 0, at));
    case FinishKind::kAbsMax:
      return StoreKey<T, Order::kLargestMagnitude>(Word(s, 0, at), result.dtype[0], k, result.out[0]);
    case FinishKind::kAbsMin:
      return StoreKey<T, Order::kSmallestMagnitude>(Word(s, 0, at), result.dtype[0], k, result.out[0]);
    default:
      break;
  }
  if constexpr (FloatKey<T>) {
    switch (result.kind) {
      case FinishKind::kMean:
        return real(SumOver(s, at, result.is_wide, count));
      case FinishKind::kNanMean:
        return real(SumOver(s, at, result.is_wide, Field(s, result.is_wide ? 4 : 3, at)));
      case FinishKind::kVar: {
        const ScaledVariance value = variance();
        real(Scale(value.value, 2 * value.exponent));
        return mean_beside();
      }
      case FinishKind::kStd: {
        const ScaledVariance value = variance();
        real(Scale(std::sqrt(value.value), value.exponent));
        return mean_beside();
      }
      case FinishKind::kAbsSum:
        return real(result.is_wide ? SumOver(s, at, true, 1.0) : Field(s, 0, at));
      case FinishKind::kSquareSum:
        return real(RootOf(s, at, result.is_wide));
      case FinishKind::kPowerSum:
        return real(Scale(HWY_NAMESPACE::Pow(Field(s, 0, at), 1.0 / result.ord), Field(s, 1, at)));
      case FinishKind::kLogSumExp: {
        double sum, error;
        HWY_NAMESPACE::TwoSum(Field(s, 1, at), Field(s, 2, at), sum, error);
        return real(HWY_NAMESPACE::AddLog(Field(s, 0, at), sum, error));
      }
      default:
        break;
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
  const auto integer = [&](int64_t value) { StoreAs(value, result.dtype[0], k, result.out[0]); };
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
    case FinishKind::kAll:
      return integer(Word(s, 0, at) == reduced_count ? 1 : 0);
    case FinishKind::kAny:
      return integer(Word(s, 0, at) != 0 ? 1 : 0);
    default:
      return integer(Word(s, 0, at));
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
