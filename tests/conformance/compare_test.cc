// How expected and actual values are compared.
#include "tests/conformance/compare.h"

#include <cstring>
#include <initializer_list>
#include <limits>

#include "gtest/gtest.h"

namespace treduce::conformance {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Tensor Floats(std::initializer_list<float> values, DType dtype = DType::kFloat32) {
  Tensor tensor{dtype, {static_cast<int64_t>(values.size()) / (IsComplex(dtype) ? 2 : 1)}, {}};
  tensor.data.resize(values.size() * sizeof(float));
  std::memcpy(tensor.data.data(), values.begin(), tensor.data.size());
  return tensor;
}

std::string Compare(const Tensor& got, const Tensor& want, const Tolerance& tolerance = {}) {
  return Difference(got.view(), want.view(), tolerance);
}

TEST(Difference, IsEmptyForEqualElements) { EXPECT_EQ(Compare(Floats({1, -2}), Floats({1, -2})), ""); }

TEST(Difference, NamesDTypeAndShape) {
  Tensor column = Floats({1, 2});
  column.shape = {2, 1};
  EXPECT_EQ(Compare(column, Floats({1, 2})), "float32 [2, 1], not float32 [2]");
  Tensor integers = Floats({1, 2});
  integers.dtype = DType::kInt32;
  EXPECT_EQ(Compare(integers, Floats({1, 2})), "int32 [2], not float32 [2]");
}

TEST(Difference, CountsElementsAndShowsTheWorst) {
  EXPECT_EQ(Compare(Floats({1, 2.0000002f, 4}), Floats({1, 2, 3})),
            "2 of 3 elements; [2] is 4, not 3 (4194304 ulp, 0 allowed)");
}

TEST(Difference, TakesZerosAsEqualAndNansAsEqual) {
  EXPECT_EQ(Compare(Floats({-0.0f, kNan}), Floats({0.0f, -kNan})), "");
  EXPECT_NE(Compare(Floats({kNan}), Floats({1})), "");
  EXPECT_NE(Compare(Floats({1}), Floats({kNan}), {.ulp = 1000, .abs = 1e9, .rel = 1e9}), "");
}

TEST(Difference, AllowsUlps) {
  const float next = std::nextafter(1.0f, 2.0f);
  EXPECT_NE(Compare(Floats({next}), Floats({1})), "");
  EXPECT_EQ(Compare(Floats({next}), Floats({1}), {.ulp = 1}), "");
  const float tiny = std::numeric_limits<float>::denorm_min();
  EXPECT_NE(Compare(Floats({-tiny}), Floats({tiny}), {.ulp = 1}), "");
  EXPECT_EQ(Compare(Floats({-tiny}), Floats({tiny}), {.ulp = 2}), "");
}

TEST(Difference, PutsInfinityOneStepBeyondTheLargest) {
  const float largest = std::numeric_limits<float>::max();
  EXPECT_EQ(Compare(Floats({kInfinity}), Floats({largest}), {.ulp = 1}), "");
  EXPECT_NE(Compare(Floats({kInfinity}), Floats({largest}), {.abs = 1e30, .rel = 1}), "");
}

TEST(Difference, AllowsAbsoluteAndRelativeErrors) {
  EXPECT_EQ(Compare(Floats({1.5}), Floats({1}), {.abs = 0.5}), "");
  EXPECT_NE(Compare(Floats({1.5}), Floats({1}), {.abs = 0.25}), "");
  EXPECT_EQ(Compare(Floats({-150}), Floats({-100}), {.rel = 0.5}), "");
  EXPECT_NE(Compare(Floats({-150}), Floats({-100}), {.rel = 0.25}), "");
}

TEST(Difference, TakesTheModulusOfComplexNumbersForRelativeErrors) {
  const Tensor want = Floats({1000, 0}, DType::kComplex64);
  const Tensor got = Floats({1000, 1}, DType::kComplex64);
  EXPECT_EQ(Compare(got, want, {.rel = 0.001}), "");
  EXPECT_EQ(Compare(got, want, {.ulp = 1}),
            "1 of 1 elements; [0] is (1000, 1), not (1000, 0) (1065353216 ulp, 1 allowed)");
}

TEST(Difference, ComparesIntegersExactly) {
  Tensor got{DType::kInt64, {1}, std::vector<std::byte>(8, std::byte{0xff})};
  Tensor want{DType::kInt64, {1}, std::vector<std::byte>(8, std::byte{0})};
  EXPECT_EQ(Compare(got, want), "1 of 1 elements; [0] is -1, not 0 (1 ulp, 0 allowed)");
  got.dtype = want.dtype = DType::kUInt64;
  EXPECT_EQ(Compare(got, want), "1 of 1 elements; [0] is 18446744073709551615, not 0 (no distance in ulp, 0 allowed)");
}

}  // namespace
}  // namespace treduce::conformance
