// One function for each family of ops. Sums are kept as pairs of long double, so that no cancellation matters.
#include "tests/engine/reference.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <utility>

#include "tests/engine/elements.h"

namespace treduce {
namespace {

using Elements = std::vector<LongComplex>;
using Output = std::vector<Expected>;

constexpr long double kNan = std::numeric_limits<long double>::quiet_NaN();
constexpr long double kInfinity = std::numeric_limits<long double>::infinity();
constexpr long double kRounding = 0x1p-53L;       // of a binary64 operation
constexpr long double kPairRounding = 0x1p-104L;  // of an operation on a pair of them

long double Count(const Elements& elements) { return static_cast<long double>(elements.size()); }
bool IsReal(DType dtype) { return IsFloatingPoint(dtype) || IsComplex(dtype); }
bool IsNan(const LongComplex& x) { return std::isnan(x.real()) || std::isnan(x.imag()); }
bool IsFinite(const LongComplex& x) { return std::isfinite(x.real()) && std::isfinite(x.imag()); }

// A sum with twice the precision of long double.
class LongSum {
 public:
  void Add(long double x) {
    const long double sum = sum_ + x;
    const long double part = sum - sum_;
    error_ += (sum_ - (sum - part)) + (x - part);
    sum_ = sum;
  }
  long double value() const { return std::isfinite(sum_) ? sum_ + error_ : sum_; }

 private:
  long double sum_ = 0;
  long double error_ = 0;
};

long double SumOf(const Elements& elements, const std::function<long double(const LongComplex&)>& term) {
  LongSum sum;
  for (const LongComplex& x : elements) sum.Add(term(x));
  return sum.value();
}

Elements WithoutNan(Elements elements) {
  std::erase_if(elements, IsNan);
  return elements;
}

Elements AsFloat32(Elements elements) {
  for (LongComplex& x : elements) x = static_cast<float>(x.real());
  return elements;
}

Output Exactly(long double value) { return {{value, 0}}; }

// 1 ulp of `dtype`, and a relative error.
Expected Rounded(DType dtype, long double value, long double relative) {
  return {value, UlpOf(dtype, value) + (std::isfinite(value) ? std::abs(value) * relative : 0)};
}

// The wrapped sum or product in int64.
Output Wrapped(const Elements& elements, uint64_t init, const std::function<uint64_t(uint64_t, uint64_t)>& join) {
  for (const LongComplex& x : elements) {
    init = join(init,
                x.real() < 0 ? static_cast<uint64_t>(static_cast<int64_t>(x.real())) : static_cast<uint64_t>(x.real()));
  }
  return Exactly(static_cast<long double>(static_cast<int64_t>(init)));
}

// The sum divided by `divisor`, component by component.
Output Sum(DType dtype, const Elements& elements, long double divisor = 1) {
  Output output;
  for (int c = 0; c < (IsComplex(dtype) ? 2 : 1); ++c) {
    const auto part = [c](const LongComplex& x) { return c == 0 ? x.real() : x.imag(); };
    const long double value = SumOf(elements, part) / divisor;
    const long double magnitude = SumOf(elements, [&](const LongComplex& x) { return std::abs(part(x)); }) / divisor;
    const long double error = std::isfinite(magnitude) ? Count(elements) * kPairRounding * magnitude : 0;
    output.push_back({value, UlpOf(dtype, value) + error});
  }
  return output;
}

Output Product(DType dtype, const Elements& elements) {
  // Kept near 1, with the power of two apart: there is no overflow on the way.
  LongComplex product = 1;
  int64_t exponent = 0;
  for (const LongComplex& x : elements) {
    product = IsComplex(dtype) ? product * x : LongComplex(product.real() * x.real());
    const long double largest = std::max(std::abs(product.real()), std::abs(product.imag()));
    if (largest == 0 || !std::isfinite(largest)) continue;
    const int shift = std::ilogb(largest);
    product = {std::ldexp(product.real(), -shift), std::ldexp(product.imag(), -shift)};
    exponent += shift;
  }
  const int power = static_cast<int>(std::clamp<int64_t>(exponent, -100'000, 100'000));
  product = {std::ldexp(product.real(), power), std::ldexp(product.imag(), power)};
  if (!IsComplex(dtype)) return {Rounded(dtype, product.real(), Count(elements) * kRounding)};
  // A complex product is off by less than 3 roundings of its modulus.
  const long double modulus = std::abs(product);
  const long double tolerance = UlpOf(dtype, modulus) + 3 * Count(elements) * kRounding * modulus;
  return {{product.real(), tolerance}, {product.imag(), tolerance}};
}

// The first NaN, or the first of the largest (`sign` 1) or smallest (-1) elements.
size_t Extreme(const Elements& elements, int sign) {
  size_t best = 0;
  for (size_t i = 0; i < elements.size() && !IsNan(elements[best]); ++i) {
    if (IsNan(elements[i]) || sign * elements[i].real() > sign * elements[best].real()) best = i;
  }
  return best;
}

Output ExtremeValue(const Elements& elements, int sign) { return Exactly(elements[Extreme(elements, sign)].real()); }
Output ExtremeIndex(const Elements& elements, int sign) {
  return Exactly(static_cast<long double>(Extreme(elements, sign)));
}

long double NonZeroCount(const Elements& elements) {
  return SumOf(elements, [](const LongComplex& x) { return x == LongComplex(0) ? 0 : 1; });
}

// Corrected two-pass: the second term removes what the rounding of the mean left.
long double SquaredDeviations(const Elements& elements, long double (*part)(const LongComplex&)) {
  const long double mean = SumOf(elements, part) / Count(elements);
  const auto deviation = [&](const LongComplex& x) { return part(x) - mean; };
  const long double squares = SumOf(elements, [&](const LongComplex& x) { return deviation(x) * deviation(x); });
  const long double rest = SumOf(elements, deviation);
  return squares - rest * rest / Count(elements);
}

Output Variance(DType dtype, const Elements& elements, double correction, bool root) {
  long double value = kNan;
  if (std::all_of(elements.begin(), elements.end(), IsFinite)) {
    const long double divisor = std::max(0.0L, Count(elements) - correction);
    value = SquaredDeviations(elements, [](const LongComplex& x) { return x.real(); }) / divisor;
    if (IsComplex(dtype)) {
      value += SquaredDeviations(elements, [](const LongComplex& x) { return x.imag(); }) / divisor;
    }
  }
  // Each deviation, square and addition is rounded; a root halves relative errors.
  const long double relative = (Count(elements) + 8) * kRounding;
  return {root ? Rounded(dtype, std::sqrt(value), relative / 2) : Rounded(dtype, value, relative)};
}

Output Norm(DType dtype, const Elements& elements, long double ord) {
  if (ord == 0) return {Rounded(dtype, NonZeroCount(elements), 0)};
  if (std::any_of(elements.begin(), elements.end(), IsNan)) return Exactly(kNan);
  // The modulus of a complex number is rounded, up to 2 ulp of binary64.
  const long double modulus_error = IsComplex(dtype) ? 2 * 2 * kRounding : 0;
  if (std::isinf(ord)) {
    long double value = ord > 0 ? 0 : kInfinity;
    for (const LongComplex& x : elements) {
      value = ord > 0 ? std::max(value, std::abs(x)) : std::min(value, std::abs(x));
    }
    return {Rounded(dtype, value, modulus_error)};
  }
  const long double sum = SumOf(elements, [&](const LongComplex& x) { return std::pow(std::abs(x), ord); });
  // A power is off by up to 2 ulp, the sum by n roundings and those of its terms; the root divides both by |ord|.
  const long double terms = (Count(elements) + 2 * 2) * kRounding / std::abs(ord) + modulus_error;
  return {Rounded(dtype, std::pow(sum, 1 / ord), terms + 2 * 2 * kRounding)};
}

Output LogSumExp(DType dtype, const Elements& elements) {
  if (std::any_of(elements.begin(), elements.end(), IsNan)) return Exactly(kNan);
  long double largest = -kInfinity;
  for (const LongComplex& x : elements) largest = std::max(largest, x.real());
  if (std::isinf(largest)) return Exactly(largest);
  LongSum real;
  LongSum imag;
  LongSum moduli;
  long double angle = 0;
  for (const LongComplex& x : elements) {
    const LongComplex term = std::polar(std::exp(x.real() - largest), x.imag());
    real.Add(term.real());
    imag.Add(term.imag());
    moduli.Add(std::abs(term));
    angle = std::max(angle, std::abs(x.imag()));
  }
  const LongComplex sum(real.value(), imag.value());
  // Relative to the moduli, each difference, exponential (and angle) and addition is rounded; the logarithm makes that
  // an absolute error, larger where the terms of a complex sum cancel.
  const long double error = (3 * Count(elements) + 8 + angle) * kRounding * moduli.value() / std::abs(sum);
  const auto rounded = [&](long double value) { return Expected{value, UlpOf(dtype, value) + error}; };
  const long double modulus = largest + std::log(std::abs(sum));
  if (!IsComplex(dtype)) return {rounded(modulus)};
  return {rounded(modulus), rounded(std::arg(sum))};
}

// The elements in order, NaN last.
Elements Sorted(Elements elements) {
  std::stable_sort(elements.begin(), elements.end(), [](const LongComplex& a, const LongComplex& b) {
    return IsNan(b) ? !IsNan(a) : a.real() < b.real();
  });
  return elements;
}

// A value and the index of its first occurrence.
std::vector<Output> First(const Elements& elements, long double value) {
  const auto is_value = [value](const LongComplex& x) { return std::isnan(value) ? IsNan(x) : x.real() == value; };
  const auto first = std::find_if(elements.begin(), elements.end(), is_value) - elements.begin();
  return {Exactly(value), Exactly(static_cast<long double>(first))};
}

long double MedianOf(const Elements& elements) {
  const Elements sorted = Sorted(elements);
  if (sorted.empty() || IsNan(sorted.back())) return kNan;
  return sorted[(sorted.size() - 1) / 2].real();
}

long double ModeOf(const Elements& elements) {
  const Elements sorted = Sorted(WithoutNan(elements));
  long double mode = kNan;
  std::ptrdiff_t most = 0;
  for (auto begin = sorted.begin(); begin != sorted.end();) {
    const auto is_other = [&](const LongComplex& y) { return y.real() != begin->real(); };
    const auto end = std::find_if(begin, sorted.end(), is_other);
    if (end - begin > most) mode = begin->real();
    most = std::max(most, end - begin);
    begin = end;
  }
  return mode;
}

Output Quantile(DType dtype, const Elements& elements, const QuantileOptions& options) {
  const Elements sorted = Sorted(elements);
  if (sorted.empty() || IsNan(sorted.back())) return Exactly(kNan);
  const double q = options.q.values()[0];
  // PyTorch's rank is a float64, of q in the dtype of the elements.
  const double rounded_q = dtype == DType::kFloat32 ? static_cast<double>(static_cast<float>(q)) : q;
  const double rank = rounded_q * (static_cast<double>(sorted.size()) - 1);
  const auto at = [&](double place) { return sorted[static_cast<size_t>(place)].real(); };
  const long double low = at(std::floor(rank));
  const long double high = at(std::ceil(rank));
  switch (options.interpolation) {
    case Interpolation::kLower:
      return Exactly(low);
    case Interpolation::kHigher:
      return Exactly(high);
    case Interpolation::kNearest:
      return Exactly(at(std::nearbyint(rank)));
    case Interpolation::kMidpoint:
    case Interpolation::kLinear:
      break;
  }
  if (low == high) return Exactly(low);
  const long double fraction =
      options.interpolation == Interpolation::kMidpoint ? 0.5L : static_cast<long double>(rank - std::floor(rank));
  const long double value = low * (1 - fraction) + high * fraction;
  // A difference, a product and a sum, each rounded.
  const long double error = 3 * kRounding * (std::abs(low) + std::abs(high));
  return {{value, UlpOf(dtype, value) + (std::isfinite(error) ? error : 0)}};
}

QuantileOptions QuantileOf(const Reduction& reduction) {
  const auto* options = std::get_if<QuantileOptions>(&reduction.options);
  return options ? *options : QuantileOptions();
}

double CorrectionOf(const Reduction& reduction) {
  const auto* options = std::get_if<VarianceOptions>(&reduction.options);
  return options ? options->correction : 1;
}

double OrdOf(const Reduction& reduction) {
  const auto* options = std::get_if<NormOptions>(&reduction.options);
  return options ? options->ord : 2;
}

}  // namespace

std::vector<std::vector<Expected>> ReferenceOf(const Reduction& reduction, DType dtype, const Elements& elements) {
  const auto sum = [&](const Elements& terms) {
    return IsReal(dtype) ? Sum(dtype, terms) : Wrapped(terms, 0, std::plus<uint64_t>());
  };
  const auto mean = [&](const Elements& terms) { return Sum(dtype, terms, Count(terms)); };
  const auto variance = [&](bool root) { return Variance(dtype, elements, CorrectionOf(reduction), root); };
  switch (reduction.op) {
    case Op::kSum:
      return {sum(elements)};
    case Op::kNanSum:
      return {sum(WithoutNan(elements))};
    case Op::kMean:
      return {mean(elements)};
    case Op::kNanMean:
      return {mean(WithoutNan(elements))};
    case Op::kProd:
      return {IsReal(dtype) ? Product(dtype, elements) : Wrapped(elements, 1, std::multiplies<uint64_t>())};
    case Op::kMax:
      return {ExtremeValue(elements, 1), ExtremeIndex(elements, 1)};
    case Op::kMin:
      return {ExtremeValue(elements, -1), ExtremeIndex(elements, -1)};
    case Op::kAMax:
      return {ExtremeValue(elements, 1)};
    case Op::kAMin:
      return {ExtremeValue(elements, -1)};
    case Op::kAMinMax:
      return {ExtremeValue(elements, -1), ExtremeValue(elements, 1)};
    case Op::kArgMax:
      return {ExtremeIndex(elements, 1)};
    case Op::kArgMin:
      return {ExtremeIndex(elements, -1)};
    case Op::kAll:
      return {Exactly(NonZeroCount(elements) == Count(elements))};
    case Op::kAny:
      return {Exactly(NonZeroCount(elements) > 0)};
    case Op::kCountNonzero:
      return {Exactly(NonZeroCount(elements))};
    case Op::kVar:
      return {variance(false)};
    case Op::kStd:
      return {variance(true)};
    case Op::kVarMean:
      return {variance(false), mean(elements)};
    case Op::kStdMean:
      return {variance(true), mean(elements)};
    case Op::kVectorNorm:
      return {Norm(dtype, elements, OrdOf(reduction))};
    case Op::kLogSumExp:
      return {IsReal(dtype) ? LogSumExp(dtype, elements) : LogSumExp(DType::kFloat32, AsFloat32(elements))};
    case Op::kMedian:
      return First(elements, MedianOf(elements));
    case Op::kNanMedian:
      return First(elements, MedianOf(WithoutNan(elements)));
    case Op::kMode:
      return First(elements, ModeOf(elements));
    case Op::kQuantile:
      return {Quantile(dtype, elements, QuantileOf(reduction))};
    case Op::kNanQuantile:
      return {Quantile(dtype, WithoutNan(elements), QuantileOf(reduction))};
    case Op::kUnique:
    case Op::kUniqueConsecutive:
      break;  // unique_test.cc
  }
  return {};
}

}  // namespace treduce
