// Folds of complex elements: errors within bounds (against long double), the canonical order, special values.
#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <complex>
#include <cstdint>
#include <functional>
#include <limits>
#include <numbers>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/engine/fold/complex_finish.h"
#include "server/engine/fold/complex_math-inl.h"
#include "server/engine/fold/simd/folds.h"
#include "server/engine/plan/finish_value.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace {

using HWY_NAMESPACE::Atan2;
using HWY_NAMESPACE::SinCos;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kPi = std::numbers::pi;
constexpr int kCount = 1 << 17;

MATCHER_P(SameValue, expected, "") {
  return std::isnan(expected) ? std::isnan(arg) : std::bit_cast<uint64_t>(arg) == std::bit_cast<uint64_t>(expected);
}
MATCHER_P2(SameComplex, re, im, "") {
  const auto same = [](double a, double b) { return std::isnan(b) ? std::isnan(a) : a == b; };
  return same(arg.real(), re) && same(arg.imag(), im);
}

// |got - exact| in units of the last place of a double near `exact`.
double UlpError(double got, long double exact) {
  int exponent;
  std::frexp(exact, &exponent);
  const long double ulp = std::ldexp(1.0L, std::max(exponent, DBL_MIN_EXP) - DBL_MANT_DIG);
  return static_cast<double>(std::fabs(got - exact) / ulp);
}

// A finite double of any exponent and either sign.
double AnyFinite(std::mt19937_64& random) {
  const double magnitude =
      std::bit_cast<double>(std::uniform_int_distribution<uint64_t>(0, 0x7FEFFFFFFFFFFFFFu)(random));
  return random() % 2 == 0 ? magnitude : -magnitude;
}

double Uniform(double low, double high, std::mt19937_64& random) {
  return std::uniform_real_distribution<double>(low, high)(random);
}

void ExpectSinCosWithinBound(double x) {
  const auto [sine, cosine] = SinCos(x);
  ASSERT_LE(UlpError(sine, std::sin(static_cast<long double>(x))), 0.85) << x;
  ASSERT_LE(UlpError(cosine, std::cos(static_cast<long double>(x))), 0.85) << x;
}

TEST(SinCosTest, ErrorIsWithinBound) {
  std::mt19937_64 random(1);
  for (int i = 0; i < kCount; ++i) {
    ExpectSinCosWithinBound(Uniform(-1.0, 1.0, random));
    ExpectSinCosWithinBound(Uniform(-10.0, 10.0, random));
    ExpectSinCosWithinBound(Uniform(-1e5, 1e5, random));
    ExpectSinCosWithinBound(AnyFinite(random));
  }
}

TEST(SinCosTest, IsAccurateNextToZerosOfTheResult) {
  for (int k = 1; k <= 100000; ++k) {
    const double x = k * (kPi / 2);
    ExpectSinCosWithinBound(x);
    ExpectSinCosWithinBound(std::nextafter(x, 0.0));
    ExpectSinCosWithinBound(std::nextafter(x, kInf));
  }
  // Of all doubles the nearest to a multiple of pi/2 (Muller, Elementary Functions, 2nd edition, table 11.1).
  ExpectSinCosWithinBound(std::ldexp(6381956970095103.0, 797));
}

TEST(SinCosTest, SpecialValues) {
  EXPECT_THAT(SinCos(0.0).sine, SameValue(0.0));
  EXPECT_THAT(SinCos(-0.0).sine, SameValue(-0.0));
  EXPECT_EQ(SinCos(-0.0).cosine, 1.0);
  EXPECT_EQ(SinCos(0x1p-1074).sine, 0x1p-1074);
  for (const double x : {kInf, -kInf, kNaN}) {
    EXPECT_THAT(SinCos(x).sine, SameValue(kNaN));
    EXPECT_THAT(SinCos(x).cosine, SameValue(kNaN));
  }
}

void ExpectAtan2WithinBound(double y, double x) {
  const long double exact = std::atan2(static_cast<long double>(y), static_cast<long double>(x));
  const double bound = std::fabs(exact) < 0x1p-1022L ? 1.0 : 0.7;
  ASSERT_LE(UlpError(Atan2(y, x), exact), bound) << y << ", " << x;
}

TEST(Atan2Test, ErrorIsWithinBound) {
  std::mt19937_64 random(2);
  for (int i = 0; i < kCount; ++i) {
    ExpectAtan2WithinBound(Uniform(-1.0, 1.0, random), Uniform(-1.0, 1.0, random));
    ExpectAtan2WithinBound(AnyFinite(random), AnyFinite(random));
    // Quotients near 1 and near the border between two polynomials' ranges, at any scale.
    const double x = AnyFinite(random);
    ExpectAtan2WithinBound(x * Uniform(0.999999, 1.0, random), x);
    ExpectAtan2WithinBound(x * Uniform(0.41, 0.42, random), -x);
    ExpectAtan2WithinBound(x, x * Uniform(0x1p-60, 0x1p-20, random));
  }
}

TEST(Atan2Test, SpecialValuesAreThoseOfC) {
  const std::vector<double> values = {0.0,  -0.0,      1.0,        -1.0,    kInf,    -kInf,
                                      kNaN, 0x1p-1074, -0x1p-1074, DBL_MAX, -DBL_MAX};
  for (const double y : values) {
    for (const double x : values) EXPECT_THAT(Atan2(y, x), SameValue(std::atan2(y, x))) << y << ", " << x;
  }
}

template <class T>
using Elements = std::vector<std::complex<T>>;
using Words = std::vector<double>;

template <class T>
constexpr DType kDType = sizeof(T) == 4 ? DType::kComplex64 : DType::kComplex128;

template <class T>
const std::byte* Bytes(const std::complex<T>* x) {
  return reinterpret_cast<const std::byte*>(x);
}

// The words of state `k`.
Words WordsOf(const Fold& fold, const StateBlock& block, size_t k) {
  Words words;
  for (int i = 0; i < fold.field_count; ++i) words.push_back(block.states().field<double>(i)[k]);
  return words;
}

template <class T>
Words RowState(FoldKind kind, const Elements<T>& x) {
  const Fold& fold = *FindFoldComplex(kind, kDType<T>);
  StateBlock block(fold.field_count, 1);
  fold.rows({}, Bytes(x.data()), 1, x.size(), 0, block.states());
  return WordsOf(fold, block, 0);
}

std::complex<double> ProductOf(Words words) {
  return ComplexProductOf({reinterpret_cast<std::byte*>(words.data()), sizeof(double)}, 0);
}

template <class T>
std::complex<double> Product(const Elements<T>& x) {
  return ProductOf(RowState(FoldKind::kProduct, x));
}

template <class T>
std::complex<double> LogSumExp(const Elements<T>& x) {
  const Words words = RowState(FoldKind::kLogSumExp, x);
  return FinishComplexLogSumExp(words[0], words[1], words[2]);
}

using Wide = std::complex<long double>;

template <class T>
Elements<T> Random(size_t n, double low, double high, std::mt19937_64& random) {
  Elements<T> x(n);
  for (auto& element : x) {
    element = {static_cast<T>(Uniform(low, high, random)), static_cast<T>(Uniform(low, high, random))};
  }
  return x;
}

template <class T>
class ComplexFoldTest : public testing::Test {};
using Parts = testing::Types<float, double>;
TYPED_TEST_SUITE(ComplexFoldTest, Parts);

TYPED_TEST(ComplexFoldTest, ProductIsWithinBound) {
  std::mt19937_64 random(3);
  for (size_t n : {1, 2, 31, 32, 33, 100, 1000}) {
    for (int i = 0; i < 50; ++i) {
      const Elements<TypeParam> x = Random<TypeParam>(n, -1.0, 1.0, random);
      Wide exact = 1;
      for (const auto& element : x) exact *= Wide(element);
      // sqrt(5)/2 units of the last place for each product (Brent, Percival, Zimmermann, Mathematics of Computation
      // 76).
      ASSERT_LE(std::abs(Wide(Product(x)) - exact), std::abs(exact) * (n * 0x1p-52L)) << n;
    }
  }
}

TYPED_TEST(ComplexFoldTest, ProductNeitherOverflowsNorUnderflowsOnTheWay) {
  const TypeParam huge = std::numeric_limits<TypeParam>::max() / 2;
  const TypeParam tiny = std::numeric_limits<TypeParam>::min();
  Elements<TypeParam> x(500, {huge, -huge});
  x.resize(1000, {tiny, tiny});
  // (huge - i huge) (tiny + i tiny) = 2 huge tiny, about 4 in all.
  const long double exact = std::pow(2.0L * huge * tiny, 500.0L);
  const std::complex<double> got = Product(x);
  EXPECT_LE(std::fabs(got.real() - exact), exact * 1000 * 0x1p-52L);
  EXPECT_EQ(got.imag(), 0.0);
}

TEST(ComplexProductTest, ResultOutsideTheRangeOverflowsOrUnderflows) {
  EXPECT_THAT(Product(Elements<double>(10, {1e300, 0.0})).real(), SameValue(kInf));
  EXPECT_THAT(Product(Elements<double>(10, {1e-300, 0.0})), SameComplex(0.0, 0.0));
  EXPECT_THAT(Product(Elements<double>{{0x1p-600, 0.0}, {0x1p-474, 0.0}}), SameComplex(0x1p-1074, 0.0));
}

TEST(ComplexProductTest, SpecialValues) {
  EXPECT_THAT(Product(Elements<double>{}), SameComplex(1.0, 0.0));
  EXPECT_THAT(Product(Elements<double>{{3.0, -4.0}}), SameComplex(3.0, -4.0));
  EXPECT_THAT(Product(Elements<double>{{0.0, 1.0}, {0.0, 1.0}}), SameComplex(-1.0, 0.0));
  EXPECT_THAT(Product(Elements<double>{{1e300, 1e300}, {0.0, 0.0}, {1e-300, 1.0}}), SameComplex(0.0, 0.0));
  EXPECT_THAT(Product(Elements<double>{{kNaN, 1.0}, {2.0, 1.0}}), SameComplex(kNaN, kNaN));
  // By the formula for finite numbers, 0 * inf is part of the imaginary part.
  EXPECT_THAT(Product(Elements<double>{{kInf, 0.0}}), SameComplex(kInf, kNaN));
  EXPECT_THAT(Product(Elements<double>{{kInf, 1.0}, {0.0, 0.0}}), SameComplex(kNaN, kNaN));
}

TYPED_TEST(ComplexFoldTest, LogSumExpIsWithinBound) {
  std::mt19937_64 random(4);
  for (size_t n : {1, 2, 31, 32, 33, 100, 1000}) {
    for (const double range : {1.0, 30.0, 1000.0}) {
      for (int i = 0; i < 20; ++i) {
        const Elements<TypeParam> x = Random<TypeParam>(n, -range, range, random);
        long double largest = -kInf;
        for (const auto& element : x) largest = std::max<long double>(largest, element.real());
        Wide sum = 0;
        long double magnitudes = 0;
        for (const auto& element : x) {
          sum += std::exp(Wide(element) - largest);
          magnitudes += std::exp(element.real() - largest);
        }
        const Wide exact = largest + std::log(sum);
        // A term is within 2 units of the last place, a partial sum within half a unit of the sum of magnitudes.
        const long double depth = 2 + n / 32 + 5;
        const long double condition = magnitudes / std::abs(sum);
        ASSERT_LE(std::abs(Wide(LogSumExp(x)) - exact), (std::abs(exact) + depth * condition) * 0x1p-52L) << n;
      }
    }
  }
}

TEST(ComplexLogSumExpTest, LargeElementsDoNotOverflow) {
  EXPECT_THAT(LogSumExp(Elements<double>{{1e300, 1.0}}).real(), 1e300);
  EXPECT_THAT(LogSumExp(Elements<double>{{-1e300, 0.0}, {-1e300, 0.0}}), SameComplex(-1e300, 0.0));
}

TEST(ComplexLogSumExpTest, SpecialValuesAreThoseOfPyTorch) {
  EXPECT_THAT(LogSumExp(Elements<double>{}), SameComplex(-kInf, 0.0));
  EXPECT_THAT(LogSumExp(Elements<double>{{-kInf, 0.0}, {-kInf, 2.0}}), SameComplex(-kInf, 0.0));
  EXPECT_THAT(LogSumExp(Elements<double>{{-kInf, 0.0}, {3.0, 0.5}}), SameComplex(3.0, 0.5));
  EXPECT_THAT(LogSumExp(Elements<double>{{kInf, 1.0}, {2.0, 0.0}}), SameComplex(kInf, kPi / 4));
  EXPECT_THAT(LogSumExp(Elements<double>{{kInf, 0.0}}), SameComplex(kInf, kNaN));
  EXPECT_THAT(LogSumExp(Elements<double>{{kNaN, 0.0}, {kInf, 1.0}}), SameComplex(kNaN, kNaN));
  EXPECT_THAT(LogSumExp(Elements<double>{{1.0, kNaN}, {2.0, 0.0}}), SameComplex(kNaN, kNaN));
  EXPECT_THAT(LogSumExp(Elements<double>{{1.0, kInf}, {2.0, 0.0}}), SameComplex(kNaN, kNaN));
  EXPECT_THAT(LogSumExp(Elements<double>{{0.0, 0.0}, {0.0, kPi}}).imag(), SameValue(kPi / 2));
}

TEST(ComplexLogSumExpTest, MergesWithAnInfiniteSide) {
  const Fold& fold = *FindFoldComplex(FoldKind::kLogSumExp, DType::kComplex128);
  const Elements<double> x = {{-kInf, 1.0}, {-800.0, 0.5}, {kInf, 1.0}};
  const auto merged = [&](size_t left, size_t right) {
    StateBlock block(fold.field_count, 2);
    fold.rows({}, Bytes(&x[left]), 1, 1, 0, block.states());
    fold.rows({}, Bytes(&x[right]), 1, 1, 0, block.states().From(1));
    fold.merge({}, block.states(), block.states().From(1), 1);
    const Words words = WordsOf(fold, block, 0);
    return FinishComplexLogSumExp(words[0], words[1], words[2]);
  };
  EXPECT_THAT(merged(0, 1), SameComplex(-800.0, 0.5));
  EXPECT_THAT(merged(1, 0), SameComplex(-800.0, 0.5));
  EXPECT_THAT(merged(1, 2), SameComplex(kInf, kPi / 4));
  EXPECT_THAT(merged(2, 0), SameComplex(kInf, kPi / 4));
  EXPECT_THAT(merged(2, 2), SameComplex(kInf, kPi / 4));
}

TYPED_TEST(ComplexFoldTest, CountsElementsWithAPartThatIsNotZero) {
  const TypeParam zero = 0;
  const auto nan = static_cast<TypeParam>(kNaN);
  const Elements<TypeParam> x = {{zero, zero}, {-zero, -zero}, {zero, 1}, {-1, zero}, {nan, zero}, {zero, nan}};
  EXPECT_EQ(std::bit_cast<int64_t>(RowState(FoldKind::kCount, x)[0]), 4);
}

TYPED_TEST(ComplexFoldTest, HasNoFoldOfOtherKinds) {
  for (const FoldKind kind : {FoldKind::kSum, FoldKind::kMax, FoldKind::kArgMin, FoldKind::kMoments, FoldKind::kAbsSum,
                              FoldKind::kSquareSum, FoldKind::kPowerSum}) {
    EXPECT_EQ(FindFoldComplex(kind, kDType<TypeParam>), nullptr);
  }
}

// Element r of a row goes to lane r mod 32, which folds like a column; lanes are joined by halves.
TYPED_TEST(ComplexFoldTest, RowsAreFoldedInTheCanonicalOrder) {
  std::mt19937_64 random(5);
  const Fold& fold = *FindFoldComplex(FoldKind::kProduct, kDType<TypeParam>);
  for (const size_t rows_per_lane : {1, 2, 32}) {
    const Elements<TypeParam> x = Random<TypeParam>(rows_per_lane * kLaneCount, -2.0, 2.0, random);
    StateBlock lanes(fold.field_count, kLaneCount);
    fold.init(lanes.states(), kLaneCount);
    fold.columns({}, Bytes(x.data()), rows_per_lane, kLaneCount, kLaneCount, 0, lanes.states());
    for (size_t width = kLaneCount / 2; width > 0; width /= 2) {
      fold.merge({}, lanes.states(), lanes.states().From(width), width);
    }
    EXPECT_EQ(RowState(FoldKind::kProduct, x), WordsOf(fold, lanes, 0));
  }
}

TYPED_TEST(ComplexFoldTest, RowsSideBySideGiveTheBitsOfEachAlone) {
  std::mt19937_64 random(6);
  for (const FoldKind kind : {FoldKind::kProduct, FoldKind::kLogSumExp}) {
    const Fold& fold = *FindFoldComplex(kind, kDType<TypeParam>);
    for (const size_t n : {1, 2, 17, 33, 63}) {
      constexpr size_t kRows = 3;
      const Elements<TypeParam> x = Random<TypeParam>(kRows * n, -2.0, 2.0, random);
      StateBlock block(fold.field_count, kRows);
      fold.rows({}, Bytes(x.data()), kRows, n, 0, block.states());
      for (size_t k = 0; k < kRows; ++k) {
        const Elements<TypeParam> row(x.begin() + k * n, x.begin() + (k + 1) * n);
        EXPECT_EQ(WordsOf(fold, block, k), RowState(kind, row));
      }
    }
  }
}

TYPED_TEST(ComplexFoldTest, ColumnsSideBySideGiveTheBitsOfEachAlone) {
  std::mt19937_64 random(7);
  constexpr size_t kRows = kWholeColumnLeaf;
  constexpr size_t kColumns = 5;
  const Elements<TypeParam> x = Random<TypeParam>(kRows * kColumns, -2.0, 2.0, random);
  for (const FoldKind kind : {FoldKind::kProduct, FoldKind::kLogSumExp}) {
    const Fold& fold = *FindFoldComplex(kind, kDType<TypeParam>);
    StateBlock together(fold.field_count, kColumns), alone(fold.field_count, kColumns);
    fold.init(together.states(), kColumns);
    fold.init(alone.states(), kColumns);
    fold.columns({}, Bytes(x.data()), kRows, kColumns, kColumns, 0, together.states());
    for (size_t c = 0; c < kColumns; ++c) {
      fold.columns({}, Bytes(x.data() + c), kRows, 1, kColumns, 0, alone.states().From(c));
      EXPECT_EQ(WordsOf(fold, together, c), WordsOf(fold, alone, c));
    }
  }
}

TYPED_TEST(ComplexFoldTest, ColumnsGiveNearlyTheResultsOfRows) {
  std::mt19937_64 random(10);
  const Elements<TypeParam> x = Random<TypeParam>(kWholeColumnLeaf, -2.0, 2.0, random);
  const auto column_state = [&](FoldKind kind) {
    const Fold& fold = *FindFoldComplex(kind, kDType<TypeParam>);
    StateBlock block(fold.field_count, 1);
    fold.init(block.states(), 1);
    fold.columns({}, Bytes(x.data()), x.size(), 1, 1, 0, block.states());
    return WordsOf(fold, block, 0);
  };
  const auto got_product = ProductOf(column_state(FoldKind::kProduct));
  EXPECT_LE(std::abs(got_product - Product(x)), std::abs(got_product) * 1e-14);
  const Words sum = column_state(FoldKind::kLogSumExp);
  EXPECT_LE(std::abs(FinishComplexLogSumExp(sum[0], sum[1], sum[2]) - LogSumExp(x)), 1e-14);
}

TYPED_TEST(ComplexFoldTest, ColumnsOfAProductMayComeInPieces) {
  std::mt19937_64 random(8);
  constexpr size_t kColumns = 3;
  const Elements<TypeParam> x = Random<TypeParam>(kColumnLeaf * kColumns, -2.0, 2.0, random);
  const Fold& fold = *FindFoldComplex(FoldKind::kProduct, kDType<TypeParam>);
  ASSERT_FALSE(fold.whole_leaves);
  StateBlock whole(fold.field_count, kColumns), pieces(fold.field_count, kColumns);
  fold.init(whole.states(), kColumns);
  fold.init(pieces.states(), kColumns);
  fold.columns({}, Bytes(x.data()), kColumnLeaf, kColumns, kColumns, 0, whole.states());
  for (size_t r = 0, rows = 1; r < kColumnLeaf; r += rows, rows = std::min<size_t>(rows + 4, kColumnLeaf - r)) {
    fold.columns({}, Bytes(x.data() + r * kColumns), rows, kColumns, kColumns, r, pieces.states());
  }
  for (size_t c = 0; c < kColumns; ++c) EXPECT_EQ(WordsOf(fold, whole, c), WordsOf(fold, pieces, c));
}

TYPED_TEST(ComplexFoldTest, ElementsNeedNoAlignment) {
  std::mt19937_64 random(9);
  const Elements<TypeParam> x = Random<TypeParam>(40, -2.0, 2.0, random);
  std::vector<std::byte> shifted(1);
  shifted.insert(shifted.end(), Bytes(x.data()), Bytes(x.data() + x.size()));
  for (const FoldKind kind : {FoldKind::kProduct, FoldKind::kCount, FoldKind::kLogSumExp}) {
    const Fold& fold = *FindFoldComplex(kind, kDType<TypeParam>);
    StateBlock block(fold.field_count, 1);
    fold.rows({}, shifted.data() + 1, 1, x.size(), 0, block.states());
    EXPECT_EQ(WordsOf(fold, block, 0), RowState(kind, x));
  }
}

}  // namespace
}  // namespace treduce
HWY_AFTER_NAMESPACE();
