// Results from states, one function for each way in which ops end.
#include "server/engine/plan/finish.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstring>
#include <limits>

#include "server/engine/fold/complex_finish.h"
#include "server/engine/fold/order_key.h"
#include "server/engine/fold/scalar_math.h"
#include "server/engine/select/selection.h"
#include "server/engine/values/convert.h"
#include "server/engine/values/element.h"

namespace treduce {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Elements reduced into each result.
int64_t ReducedCount(const Finishing& f) { return f.reduction.nest.reduced_count; }

// Whether real and imaginary parts were reduced apart: result k has states 2k and 2k + 1.
bool PartsApart(const Finishing& f) { return IsComplex(f.reduction.compute_dtype); }

// Stores blocks of results, of type T and dtype `from`, as output `output`. `fill(first, count, block)` writes one.
template <class T, class Fill>
void StoreBlocks(const Finishing& f, size_t output, DType from, Fill fill) {
  const DType dtype = f.reduction.outputs[output].dtype;
  const ConvertFunction cast = FindCast(from, dtype);
  std::byte* out = f.outputs[output] + f.first * ByteSize(dtype);
  constexpr size_t kBlock = 256;
  T block[kBlock];
  for (size_t first = 0; first < f.count; first += kBlock) {
    const size_t count = std::min(kBlock, f.count - first);
    fill(first, count, block);
    cast(reinterpret_cast<const std::byte*>(block), count, out + first * ByteSize(dtype));
  }
}

// The same of what `value(k)` returns for each result.
template <class T, class Value>
void StoreAll(const Finishing& f, size_t output, DType from, Value value) {
  StoreBlocks<T>(f, output, from, [&](size_t first, size_t count, T* block) {
    for (size_t k = 0; k < count; ++k) block[k] = value(first + k);
  });
}

template <class Value>
void StoreReals(const Finishing& f, size_t output, Value value) {
  StoreAll<double>(f, output, DType::kFloat64, value);
}

template <class Value>
void StoreIntegers(const Finishing& f, size_t output, Value value) {
  StoreAll<int64_t>(f, output, DType::kInt64, value);
}

// The same of a value of each state, which are the parts of a complex result where these were reduced apart.
template <class Value>
void StoreNumbers(const Finishing& f, size_t output, Value value) {
  if (!PartsApart(f)) return StoreReals(f, output, value);
  const DType dtype = f.reduction.outputs[output].dtype;
  for (size_t k = 0; k < f.count; ++k) {
    StoreComplex({value(2 * k), value(2 * k + 1)}, dtype, f.first + k, f.outputs[output]);
  }
}

bool IsWide(DType dtype) { return RealDType(dtype) == DType::kFloat64; }

// The element of an order key, stored as output `output`.
template <Order kOrder>
void StoreOrder(const Finishing& f, States s, size_t output, DType dtype) {
  VisitRealType(dtype, [&]<class T>(std::type_identity<T>) {
    using Key = OrderKey<T, kOrder>;
    if (f.reduction.outputs[output].dtype == dtype) {
      std::byte* out = f.outputs[output] + f.first * sizeof(T);
      for (size_t k = 0; k < f.count; ++k) {
        const auto bits = Key::Bits(static_cast<typename Key::Type>(Word(s, 0, k)));
        std::memcpy(out + k * sizeof(T), &bits, sizeof(T));
      }
    } else if constexpr (FloatKey<T>) {
      StoreReals(f, output, [&](size_t k) { return Key::Back(Word(s, 0, k)); });
    } else {
      StoreIntegers(f, output, [&](size_t k) { return Key::Back(Word(s, 0, k)); });
    }
  });
}

void StoreIndices(const Finishing& f, size_t output) {
  StoreIntegers(f, output, [&](size_t k) { return Word(f.states[0], 1, k); });
}

// The largest or smallest magnitude; 0 of none.
template <Order kOrder>
void FinishMagnitude(const Finishing& f) {
  if (ReducedCount(f) == 0) return StoreReals(f, 0, [](size_t) { return 0.0; });
  const DType dtype = f.reduction.compute_dtype;
  StoreOrder<kOrder>(f, f.states[0], 0, IsComplex(dtype) ? DType::kFloat64 : dtype);
}

// The mean beside a variance comes from a sum of its own: that of the moments is accurate beside the deviation only.
void FinishMeanOf(const Finishing& f, States sums, size_t output) {
  const auto count = static_cast<double>(ReducedCount(f));
  const bool is_wide = IsWide(f.reduction.compute_dtype);
  StoreNumbers(f, output, [&](size_t k) { return SumOver(sums, k, is_wide, count); });
}

void FinishSum(const Finishing& f) {
  const States s = f.states[0];
  const DType dtype = f.reduction.compute_dtype;
  if (IsFloatingPoint(dtype) || IsComplex(dtype)) {
    const bool is_wide = IsWide(dtype);
    StoreNumbers(f, 0, [&](size_t k) { return SumOver(s, k, is_wide, 1.0); });
  } else {
    StoreIntegers(f, 0, [&](size_t k) { return Word(s, 0, k); });
  }
}

void FinishMean(const Finishing& f) { FinishMeanOf(f, f.states[0], 0); }

void FinishNanMean(const Finishing& f) {
  const States s = f.states[0];
  const bool is_wide = IsWide(f.reduction.compute_dtype);
  StoreReals(f, 0, [&](size_t k) { return SumOver(s, k, is_wide, Field(s, is_wide ? 4 : 3, k)); });
}

void FinishProduct(const Finishing& f) {
  const States s = f.states[0];
  const DType dtype = f.reduction.compute_dtype;
  if (IsComplex(dtype)) {
    for (size_t k = 0; k < f.count; ++k) {
      StoreComplex(ComplexProductOf(s, k), f.reduction.outputs[0].dtype, f.first + k, f.outputs[0]);
    }
  } else if (IsFloatingPoint(dtype)) {
    StoreReals(f, 0, [&](size_t k) { return Scale(Field(s, 0, k), Field(s, 1, k)); });
  } else {
    StoreIntegers(f, 0, [&](size_t k) { return Word(s, 0, k); });
  }
}

void FinishMax(const Finishing& f) {
  StoreOrder<Order::kLargest>(f, f.states[0], 0, f.reduction.compute_dtype);
  if (f.outputs.size() > 1) StoreIndices(f, 1);
}

void FinishMin(const Finishing& f) {
  StoreOrder<Order::kSmallest>(f, f.states[0], 0, f.reduction.compute_dtype);
  if (f.outputs.size() > 1) StoreIndices(f, 1);
}

void FinishMinMax(const Finishing& f) {
  StoreOrder<Order::kSmallest>(f, f.states[0], 0, f.reduction.compute_dtype);
  StoreOrder<Order::kLargest>(f, f.states[1], 1, f.reduction.compute_dtype);
}

void FinishIndex(const Finishing& f) { StoreIndices(f, 0); }

void FinishAll(const Finishing& f) {
  StoreIntegers(f, 0, [&](size_t k) { return int64_t{Word(f.states[0], 0, k) == ReducedCount(f)}; });
}

void FinishAny(const Finishing& f) {
  StoreIntegers(f, 0, [&](size_t k) { return int64_t{Word(f.states[0], 0, k) != 0}; });
}

void FinishCount(const Finishing& f) {
  StoreIntegers(f, 0, [&](size_t k) { return Word(f.states[0], 0, k); });
}

ScaledVariance VarianceOf(const Finishing& f, size_t k) {
  if (ReducedCount(f) == 0) return {kNaN, 0.0};
  const double correction = std::get<VarianceOptions>(f.reduction.reduction.options).correction;
  if (!PartsApart(f)) return VarianceOf(f.states[0], k, correction);
  return Sum(VarianceOf(f.states[0], 2 * k, correction), VarianceOf(f.states[0], 2 * k + 1, correction));
}

void FinishVar(const Finishing& f) {
  StoreReals(f, 0, [&](size_t k) {
    const ScaledVariance variance = VarianceOf(f, k);
    return Scale(variance.value, 2 * variance.exponent);
  });
  if (f.outputs.size() > 1) FinishMeanOf(f, f.states[1], 1);
}

void FinishStd(const Finishing& f) {
  StoreReals(f, 0, [&](size_t k) {
    const ScaledVariance variance = VarianceOf(f, k);
    return Scale(std::sqrt(variance.value), variance.exponent);
  });
  if (f.outputs.size() > 1) FinishMeanOf(f, f.states[1], 1);
}

void FinishAbsMax(const Finishing& f) { FinishMagnitude<Order::kLargestMagnitude>(f); }

void FinishAbsMin(const Finishing& f) { FinishMagnitude<Order::kSmallestMagnitude>(f); }

void FinishAbsSum(const Finishing& f) {
  const States s = f.states[0];
  const DType dtype = f.reduction.compute_dtype;
  const bool is_wide = dtype == DType::kFloat64 || IsComplex(dtype);
  StoreReals(f, 0, [&](size_t k) { return is_wide ? SumOver(s, k, true, 1.0) : Field(s, 0, k); });
}

void FinishSquareSum(const Finishing& f) {
  const States s = f.states[0];
  const bool is_wide = IsWide(f.reduction.compute_dtype);
  StoreReals(f, 0, [&](size_t k) { return RootOf(s, k, is_wide); });
}

void FinishPowerSum(const Finishing& f) {
  const States s = f.states[0];
  const double ord = std::get<NormOptions>(f.reduction.reduction.options).ord;
  StoreReals(f, 0, [&](size_t k) {
    return ReducedCount(f) == 0 ? 0.0 : Scale(ScalarPow(Field(s, 0, k), 1.0 / ord), Field(s, 1, k));
  });
}

void FinishLogSumExp(const Finishing& f) {
  constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();
  const States s = f.states[0];
  const bool is_empty = ReducedCount(f) == 0;
  if (IsComplex(f.reduction.compute_dtype)) {
    for (size_t k = 0; k < f.count; ++k) {
      const std::complex<double> value = is_empty
                                             ? std::complex<double>(kMinusInfinity, 0.0)
                                             : FinishComplexLogSumExp(Field(s, 0, k), Field(s, 1, k), Field(s, 2, k));
      StoreComplex(value, f.reduction.outputs[0].dtype, f.first + k, f.outputs[0]);
    }
  } else if (is_empty) {
    StoreReals(f, 0, [](size_t) { return kMinusInfinity; });
  } else {
    StoreBlocks<double>(f, 0, DType::kFloat64, [&](size_t first, size_t count, double* block) {
      const States from = s.From(first);
      AddLogs(from.field<double>(0), from.field<double>(1), from.field<double>(2), count, block);
    });
  }
}

void FinishQuantile(const Finishing& f) {
  const States s = f.states[0];
  const DType dtype = f.reduction.compute_dtype;
  const auto& options = std::get<QuantileOptions>(f.reduction.reduction.options);
  const SelectionParams params = {.quantiles = &options, .rounds_q = dtype == DType::kFloat32};
  VisitRealType(f.fold_dtype, [&]<class T>(std::type_identity<T>) {
    for (size_t i = 0; i < options.q.values().size(); ++i) {
      Finishing of_quantile = f;
      of_quantile.first += i * static_cast<size_t>(f.reduction.nest.kept_count);
      StoreReals(of_quantile, 0, [&](size_t k) {
        const int64_t count = Word(s, 0, k);
        const double fraction = count > 0 ? RankOf(params, i, count).fraction : 0;
        const double low = CastKey<T>(Word(s, 1 + 2 * static_cast<int>(i), k), dtype);
        const double high = CastKey<T>(Word(s, 2 + 2 * static_cast<int>(i), k), dtype);
        return Interpolate(low, high, fraction);
      });
    }
  });
}

}  // namespace

void Finish(FinishKind kind, const Finishing& f) {
  switch (kind) {
    case FinishKind::kSum:
      return FinishSum(f);
    case FinishKind::kMean:
      return FinishMean(f);
    case FinishKind::kNanMean:
      return FinishNanMean(f);
    case FinishKind::kProduct:
      return FinishProduct(f);
    case FinishKind::kMax:
      return FinishMax(f);
    case FinishKind::kMin:
      return FinishMin(f);
    case FinishKind::kMinMax:
      return FinishMinMax(f);
    case FinishKind::kIndex:
      return FinishIndex(f);
    case FinishKind::kAll:
      return FinishAll(f);
    case FinishKind::kAny:
      return FinishAny(f);
    case FinishKind::kCount:
      return FinishCount(f);
    case FinishKind::kVar:
      return FinishVar(f);
    case FinishKind::kStd:
      return FinishStd(f);
    case FinishKind::kAbsMax:
      return FinishAbsMax(f);
    case FinishKind::kAbsMin:
      return FinishAbsMin(f);
    case FinishKind::kAbsSum:
      return FinishAbsSum(f);
    case FinishKind::kSquareSum:
      return FinishSquareSum(f);
    case FinishKind::kPowerSum:
      return FinishPowerSum(f);
    case FinishKind::kLogSumExp:
      return FinishLogSumExp(f);
    case FinishKind::kQuantile:
      return FinishQuantile(f);
  }
}

}  // namespace treduce
