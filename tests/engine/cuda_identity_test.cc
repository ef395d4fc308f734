// A CUDA device gives the bits of the CPU: every op it has kernels for, every dtype and layout. Built twice: with the
// kernels run on the host, and, where TREDUCE_CUDA is on, on a device, without which its tests are skipped.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/engine/cuda/device.h"
#include "server/engine/cuda/device_accumulation.h"
#include "server/engine/cuda/device_plan.h"
#include "server/engine/engine.h"
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

  // All in one request, as many as are folded together and more.
  void ExpectSame(const Tensor& tensor, const std::vector<Reduction>& asked) {
    const std::vector<Reduction> reductions = Taken(tensor, asked);
    if (reductions.empty()) return;
    const absl::StatusOr<std::vector<ReductionResult>> want = engine_.Reduce(tensor.view(), reductions);
    ASSERT_TRUE(want.ok()) << want.status();
    EXPECT_EQ(BitDifference(reductions, OnDevice(tensor, reductions), *want), "") << ToString(tensor.shape);
  }

  Engine engine_{{.thread_count = 1}};
  std::unique_ptr<cuda::Device> device_;
};

TEST_P(CudaIdentityTest, OfAllOpsAndLayouts) {
  for (const Shape& shape : kShapes) {
    for (Fill fill : kAllFills) {
      const Tensor tensor = Generate(GetParam(), shape, fill);
      for (const std::vector<int64_t>& dim : DimSubsets(static_cast<int>(shape.size()))) {
        ExpectSame(tensor, WithDim(ReductionsOf(GetParam()), dim));
        if (HasFailure()) return;
      }
    }
  }
}

TEST_P(CudaIdentityTest, OfLargeTensors) {
  for (const Shape& shape : kLargeShapes) {
    for (const std::vector<int64_t>& dim : DimSubsets(static_cast<int>(shape.size()))) {
      for (const Fill fill : {Fill::kPlain, Fill::kWide}) {
        ExpectSame(Generate(GetParam(), shape, fill), WithDim(ReductionsOf(GetParam()), dim));
        if (HasFailure()) return;
      }
    }
  }
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

TEST_P(CudaIdentityTest, OfCasts) {
  for (const Shape& shape : {Shape{1025}, Shape{300, 7}}) {
    for (Fill fill : {Fill::kWide, Fill::kSpecial}) {
      ExpectSame(Generate(GetParam(), shape, fill), WithDim(CastsOf(GetParam()), {0}));
      if (HasFailure()) return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(OfDTypes, CudaIdentityTest, ::testing::ValuesIn(kAllDTypes),
                         [](const auto& info) { return std::string(Name(info.param)); });

}  // namespace
}  // namespace treduce
