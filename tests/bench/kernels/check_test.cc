// Tests of tests/bench/kernels/check.cc.
#include "tests/bench/kernels/check.h"

#include <cstdint>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "server/engine/plan/op_registry.h"

namespace treduce::bench {
namespace {

Tensor Scalar(int64_t value) {
  const auto* bytes = reinterpret_cast<const std::byte*>(&value);
  return {DType::kInt64, {}, {bytes, bytes + sizeof(value)}};
}

std::string Difference(Op op, const std::vector<Tensor>& outputs, const std::vector<Tensor>& peer) {
  const std::string name(FindOp(op)->name);
  const Problem problem = {name, DType::kInt64, &AllShapes().front(), {{.op = op}}};
  const std::vector<ReductionResult> results = {{{outputs.begin(), outputs.end()}}};
  return DifferenceFromPeer(problem, results, peer);
}

// NumPy has no mode of its own, and what stands for it gives no index.
TEST(Check, ModeNeedsNoIndexToCompareWith) {
  EXPECT_EQ(Difference(Op::kMode, {Scalar(7), Scalar(1)}, {Scalar(7)}), "");
  EXPECT_EQ(Difference(Op::kMode, {Scalar(7), Scalar(1)}, {Scalar(7), Scalar(2)}), "");
  EXPECT_NE(Difference(Op::kMode, {Scalar(7), Scalar(1)}, {Scalar(8)}), "");
  EXPECT_NE(Difference(Op::kAMinMax, {Scalar(7), Scalar(8)}, {Scalar(7)}), "");
}

}  // namespace
}  // namespace treduce::bench
