// Accumulations at their edges: what they say they hold, and that they can be ended.
#include "server/engine/accumulation.h"

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "server/engine/engine.h"
#include "tests/engine/requests.h"

namespace treduce {
namespace {

TEST(AccumulationByteCount, CountsTheResultsHoweverLargeTheExtents) {
  for (DType dtype : kAllDTypes) {
    for (int bits = 30; bits <= 63; ++bits) {
      const int64_t extent = bits == 63 ? std::numeric_limits<int64_t>::max() : int64_t{1} << bits;
      for (const Shape& shape : {Shape{extent}, Shape{0, extent}, Shape{extent, 0}, Shape{2, 0, extent}}) {
        for (const std::vector<int64_t>& dim : DimSubsets(static_cast<int>(shape.size()))) {
          for (const Reduction& reduction : WithDim(ReductionsOf(dtype), dim)) {
            const absl::StatusOr<Plan> plan = MakePlan({dtype, shape, {reduction}});
            if (!plan.ok()) continue;
            EXPECT_GE(AccumulationByteCount(*plan), plan->result_byte_count) << ToString(shape) << Describe(reduction);
          }
        }
      }
    }
  }
}

// Results that no element goes into, and those that wait for the last element of the tensor.
TEST(Accumulation, FinishingCanBeCancelled) {
  Engine engine;
  for (const auto& [shape, dim] :
       {std::pair(Shape{100'000, 0}, std::vector<int64_t>{1}), {Shape{2, 3, 2}, std::vector<int64_t>{0, 2}}}) {
    absl::StatusOr<Plan> plan = MakePlan({DType::kBool, shape, {{.op = Op::kAny, .dim = dim}}});
    ASSERT_TRUE(plan.ok()) << plan.status();
    const std::vector<std::byte> bytes(static_cast<size_t>(plan->byte_count));
    std::atomic<bool> cancelled = false;
    const std::unique_ptr<Accumulation> accumulation = engine.Start(*std::move(plan), &cancelled);
    ASSERT_TRUE(accumulation->Append(bytes).ok());
    cancelled = true;
    EXPECT_TRUE(absl::IsCancelled(accumulation->Finish().status())) << ToString(shape);
    EXPECT_TRUE(absl::IsCancelled(accumulation->Finish().status())) << "it has ended";
  }
}

}  // namespace
}  // namespace treduce
