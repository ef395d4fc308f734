// What is expected here was printed by PyTorch 2.14.
#include "client/cli/print.h"

#include <gtest/gtest.h>

#include <complex>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "server/engine/values/element.h"
#include "tests/client/tensors.h"

namespace treduce::cli {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::string Floats(const std::vector<float>& elements) {
  return ToText(MakeTensor(DType::kFloat32, {static_cast<int64_t>(elements.size())}, elements).view());
}

template <typename T>
std::string Text(DType dtype, absl::Span<const int64_t> shape, const std::vector<T>& elements) {
  return ToText(MakeTensor(dtype, shape, elements).view());
}

TEST(Print, Integers) {
  EXPECT_EQ(Text<int64_t>(DType::kInt64, {}, {10}), "tensor(10)");
  EXPECT_EQ(Text<int64_t>(DType::kInt64, {2}, {4, 6}), "tensor([4, 6])");
  EXPECT_EQ(Text<uint8_t>(DType::kUInt8, {3}, {1, 20, 255}), "tensor([  1,  20, 255], dtype=torch.uint8)");
  EXPECT_EQ(Text<uint64_t>(DType::kUInt64, {1}, {UINT64_MAX}), "tensor([18446744073709551615], dtype=torch.uint64)");
  EXPECT_EQ(Text<int64_t>(DType::kInt64, {2}, {INT64_MIN, INT64_MAX}),
            "tensor([-9223372036854775808,  9223372036854775807])");
}

TEST(Print, Bools) { EXPECT_EQ(Text<uint8_t>(DType::kBool, {2}, {7, 0}), "tensor([ True, False])"); }

TEST(Print, FloatsThatAreIntegersEndInAPoint) {
  EXPECT_EQ(Floats({1, 2}), "tensor([1., 2.])");
  EXPECT_EQ(Floats({-3, 0, 12}), "tensor([-3.,  0., 12.])");
}

TEST(Print, OtherFloatsHaveFourDigits) {
  EXPECT_EQ(Text<float>(DType::kFloat32, {}, {2.5f}), "tensor(2.5000)");
  EXPECT_EQ(Floats({0.5f, 499.5f}), "tensor([  0.5000, 499.5000])");
}

TEST(Print, WideRangesAndLargeAndSmallFloatsAreScientific) {
  EXPECT_EQ(Floats({1, 1001.5f}), "tensor([1.0000e+00, 1.0015e+03])");
  EXPECT_EQ(Floats({1e9f, 1}), "tensor([1.0000e+09, 1.0000e+00])");
  EXPECT_EQ(Floats({5e-5f, 1e-4f}), "tensor([5.0000e-05, 1.0000e-04])");
}

TEST(Print, NonFiniteFloats) {
  const auto inf = static_cast<float>(kInf);
  const auto nan = static_cast<float>(kNan);
  EXPECT_EQ(Floats({nan, inf, -inf, 1.5f}), "tensor([   nan,    inf,   -inf, 1.5000])");
  EXPECT_EQ(Floats({nan, inf, -inf, 1}), "tensor([nan, inf, -inf, 1.])");
  EXPECT_EQ(Floats({-nan, 0, -0.0f}), "tensor([nan, 0., -0.])");
}

TEST(Print, OtherFloatDTypesAreNamed) {
  EXPECT_EQ(Text<double>(DType::kFloat64, {1}, {1.5}), "tensor([1.5000], dtype=torch.float64)");
  EXPECT_EQ(Text<Float16>(DType::kFloat16, {1}, {ToFloat16(0.1)}), "tensor([0.1000], dtype=torch.float16)");
  EXPECT_EQ(Text<BFloat16>(DType::kBFloat16, {1}, {ToBFloat16(0.1)}), "tensor([0.1001], dtype=torch.bfloat16)");
  EXPECT_EQ(Text<Float16>(DType::kFloat16, {2}, {ToFloat16(65504), ToFloat16(1)}),
            "tensor([6.5504e+04, 1.0000e+00], dtype=torch.float16)");
}

TEST(Print, ComplexPartsAreFormattedApart) {
  using Complex = std::complex<float>;
  EXPECT_EQ(Text<Complex>(DType::kComplex64, {2}, {{1.5f, -2.25f}, {-1, 0}}),
            "tensor([ 1.5000-2.2500j, -1.0000+0.0000j])");
  EXPECT_EQ(Text<Complex>(DType::kComplex64, {2}, {Complex(kNan, -0.0f), Complex(1, kInf)}),
            "tensor([nan-0.j, 1.+infj])");
  EXPECT_EQ(Text<std::complex<double>>(DType::kComplex128, {}, {{0, 1}}), "tensor(0.+1.j, dtype=torch.complex128)");
}

TEST(Print, EmptyTensorsShowWhatBracketsDoNot) {
  EXPECT_EQ(Floats({}), "tensor([])");
  EXPECT_EQ(Text<float>(DType::kFloat32, {2, 0}, {}), "tensor([], size=(2, 0))");
  EXPECT_EQ(Text<int64_t>(DType::kInt64, {0}, {}), "tensor([], dtype=torch.int64)");
  EXPECT_EQ(Text<double>(DType::kFloat64, {0, 3}, {}), "tensor([], size=(0, 3), dtype=torch.float64)");
}

TEST(Print, DimsAreNested) {
  EXPECT_EQ(ToText(Arange<int64_t>(DType::kInt64, {2, 2}).view()),
            "tensor([[0, 1],\n"
            "        [2, 3]])");
  EXPECT_EQ(ToText(Arange<int64_t>(DType::kInt64, {2, 1, 2, 2}).view()),
            "tensor([[[[0, 1],\n"
            "          [2, 3]]],\n"
            "\n"
            "\n"
            "        [[[4, 5],\n"
            "          [6, 7]]]])");
}

TEST(Print, LinesEndBeforeColumn80) {
  EXPECT_EQ(ToText(Arange<int64_t>(DType::kInt64, {30}).view()),
            "tensor([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17,\n"
            "        18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29])");
  EXPECT_EQ(
      Text<int16_t>(DType::kInt16, {12}, {1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010, 1011}),
      "tensor([1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010, 1011],\n"
      "       dtype=torch.int16)");
}

TEST(Print, MoreThanAThousandElementsAreSummarized) {
  EXPECT_EQ(ToText(Arange<int64_t>(DType::kInt64, {1001}).view()),
            "tensor([   0,    1,    2,  ...,  998,  999, 1000])");
  EXPECT_EQ(ToText(Arange<int64_t>(DType::kInt64, {2, 100, 7}).view()),
            "tensor([[[   0,    1,    2,  ...,    4,    5,    6],\n"
            "         [   7,    8,    9,  ...,   11,   12,   13],\n"
            "         [  14,   15,   16,  ...,   18,   19,   20],\n"
            "         ...,\n"
            "         [ 679,  680,  681,  ...,  683,  684,  685],\n"
            "         [ 686,  687,  688,  ...,  690,  691,  692],\n"
            "         [ 693,  694,  695,  ...,  697,  698,  699]],\n"
            "\n"
            "        [[ 700,  701,  702,  ...,  704,  705,  706],\n"
            "         [ 707,  708,  709,  ...,  711,  712,  713],\n"
            "         [ 714,  715,  716,  ...,  718,  719,  720],\n"
            "         ...,\n"
            "         [1379, 1380, 1381,  ..., 1383, 1384, 1385],\n"
            "         [1386, 1387, 1388,  ..., 1390, 1391, 1392],\n"
            "         [1393, 1394, 1395,  ..., 1397, 1398, 1399]]])");
}

TEST(Print, TheElementsLeftOutDoNotCount) {
  std::vector<float> elements(1001, 1);
  elements[500] = 1e30f;
  EXPECT_EQ(Floats(elements), "tensor([1., 1., 1.,  ..., 1., 1., 1.])");
}

TEST(Print, TwoOutputsAreNamedOrATuple) {
  const Tensor three = MakeTensor<float>(DType::kFloat32, {}, {3});
  const Tensor zero = MakeTensor<int64_t>(DType::kInt64, {}, {0});
  EXPECT_EQ(ToText("max", {"values", "indices"}, {{three, zero}}),
            "torch.return_types.max(\n"
            "values=tensor(3.),\n"
            "indices=tensor(0))");
  EXPECT_EQ(ToText("var_mean", {"var", "mean"}, {{three, three}}), "(tensor(3.), tensor(3.))");
  EXPECT_EQ(ToText("sum", {"result"}, {{three}}), "tensor(3.)");
}

}  // namespace
}  // namespace treduce::cli
