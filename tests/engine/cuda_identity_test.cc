// A CUDA device gives the bits of the CPU: every op it has kernels for, every dtype and layout. Built twice: with the
// kernels run on the host, and, where TREDUCE_CUDA is on, on a device, without which its tests are skipped.
#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/engine/cuda/device.h"
#include "server/engine/cuda/device_accumulation.h"
#include "server/engine/cuda/device_plan.h"
#include "server/engine/engine.h"
#include "server/engine/values/convert.h"
#include "tests/engine/generate.h"
#include "tests/engine/requests.h"

namespace treduce {
namespace {

// Around lanes, leaves, runs and blocks: rows, columns, and segments between kept dims.
const std::vector<Shape> kShapes = {{1},       {31},          {33},          {64},         {65},
                                    {1023},    {1025},        {4097},        {5, 31},      {3, 1025},
                                    {1025, 3}, {130, 33},     {3, 33, 5},    {2, 1025, 2}, {300, 7},
                                    {7, 300},  {2, 3, 5, 33}, {64, 3, 2, 5}, {2, 300, 40}};
// Of more than one block, or of several nodes an output.
const std::vector<Shape> kLargeShapes = {{3, 70'001}, {5'003, 13}, {37, 5, 1'100}};

class CudaIdentityTest : public ::testing::TestWithParam<DType> {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<cuda::Device>> device = cuda::Device::Open(0);
    if (!device.ok()) GTEST_SKIP() << device.status();
    device_ = *std::move(device);
  }

  // Those of `reductions` that the device takes.
  static std::vector<Reduction> Taken(const Tensor& tensor, std::vector<Reduction> reductions) {
    std::erase_if(reductions, [&](const Reduction& reduction) {
      const absl::StatusOr<Plan> plan = MakePlan({tensor.dtype, tensor.shape, {reduction}});
      return !plan.ok() || !cuda::DevicePlan::Make(*plan, 1).ok();
    });
    return reductions;
  }

  std::vector<ReductionResult> OnDevice(const Tensor& tensor, const std::vector<Reduction>& reductions) {
    const absl::StatusOr<Plan> plan = MakePlan({tensor.dtype, tensor.shape, reductions});
    auto accumulation = cuda::DeviceAccumulation::Start(*plan, *device_, nullptr);
    EXPECT_TRUE(accumulation.ok()) << accumulation.status();
    if (!accumulation.ok()) return {};
    EXPECT_TRUE((*accumulation)->Append(tensor.data).ok());
    absl::StatusOr<std::vector<ReductionResult>> results = (*accumulation)->Finish();
    EXPECT_TRUE(results.ok()) << results.status();
    return results.ok() ? *std::move(results) : std::vector<ReductionResult>();
  }

  // Whether `reduction` selects elements by their rank.
  static bool IsSelection(const Reduction& reduction) {
    return reduction.op == Op::kMedian || reduction.op == Op::kNanMedian || reduction.op == Op::kQuantile ||
           reduction.op == Op::kNanQuantile;
  }

  static std::vector<Reduction> SelectionsAmong(std::vector<Reduction> reductions) {
    std::erase_if(reductions, [](const Reduction& reduction) { return !IsSelection(reduction); });
    return reductions;
  }

  // All in one request, as many as are folded together and more.
  void ExpectSame(const Tensor& tensor, const std::vector<Reduction>& asked) {
    const std::vector<Reduction> reductions = Taken(tensor, asked);
    if (reductions.empty()) return;
    const absl::StatusOr<std::vector<ReductionResult>> want = engine_.Reduce(tensor.view(), reductions);
    ASSERT_TRUE(want.ok()) << want.status();
    EXPECT_EQ(BitDifference(reductions, OnDevice(tensor, reductions), *want), "") << ToString(tensor.shape);
  }

  Engine engine_{{.thread_count = 1, .use_cuda = false}};
  std::unique_ptr<cuda::Device> device_;
};

// Of quantiles only those that are asked for without options: the others follow.
TEST_P(CudaIdentityTest, OfAllOpsAndLayouts) {
  std::vector<Reduction> reductions = ReductionsOf(GetParam());
  std::erase_if(reductions, [](const Reduction& r) { return std::holds_alternative<QuantileOptions>(r.options); });
  for (const Shape& shape : kShapes) {
    for (Fill fill : kAllFills) {
      const Tensor tensor = Generate(GetParam(), shape, fill);
      for (const std::vector<int64_t>& dim : DimSubsets(static_cast<int>(shape.size()))) {
        ExpectSame(tensor, WithDim(reductions, dim));
        if (HasFailure()) return;
      }
    }
  }
}

TEST_P(CudaIdentityTest, OfLargeTensors) {
  for (const Shape& shape : kLargeShapes) {
    for (const std::vector<int64_t>& dim : DimSubsets(static_cast<int>(shape.size()))) {
      for (const Fill fill : {Fill::kPlain, Fill::kWide}) {
        std::vector<Reduction> folds = WithDim(ReductionsOf(GetParam()), dim);
        std::erase_if(folds, IsSelection);  // which take long here
        ExpectSame(Generate(GetParam(), shape, fill), folds);
        if (HasFailure()) return;
      }
    }
  }
}

// An output by some lanes, a warp, a block or several blocks; the last also of several outputs, and aligned otherwise.
TEST_P(CudaIdentityTest, OfSelectionsOfAnySize) {
  for (const auto& [shape, dim] : std::vector<std::pair<Shape, int64_t>>{{{700, 5}, 1},
                                                                         {{90, 17}, 1},
                                                                         {{40, 256}, 1},
                                                                         {{257, 40}, 0},
                                                                         {{9, 513}, 1},
                                                                         {{9, 1024}, 1},
                                                                         {{5, 1025}, 1},
                                                                         {{2, 3001, 3}, 1},
                                                                         {{20, 17'000}, 1},
                                                                         {{300'007}, 0},
                                                                         {{1, 70'001}, 1},
                                                                         {{2, 20'000, 3}, 1}}) {
    for (const Fill fill : kAllFills) {
      ExpectSame(Generate(GetParam(), shape, fill), WithDim(SelectionsAmong(ReductionsOf(GetParam())), {dim}));
      if (HasFailure()) return;
    }
  }
}

// Which has several blocks for each of several outputs.
TEST_P(CudaIdentityTest, OfSelectionsAsOnADeviceOfManyMultiprocessors) {
  const Tensor tensor = Generate(GetParam(), {3, 40'001}, Fill::kSpecial);
  const std::vector<Reduction> reductions = Taken(tensor, WithDim(SelectionsAmong(ReductionsOf(GetParam())), {1}));
  if (reductions.empty()) return;
  const Plan plan = *MakePlan({tensor.dtype, tensor.shape, reductions});
  const cuda::DevicePlan device_plan = *cuda::DevicePlan::Make(plan, 132);
  auto lease = *cuda::Device::Lease::Take(*device_, device_plan.workspace_byte_count() + tensor.data.size());
  ASSERT_TRUE(lease->Upload(device_plan.workspace_byte_count(), tensor.data.data(), tensor.data.size()).ok());
  std::byte* memory = lease->memory();
  ASSERT_EQ(device_plan.Launch(memory + device_plan.workspace_byte_count(), memory, lease->stream()), cuda::kSuccess);
  absl::StatusOr<std::vector<ReductionResult>> got = engine_.Reduce(tensor.view(), reductions);
  const std::vector<ReductionResult> want = *got;
  for (size_t i = 0; i < got->size(); ++i) {
    for (size_t k = 0; k < (*got)[i].outputs.size(); ++k) {
      std::vector<std::byte>& data = (*got)[i].outputs[k].data;
      ASSERT_TRUE(lease->Download(device_plan.outputs(i)[k], data.data(), data.size()).ok());
    }
  }
  ASSERT_TRUE(lease->Wait().ok());
  EXPECT_EQ(BitDifference(reductions, *got, want), "");
}

// Elements that differ in no digit, in one, or in all of one digit: of all digits of keys.
TEST_P(CudaIdentityTest, OfSelectionsAmongKeysThatAreAlike) {
  const size_t size = ByteSize(GetParam());
  for (const Shape& shape : {Shape{20, 30}, Shape{20, 300}, Shape{3, 1500}, Shape{1, 40'000}}) {
    Tensor tensor = Generate(GetParam(), shape, Fill::kPlain);
    const size_t count = tensor.data.size() / size;
    for (size_t byte = 0; byte <= size; ++byte) {
      for (size_t i = 1; i < count; ++i) {
        std::copy_n(tensor.data.begin(), size, tensor.data.begin() + static_cast<int64_t>(i * size));
        if (byte < size) tensor.data[i * size + byte] = static_cast<std::byte>(i * 7);
      }
      ExpectSame(tensor, WithDim(SelectionsAmong(ReductionsOf(GetParam())), {1}));
      if (HasFailure()) return;
    }
  }
}

TEST_P(CudaIdentityTest, OfSelectionsAmongNanAlone) {
  if (!IsFloatingPoint(GetParam())) return;
  for (const Shape& shape : {Shape{3, 30}, Shape{3, 300}, Shape{3, 1500}, Shape{1, 40'000}}) {
    Tensor tensor = Generate(GetParam(), shape, Fill::kPlain);
    const auto row = static_cast<std::ptrdiff_t>(tensor.data.size() / static_cast<size_t>(shape[0]));
    std::fill_n(tensor.data.begin(), row, std::byte{0xFF});
    ExpectSame(tensor, WithDim(SelectionsAmong(ReductionsOf(GetParam())), {1}));
    // And one that is a number.
    const auto size = static_cast<std::ptrdiff_t>(ByteSize(GetParam()));
    std::fill_n(tensor.data.begin() + row / size / 2 * size, size, std::byte{0});
    ExpectSame(tensor, WithDim(SelectionsAmong(ReductionsOf(GetParam())), {1}));
  }
}

// Half of the elements are negative: the two in the middle differ in the first digit of their keys.
TEST_P(CudaIdentityTest, OfQuantilesBetweenKeysFarApart) {
  if (!IsFloatingPoint(GetParam())) return;
  const size_t size = ByteSize(GetParam());
  for (const Shape& shape : {Shape{3, 30}, Shape{3, 300}, Shape{3, 1500}, Shape{1, 40'000}}) {
    Tensor tensor = Generate(GetParam(), shape, Fill::kPlain);
    for (size_t i = 0; i < tensor.data.size() / size; ++i) {
      std::byte& sign = tensor.data[i * size + size - 1];
      sign = i % 2 == 0 ? sign | std::byte{0x80} : sign & std::byte{0x7F};
    }
    ExpectSame(tensor, WithDim(SelectionsAmong(ReductionsOf(GetParam())), {1}));
    ExpectSame(tensor, WithDim(SelectionsAmong(CastsOf(GetParam())), {1}));
  }
}

TEST_P(CudaIdentityTest, OfListsOfQuantiles) {
  for (const auto& [shape, dim] :
       {std::pair(Shape{7, 20}, 1), {Shape{200, 7}, 0}, {Shape{2, 1500}, 1}, {Shape{40'000}, 0}}) {
    for (const Fill fill : {Fill::kWide, Fill::kSpecial}) {
      ExpectSame(Generate(GetParam(), shape, fill), WithDim(ListsOf(GetParam()), {dim}));
      if (HasFailure()) return;
    }
  }
}

// Which zero is the largest depends on the order, but no result does.
TEST_P(CudaIdentityTest, OfZerosOfBothSigns) {
  if (!IsFloatingPoint(RealDType(GetParam()))) return;
  const size_t size = ByteSize(RealDType(GetParam()));
  for (const Shape& shape : {Shape{3000}, Shape{40, 3}, Shape{700, 3}}) {
    Tensor tensor = Generate(GetParam(), shape, Fill::kTies);
    for (size_t i = 0; i < tensor.data.size(); ++i) {
      tensor.data[i] &= i % size == size - 1 ? std::byte{0x80} : std::byte{0};
    }
    ExpectSame(tensor, WithDim(ReductionsOf(GetParam()), {0}));
  }
}

// Two complex numbers of any special parts, as a row or a column.
TEST_P(CudaIdentityTest, OfPairsOfSpecialComplexNumbers) {
  if (!IsComplex(GetParam())) return;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> parts = {0.0, -0.0, 1.0, -0.5, 3.0, 1e30, -1e-30, kInfinity, -kInfinity, kNaN};
  const size_t count = parts.size() * parts.size() * parts.size() * parts.size();
  std::vector<double> pairs;
  for (size_t i = 0; i < count; ++i) {
    for (size_t digit = 1; digit < count; digit *= parts.size()) pairs.push_back(parts[i / digit % parts.size()]);
  }
  const auto pair_count = static_cast<int64_t>(count);
  Tensor tensor{GetParam(), {pair_count, 2}, std::vector<std::byte>(2 * count * ByteSize(GetParam()))};
  FindCast(DType::kFloat64, RealDType(GetParam()))(reinterpret_cast<const std::byte*>(pairs.data()), pairs.size(),
                                                   tensor.data.data());
  ExpectSame(tensor, WithDim(ReductionsOf(GetParam()), {1}));
  tensor.shape = {2, pair_count};
  ExpectSame(tensor, WithDim(ReductionsOf(GetParam()), {0}));
}

// A kernel that folds one op alone is not the one that folds several.
TEST_P(CudaIdentityTest, OfSingleReductions) {
  for (const auto& [shape, dim] : {std::pair(Shape{4097}, 0), {Shape{33, 50}, 1}, {Shape{1025, 33}, 0}}) {
    for (Fill fill : {Fill::kPlain, Fill::kWide, Fill::kSpecial}) {
      const Tensor tensor = Generate(GetParam(), shape, fill);
      for (const Reduction& reduction : WithDim(ReductionsOf(GetParam()), {dim})) ExpectSame(tensor, {reduction});
    }
  }
}

// Rows that are staged, of whole words and others, a thread or several each: more than are staged at a time, fewer than
// a warp takes, and segments apart. Every seventh has elements that others of its warp have none like.
TEST_P(CudaIdentityTest, OfRowsOfEveryLength) {
  std::vector<Reduction> folds = ReductionsOf(GetParam());
  std::erase_if(folds, IsSelection);
  for (const auto& [shape, dim] : std::vector<std::pair<Shape, std::vector<int64_t>>>{{{40'000, 2}, {1}},
                                                                                      {{4'000, 3}, {1}},
                                                                                      {{1'100, 4}, {1}},
                                                                                      {{300, 12}, {1}},
                                                                                      {{130, 31}, {1}},
                                                                                      {{130, 32}, {1}},
                                                                                      {{500, 33}, {1}},
                                                                                      {{200, 40}, {1}},
                                                                                      {{150, 100}, {1}},
                                                                                      {{1, 129}, {1}},
                                                                                      {{70, 257}, {1}},
                                                                                      {{41, 511}, {1}},
                                                                                      {{41, 512}, {1}},
                                                                                      {{35, 1'000}, {1}},
                                                                                      {{35, 1'023}, {1}},
                                                                                      {{35, 1'024}, {1}},
                                                                                      {{3, 50, 2, 9}, {1, 3}},
                                                                                      {{3, 20, 2, 65}, {1, 3}}}) {
    Tensor tensor = Generate(GetParam(), shape, Fill::kPlain);
    const auto row_bytes =
        static_cast<std::ptrdiff_t>(shape.back()) * static_cast<std::ptrdiff_t>(ByteSize(tensor.dtype));
    for (const Fill fill : {Fill::kWide, Fill::kSpecial}) {
      const Tensor other = Generate(GetParam(), shape, fill);
      const auto end = static_cast<std::ptrdiff_t>(tensor.data.size());
      for (std::ptrdiff_t row = 5 * row_bytes; row < end; row += 7 * row_bytes) {
        std::copy_n(other.data.begin() + row, row_bytes, tensor.data.begin() + row);
      }
      ExpectSame(tensor, WithDim(folds, dim));
      for (const Op op : {Op::kSum, Op::kVar, Op::kArgMax, Op::kLogSumExp}) {
        if (row_bytes > 100) ExpectSame(tensor, WithDim({{.op = op}}, dim));
      }
      if (HasFailure()) return;
    }
  }
}

// Of elements of one or two bytes a thread may fold the columns of a word, where rows are whole words: one leaf and
// several, several runs, blocks side by side, segments, and segments apart.
TEST_P(CudaIdentityTest, OfColumnsOfNarrowElements) {
  if (ByteSize(GetParam()) > 2) return;
  std::vector<Reduction> folds = ReductionsOf(GetParam());
  std::erase_if(folds, IsSelection);
  std::vector<Reduction> orders;
  for (const Op op : {Op::kAMax, Op::kAMin, Op::kArgMax, Op::kArgMin, Op::kCountNonzero}) orders.push_back({.op = op});
  for (const auto& [shape, dim] :
       std::vector<std::pair<Shape, std::vector<int64_t>>>{{{2, 4}, {0}},
                                                           {{33, 6}, {0}},
                                                           {{257, 12}, {0}},
                                                           {{300, 7}, {0}},
                                                           {{520, 266}, {0}},
                                                           {{700, 132}, {0}},
                                                           {{20'000, 8}, {0}},
                                                           {{3, 300, 8}, {1}},
                                                           {{5, 3, 40, 4}, {0, 2}},
                                                           {{3, 2, 1000, 4}, {0, 2}},
                                                           {{2, 3, 2, 3, 70, 16}, {0, 2, 4}}}) {
    for (const Fill fill : kAllFills) {
      const Tensor tensor = Generate(GetParam(), shape, fill);
      for (const Reduction& fold : WithDim(folds, dim)) ExpectSame(tensor, {fold});
      ExpectSame(tensor, WithDim(orders, dim));
      if (HasFailure()) return;
    }
  }
}

// Every element of two bytes, and every pair of elements of one byte.
TEST_P(CudaIdentityTest, OfColumnsOfAllNarrowElements) {
  const size_t size = ByteSize(GetParam());
  if (size > 2) return;
  constexpr size_t kWidth = 0x10000;
  Tensor tensor = Generate(GetParam(), {2, kWidth}, Fill::kPlain);
  for (size_t i = 0; i < kWidth; ++i) {
    const size_t pair[] = {i, size == 1 ? i >> 8 : i * 0x9E37};
    for (size_t k = 0; k < 2 * size; ++k) {
      tensor.data[(k / size * kWidth + i) * size + k % size] = static_cast<std::byte>(pair[k / size] >> k % size * 8);
    }
  }
  for (const Op op : {Op::kSum, Op::kAMax, Op::kAMin, Op::kArgMax, Op::kArgMin, Op::kAMinMax, Op::kCountNonzero}) {
    ExpectSame(tensor, {{.op = op, .dim = {0}}});
  }
}

// A plain sum loses what is left of large elements that cancel: in one column of a word, or in the other.
TEST_P(CudaIdentityTest, OfColumnsWhoseSumIsNotExactInOneWord) {
  if (GetParam() != DType::kBFloat16) return;
  constexpr uint16_t kOne = 0x3F80, kLarge = 0x7180, kMinus = 0x8000;
  constexpr uint16_t kBits[3][4] = {
      {kLarge, kOne, kOne, kLarge}, {kOne, kOne, kOne, kOne}, {kLarge | kMinus, kOne, kOne, kLarge | kMinus}};
  Tensor tensor = Generate(GetParam(), {3, 4}, Fill::kPlain);
  std::memcpy(tensor.data.data(), kBits, sizeof(kBits));
  ExpectSame(tensor, {{.op = Op::kSum, .dim = {0}}});
}

// Sums, ends and moments, which are found in one reading where nothing else is asked; also of elements that are alike
// but for the first, which say nothing of the mean, and of NaN of both signs.
TEST_P(CudaIdentityTest, OfStatisticsTogether) {
  const std::vector<std::vector<Op>> requests = {{Op::kSum, Op::kAMin, Op::kAMax, Op::kMean, Op::kStd},
                                                 {Op::kVarMean},
                                                 {Op::kAMax, Op::kVar},
                                                 {Op::kAMin, Op::kSum},
                                                 {Op::kAMinMax, Op::kMean}};
  const auto size = static_cast<std::ptrdiff_t>(ByteSize(GetParam()));
  for (const auto& [shape, dim] : std::vector<std::pair<Shape, int64_t>>{
           {{5'000}, 0}, {{3, 2'500}, 1}, {{40, 600}, 1}, {{130, 40}, 1}, {{300, 7}, 1}, {{400, 33}, 0}}) {
    std::vector<Tensor> tensors;
    for (const Fill fill : kAllFills) tensors.push_back(Generate(GetParam(), shape, fill));
    Tensor& alike = tensors.emplace_back(Generate(GetParam(), shape, Fill::kPlain));
    for (auto x = alike.data.begin() + 50 * size; x < alike.data.end(); x += size) std::copy_n(x - size, size, x);
    Tensor& nan = tensors.emplace_back(Generate(GetParam(), shape, Fill::kPlain));
    for (auto x = nan.data.begin() + 99 * size; x < nan.data.end() - 700 * size; x += 700 * size) {
      std::fill_n(x, size, std::byte{0xFF});
      std::fill_n(x + 350 * size, size, std::byte{0xFF});
      x[351 * size - 1] = std::byte{0x7F};
    }
    for (const Tensor& tensor : tensors) {
      for (const std::vector<Op>& ops : requests) {
        std::vector<Reduction> reductions;
        for (const Op op : ops) reductions.emplace_back().op = op;
        ExpectSame(tensor, WithDim(reductions, {dim}));
      }
      if (HasFailure()) return;
    }
  }
}

// Whose states take the most of a block's memory: one leaf, several, and columns.
TEST_P(CudaIdentityTest, OfTheWidestFoldsTogether) {
  std::vector<Reduction> widest;
  for (const Op op : {Op::kSum, Op::kNanSum, Op::kVar, Op::kLogSumExp, Op::kProd, Op::kVectorNorm}) {
    widest.push_back({.op = op});
  }
  for (const double ord : {1.0, 3.0}) widest.push_back({.op = Op::kVectorNorm, .options = NormOptions{ord}});
  for (const auto& [shape, dim] : {std::pair(Shape{40, 100}, 1), {Shape{2, 5000}, 1}, {Shape{700, 40}, 0}}) {
    ExpectSame(Generate(GetParam(), shape, Fill::kWide), WithDim(widest, {dim}));
  }
}

TEST_P(CudaIdentityTest, OfTensorsThatArriveInPieces) {
  const Tensor tensor = Generate(GetParam(), {3, 1100}, Fill::kSpecial);
  const std::vector<Reduction> reductions = Taken(tensor, WithDim(ReductionsOf(GetParam()), {1}));
  auto accumulation =
      *cuda::DeviceAccumulation::Start(*MakePlan({tensor.dtype, tensor.shape, reductions}), *device_, nullptr);
  for (absl::Span<const std::byte> rest = tensor.data; !rest.empty();) {
    const absl::Span<const std::byte> piece = rest.subspan(0, 1001);
    ASSERT_TRUE(accumulation->Append(piece).ok());
    rest.remove_prefix(piece.size());
  }
  const absl::StatusOr<std::vector<ReductionResult>> got = accumulation->Finish();
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(BitDifference(reductions, *got, *engine_.Reduce(tensor.view(), reductions)), "");
}

TEST_P(CudaIdentityTest, OfCasts) {
  for (const Shape& shape : {Shape{1025}, Shape{300, 7}}) {
    for (Fill fill : {Fill::kWide, Fill::kSpecial}) {
      ExpectSame(Generate(GetParam(), shape, fill), WithDim(CastsOf(GetParam()), {0}));
      if (HasFailure()) return;
    }
  }
}

TEST(DevicePlanTest, TakesAllOfComplexElements) {
  const auto expect_taken = [](DType dtype, const std::vector<Reduction>& reductions) {
    for (const Reduction& reduction : reductions) {
      const Plan plan = *MakePlan({dtype, {5}, {reduction}});
      EXPECT_TRUE(cuda::DevicePlan::Make(plan, 1).ok()) << std::string(Name(dtype)) << " " << Describe(reduction);
    }
  };
  for (const DType dtype : kAllDTypes) {
    std::vector<Reduction> casts = CastsOf(dtype);
    std::erase_if(casts, [](const Reduction& reduction) { return !IsComplex(*reduction.dtype); });
    EXPECT_FALSE(casts.empty());
    expect_taken(dtype, casts);
    if (IsComplex(dtype)) expect_taken(dtype, ReductionsOf(dtype));
  }
}

TEST(DevicePlanTest, LeavesTooManyQuantilesToTheCpu) {
  const auto is_taken = [](size_t count) {
    const std::vector<double> q(count, 0.5);
    const Plan plan = *MakePlan({DType::kFloat32, {5}, {{.op = Op::kQuantile, .options = QuantileOptions{q}}}});
    return cuda::DevicePlan::Make(plan, 1).ok();
  };
  EXPECT_TRUE(is_taken(cuda::kMaxQuantiles));
  EXPECT_FALSE(is_taken(cuda::kMaxQuantiles + 1));
}

INSTANTIATE_TEST_SUITE_P(OfDTypes, CudaIdentityTest, ::testing::ValuesIn(kAllDTypes),
                         [](const auto& info) { return std::string(Name(info.param)); });

}  // namespace
}  // namespace treduce
