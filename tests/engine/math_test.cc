// Elementary functions: the same bits from every SIMD target and from plain doubles, errors within the stated bounds
// (against long double), special values.
#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/engine/math_test.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "server/engine/fold/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

#define TREDUCE_MATH_TEST_FUNCTION(Name, expression)                                            \
  template <class V>                                                                            \
  void Name##Loop(const double* xs, const double* ys, double* out, size_t count, size_t step) { \
    for (size_t i = 0; i < count; i += step) {                                                  \
      [[maybe_unused]] const V x = ValueTraits<V>::Load(xs + i);                                \
      [[maybe_unused]] const V y = ValueTraits<V>::Load(ys + i);                                \
      ValueTraits<V>::Store(expression, out + i);                                               \
    }                                                                                           \
  }                                                                                             \
  /* `count` is a multiple of every number of lanes. */                                         \
  void Name(const double* xs, const double* ys, double* vector, double* scalar, size_t count) { \
    Name##Loop<Lanes64>(xs, ys, vector, count, hn::Lanes(D64()));                               \
    Name##Loop<double>(xs, ys, scalar, count, 1);                                               \
  }

TREDUCE_MATH_TEST_FUNCTION(TestExp, Exp(x))
TREDUCE_MATH_TEST_FUNCTION(TestExpHiLo, ExpHiLo(x, y))
TREDUCE_MATH_TEST_FUNCTION(TestExpTerm, ExpTerm(x))
TREDUCE_MATH_TEST_FUNCTION(TestLogHi, LogHiLo(x).hi)
TREDUCE_MATH_TEST_FUNCTION(TestLogLo, LogHiLo(x).lo)
TREDUCE_MATH_TEST_FUNCTION(TestAddLog, AddLog(x, y, Broadcast<V>(0.0)))
TREDUCE_MATH_TEST_FUNCTION(TestAddLogOfOneAnd, AddLog(x, Broadcast<V>(1.0), y))
TREDUCE_MATH_TEST_FUNCTION(TestPow, Pow(x, y))
TREDUCE_MATH_TEST_FUNCTION(TestHypot, Hypot(x, y))
TREDUCE_MATH_TEST_FUNCTION(TestSqrtHiLo, SqrtHiLo(x, y))

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace treduce {
namespace {

HWY_EXPORT(TestExp);
HWY_EXPORT(TestExpHiLo);
HWY_EXPORT(TestExpTerm);
HWY_EXPORT(TestLogHi);
HWY_EXPORT(TestLogLo);
HWY_EXPORT(TestAddLog);
HWY_EXPORT(TestAddLogOfOneAnd);
HWY_EXPORT(TestPow);
HWY_EXPORT(TestHypot);
HWY_EXPORT(TestSqrtHiLo);

using Doubles = std::vector<double>;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kLowestSubnormal = 0x1p-1074;
constexpr size_t kCount = size_t{1} << 17;

struct Arguments {
  Doubles x;
  Doubles y;
};

// A function's results for `arguments`, the same bits on every target or the test fails. All NaNs count as one.
template <class Dispatch>
Doubles Results(Arguments arguments, Dispatch dispatch) {
  const size_t count = arguments.x.size();
  const size_t padded = (count + 63) / 64 * 64;
  arguments.x.resize(padded, 1.0);
  arguments.y.resize(padded, 1.0);
  Doubles expected;
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().DeInit();
    Doubles vector(padded), scalar(padded);
    dispatch(arguments.x.data(), arguments.y.data(), vector.data(), scalar.data(), padded);
    if (expected.empty()) expected = scalar;
    for (const Doubles& results : {vector, scalar}) {
      const auto same = [](double a, double b) {
        return (std::isnan(a) && std::isnan(b)) || std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
      };
      const size_t at = std::mismatch(results.begin(), results.end(), expected.begin(), same).first - results.begin();
      EXPECT_EQ(at, padded) << hwy::TargetName(target) << ", x = " << arguments.x[at] << ", y = " << arguments.y[at];
      if (at != padded) break;
    }
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().DeInit();
  expected.resize(count);
  return expected;
}

#define RESULTS(function, ...) \
  Results(Arguments{__VA_ARGS__}, [](auto... args) { HWY_DYNAMIC_DISPATCH(function)(args...); })

// |got - exact| in units of the last place of a double near `exact`.
double UlpError(double got, long double exact) {
  if (std::isinf(got) || std::isnan(got)) return got == static_cast<double>(exact) ? 0 : kInf;
  int exponent;
  std::frexp(exact, &exponent);
  const long double ulp = std::ldexp(1.0L, std::max(exponent, DBL_MIN_EXP) - DBL_MANT_DIG);
  return static_cast<double>(std::fabs(got - exact) / ulp);
}

// The largest error of `got` against `exact(x, y)`, and where.
void ExpectWithinUlp(double bound, const Arguments& arguments, const Doubles& got,
                     const std::function<long double(long double, long double)>& exact) {
  double largest = 0;
  size_t at = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const double error = UlpError(got[i], exact(arguments.x[i], arguments.y[i]));
    if (!(error <= largest)) {
      largest = error;
      at = i;
    }
  }
  testing::Test::RecordProperty("largest_ulp_error", std::to_string(largest));
  EXPECT_LE(largest, bound) << "x = " << arguments.x[at] << ", y = " << arguments.y[at] << ", got " << got[at];
}

Doubles Generate(const std::function<double(std::mt19937_64&)>& next) {
  std::mt19937_64 random(20240607);
  Doubles values(kCount);
  for (double& value : values) value = next(random);
  return values;
}

Doubles Uniform(double low, double high) {
  return Generate([=](auto& random) { return std::uniform_real_distribution<double>(low, high)(random); });
}

// Positive finite doubles of every exponent.
Doubles AnyPositive() {
  return Generate([](auto& random) {
    return std::bit_cast<double>(std::uniform_int_distribution<uint64_t>(1, 0x7FEFFFFFFFFFFFFFu)(random));
  });
}

Doubles Constant(double value) { return Doubles(kCount, value); }

// Every pair of them.
Arguments Pairs(const Doubles& values) {
  Arguments pairs;
  for (const double x : values) {
    for (const double y : values) {
      pairs.x.push_back(x);
      pairs.y.push_back(y);
    }
  }
  return pairs;
}

MATCHER(SameValue, "") {
  const auto& [got, expected] = arg;
  return std::isnan(expected) ? std::isnan(got) : std::bit_cast<uint64_t>(got) == std::bit_cast<uint64_t>(expected);
}

TEST(ExpTest, ErrorIsWithinBound) {
  for (const double range : {1e-10, 0.4, 2.0, 100.0, 708.0}) {
    const Arguments arguments{Uniform(-range, range), Constant(0)};
    ExpectWithinUlp(0.7, arguments, RESULTS(TestExp, arguments), [](auto x, auto) { return std::exp(x); });
  }
}

TEST(ExpTest, UnderflowsGraduallyWithOneRounding) {
  const Arguments arguments{Uniform(-746.0, -707.0), Constant(0)};
  ExpectWithinUlp(0.7, arguments, RESULTS(TestExp, arguments), [](auto x, auto) { return std::exp(x); });
}

TEST(ExpTest, IsAccurateUpToOverflow) {
  const Arguments arguments{Uniform(707.0, 709.78), Constant(0)};
  ExpectWithinUlp(0.7, arguments, RESULTS(TestExp, arguments), [](auto x, auto) { return std::exp(x); });
}

TEST(ExpTest, SpecialValues) {
  const Doubles x = {0.0,
                     -0.0,
                     kInf,
                     -kInf,
                     kNaN,
                     709.782712893384,
                     709.7827128933841,
                     1e300,
                     -745.1332191019411,
                     -745.1332191019412,
                     -1e300,
                     kLowestSubnormal,
                     -DBL_MAX};
  const Doubles expected = {1.0, 1.0, kInf, 0.0, kNaN, 0x1.fffffffffff2ap1023, kInf, kInf, kLowestSubnormal,
                            0.0, 0.0, 1.0,  0.0};
  EXPECT_THAT(RESULTS(TestExp, x, Doubles(x.size())), testing::Pointwise(SameValue(), expected));
}

TEST(ExpHiLoTest, TakesTheLowPartIntoAccount) {
  const Doubles x = Uniform(-745.0, 709.0);
  const Arguments arguments{x, Generate([&, i = size_t{0}](auto& random) mutable {
                              return x[i++] * std::uniform_real_distribution<double>(-0x1p-41, 0x1p-41)(random);
                            })};
  ExpectWithinUlp(0.75, arguments, RESULTS(TestExpHiLo, arguments),
                  [](auto hi, auto lo) { return std::exp(hi) + std::exp(hi) * lo; });
}

TEST(ExpHiLoTest, IgnoresTheLowPartOfInfinity) {
  const Doubles x = {kInf, -kInf, 1e300, -1e300};
  EXPECT_THAT(RESULTS(TestExpHiLo, x, Doubles(x.size(), kNaN)),
              testing::Pointwise(SameValue(), Doubles{kInf, 0.0, kInf, 0.0}));
}

TEST(ExpTermTest, ErrorIsWithinBound) {
  for (const double range : {1e-10, 0.4, 2.0, 100.0, 707.0}) {
    const Arguments arguments{Uniform(-range, 0.0), Constant(0)};
    const Doubles got = RESULTS(TestExpTerm, arguments);
    for (size_t i = 0; i < got.size(); ++i) {
      const long double x = arguments.x[i];
      const long double exact = std::exp(x);
      ASSERT_LE(std::fabs(got[i] - exact), exact * (std::exp2(-47.9L) - x * 0x1p-52L)) << arguments.x[i];
    }
  }
}

TEST(ExpTermTest, StaysTinyWhereItWouldUnderflow) {
  const Doubles x = {-707.1, -708.0, -745.0, -1e300, -kInf};
  EXPECT_THAT(RESULTS(TestExpTerm, x, Doubles(x.size())),
              testing::Each(testing::AllOf(testing::Gt(0.0), testing::Le(0x1p-1019))));
}

TEST(ExpTermTest, SpecialValues) {
  const Doubles x = {0.0, -0.0, kNaN, -kLowestSubnormal};
  EXPECT_THAT(RESULTS(TestExpTerm, x, Doubles(x.size())),
              testing::Pointwise(SameValue(), Doubles{1.0, 1.0, kNaN, 1.0}));
}

TEST(LogTest, ErrorIsWithinBound) {
  for (const Doubles& x : {AnyPositive(), Uniform(0.4, 2.5), Uniform(0.999999, 1.000001), Uniform(0.0, 0x1p-1022)}) {
    const Arguments arguments{x, Constant(0)};
    ExpectWithinUlp(0.51, arguments, RESULTS(TestLogHi, arguments), [](auto x, auto) { return std::log(x); });
  }
}

TEST(LogTest, LowPartExtendsThePrecision) {
  for (const Doubles& x : {AnyPositive(), Uniform(0.4, 2.5), Uniform(0.999999, 1.000001)}) {
    const Arguments arguments{x, Constant(0)};
    const Doubles hi = RESULTS(TestLogHi, arguments);
    const Doubles lo = RESULTS(TestLogLo, arguments);
    for (size_t i = 0; i < x.size(); ++i) {
      const long double exact = std::log(static_cast<long double>(x[i]));
      // Half of the bound is the reference's own.
      ASSERT_LE(std::fabs((hi[i] - exact) + lo[i]), std::fabs(exact) * 0x1p-62L) << x[i];
      ASSERT_EQ(hi[i] + lo[i], hi[i]) << x[i];
    }
  }
}

TEST(LogTest, SpecialValues) {
  const Doubles x = {1.0, 0.0, -0.0, kInf, -kInf, kNaN, -1.0, -kLowestSubnormal};
  const Doubles hi = {0.0, -kInf, -kInf, kInf, kNaN, kNaN, kNaN, kNaN};
  EXPECT_THAT(RESULTS(TestLogHi, x, Doubles(x.size())), testing::Pointwise(SameValue(), hi));
  EXPECT_THAT(RESULTS(TestLogLo, x, Doubles(x.size())), testing::Each(0.0));
}

TEST(AddLogTest, IsAccurateWhereTheTermsCancel) {
  const Doubles s = Uniform(1.0, 1e6);
  const Arguments arguments{Generate([&, i = size_t{0}](auto& random) mutable {
                              const double perturbation = std::uniform_real_distribution<double>(-1e-6, 1e-6)(random);
                              return -std::log(s[i++]) + perturbation;
                            }),
                            s};
  const Doubles got = RESULTS(TestAddLog, arguments);
  for (size_t i = 0; i < s.size(); ++i) {
    const long double log = std::log(static_cast<long double>(s[i]));
    const long double exact = arguments.x[i] + log;
    ASSERT_LE(std::fabs(got[i] - exact), std::fabs(exact) * 0x1p-53L + log * 0x1p-62L) << s[i];
  }
}

TEST(AddLogTest, KeepsACorrectionFarBelowOne) {
  const Arguments arguments{Constant(0), Uniform(0.0, 0x1p-53)};
  ExpectWithinUlp(1.0, arguments, RESULTS(TestAddLogOfOneAnd, arguments), [](auto, auto c) { return std::log1p(c); });
}

TEST(AddLogTest, InfinitiesStay) {
  const Arguments arguments{{-kInf, kInf, 0.0, 1.0, kNaN, 0.0}, {2.0, 2.0, 0.0, kInf, 1.0, kNaN}};
  EXPECT_THAT(RESULTS(TestAddLog, arguments),
              testing::Pointwise(SameValue(), Doubles{-kInf, kInf, -kInf, kInf, kNaN, kNaN}));
}

TEST(PowTest, ErrorIsWithinBound) {
  for (const Arguments& arguments :
       {Arguments{Uniform(0.0, 10.0), Uniform(-8.0, 8.0)}, Arguments{Uniform(0.5, 2.0), Uniform(-1.0, 1.0)},
        Arguments{AnyPositive(), Constant(0.5)}, Arguments{AnyPositive(), Constant(1.0 / 3)}}) {
    ExpectWithinUlp(0.75, arguments, RESULTS(TestPow, arguments), [](auto x, auto y) { return std::pow(x, y); });
  }
}

TEST(PowTest, LosesNothingWhereTheResultIsExtreme) {
  const Doubles x = AnyPositive();
  const Arguments arguments{x, Generate([&, i = size_t{0}](auto& random) mutable {
                              return std::uniform_real_distribution<double>(-745.0, 709.0)(random) / std::log(x[i++]);
                            })};
  ExpectWithinUlp(1.0, arguments, RESULTS(TestPow, arguments), [](auto x, auto y) { return std::pow(x, y); });
}

TEST(PowTest, SpecialValues) {
  const Arguments arguments{{0.0, 0.0, 0.0, kInf, kInf, kInf, kNaN, kNaN, 1.0, 2.0, 2.0, 0.5, -1.0, 1.0},
                            {2.5, -2.5, 0.0, 0.5, -0.5, 0.0, 2.0, 0.0, 1e300, 1e300, -1e300, 1e300, 2.0, -1e-300}};
  EXPECT_THAT(RESULTS(TestPow, arguments),
              testing::Pointwise(SameValue(),
                                 Doubles{0.0, kInf, 1.0, kInf, 0.0, 1.0, kNaN, 1.0, 1.0, kInf, 0.0, 0.0, kNaN, 1.0}));
}

TEST(HypotTest, ErrorIsWithinBound) {
  Doubles other = AnyPositive();
  std::reverse(other.begin(), other.end());
  for (const Arguments& arguments : {Arguments{Uniform(-1.0, 1.0), Generate([](auto& random) {
                                                 return std::uniform_real_distribution<double>(0.0, 2.0)(random) - 1.0;
                                               })},
                                     Arguments{AnyPositive(), AnyPositive()}, Arguments{AnyPositive(), other},
                                     Arguments{Uniform(0.0, 0x1p-1020), other}}) {
    ExpectWithinUlp(1.1, arguments, RESULTS(TestHypot, arguments), [](auto x, auto y) { return std::hypot(x, y); });
  }
}

TEST(HypotTest, SpecialValuesAreThoseOfC) {
  const Arguments arguments = Pairs({0.0, -0.0, 1.0, kInf, -kInf, kNaN, kLowestSubnormal, DBL_MAX});
  Doubles expected;
  for (size_t i = 0; i < arguments.x.size(); ++i) expected.push_back(std::hypot(arguments.x[i], arguments.y[i]));
  EXPECT_THAT(RESULTS(TestHypot, arguments), testing::Pointwise(SameValue(), expected));
}

TEST(SqrtHiLoTest, ErrorIsWithinBound) {
  Doubles s = AnyPositive();
  for (double& value : s) value = std::max(value, 0x1p-960);
  const Arguments arguments{s, Generate([&, i = size_t{0}](auto& random) mutable {
                              return s[i++] * std::uniform_real_distribution<double>(-0x1p-54, 0x1p-54)(random);
                            })};
  ExpectWithinUlp(0.51, arguments, RESULTS(TestSqrtHiLo, arguments), [](auto s, auto c) { return std::sqrt(s + c); });
}

TEST(SqrtHiLoTest, SpecialValues) {
  const Doubles s = {0.0, 4.0, 0x1p-1074, kInf, kNaN};
  EXPECT_THAT(RESULTS(TestSqrtHiLo, s, Doubles(s.size())),
              testing::Pointwise(SameValue(), Doubles{0.0, 2.0, 0x1p-537, kInf, kNaN}));
}

// Bits only: whatever the arguments are, every target gives the same.
TEST(MathTest, TargetsAgreeOnAnyBitPattern) {
  const auto any = [](auto& random) { return std::bit_cast<double>(random()); };
  Arguments arguments{Generate(any), Generate(any)};
  std::reverse(arguments.y.begin(), arguments.y.end());
  RESULTS(TestExp, arguments);
  RESULTS(TestLogHi, arguments);
  RESULTS(TestLogLo, arguments);
  RESULTS(TestAddLog, arguments);
  RESULTS(TestPow, arguments);
  RESULTS(TestHypot, arguments);
  RESULTS(TestSqrtHiLo, arguments);
}

}  // namespace
}  // namespace treduce

#endif  // HWY_ONCE
