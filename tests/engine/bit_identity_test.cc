// The same bits, always: whatever the threads, the SIMD instructions and the pieces in which a tensor arrives.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/engine/engine.h"
#include "tests/engine/generate.h"
#include "tests/engine/requests.h"
#include "tests/engine/simd_targets.h"

namespace treduce {
namespace {

Engine& EngineOf(int threads) {
  static auto& one = *new Engine({.thread_count = 1});
  static auto& two = *new Engine({.thread_count = 2});
  return threads == 1 ? one : two;
}

// With the best instructions.
Engine& Reference() { return EngineOf(1); }

// Calls check(engine, name) for each SIMD target of this machine and each number of threads.
template <class Check>
void ForEachEngine(const Check& check) {
  static const auto& targets = *new std::vector<SimdTarget>(SimdTargets());
  for (const SimdTarget& target : targets) {
    const ScopedSimdTarget scope(target);
    for (const int threads : {1, 2}) check(EngineOf(threads), absl::StrCat(target.name, " with ", threads, " threads"));
  }
}

std::vector<ReductionResult> Reduce(Engine& engine, const Tensor& tensor, const std::vector<Reduction>& reductions) {
  absl::StatusOr<std::vector<ReductionResult>> results = engine.Reduce(tensor.view(), reductions);
  EXPECT_TRUE(results.ok()) << results.status();
  return results.ok() ? *std::move(results) : std::vector<ReductionResult>(reductions.size());
}

// Reduces a tensor that arrives in chunks of `chunk_bytes`, or of random sizes from 0 on when that is 0.
std::vector<ReductionResult> ReduceChunks(Engine& engine, const Tensor& tensor,
                                          const std::vector<Reduction>& reductions, size_t chunk_bytes) {
  absl::StatusOr<Plan> plan = MakePlan({tensor.dtype, tensor.shape, reductions});
  EXPECT_TRUE(plan.ok()) << plan.status();
  std::unique_ptr<Accumulation> accumulation = engine.Start(*std::move(plan));
  const absl::Span<const std::byte> bytes = tensor.data;
  Random random(7);
  for (size_t at = 0; at < bytes.size();) {
    const size_t size = std::min(chunk_bytes > 0 ? chunk_bytes : random.Below(300), bytes.size() - at);
    // A copy of just that size: reading beyond a chunk is an error that sanitizers see.
    const std::vector<std::byte> chunk(bytes.begin() + at, bytes.begin() + at + size);
    EXPECT_TRUE(accumulation->Append(chunk).ok());
    at += size;
  }
  EXPECT_EQ(accumulation->byte_count(), static_cast<int64_t>(bytes.size()));
  absl::StatusOr<std::vector<ReductionResult>> results = accumulation->Finish();
  EXPECT_TRUE(results.ok()) << results.status();
  return results.ok() ? *std::move(results) : std::vector<ReductionResult>(reductions.size());
}

// Around lanes and leaves, as rows, columns and segments between kept dims.
const std::vector<Shape> kShapes = {{0},       {1},       {31},       {32},         {33},         {1023},
                                    {1024},    {1025},    {4097},     {5, 31},      {3, 1025},    {1025, 3},
                                    {130, 33}, {3, 0, 2}, {3, 33, 5}, {2, 1025, 2}, {2, 3, 5, 33}};

class BitIdentityTest : public ::testing::TestWithParam<DType> {
 protected:
  // Calls check(tensor, reductions, reference answers) for every shape, fill and choice of dims.
  template <class Check>
  void ForEachRequest(const Check& check) {
    std::vector<Reduction> reductions = ReductionsOf(GetParam());
    for (Reduction& reduction : ListsOf(GetParam())) reductions.push_back(std::move(reduction));
    for (const Shape& shape : kShapes) {
      for (Fill fill : kAllFills) {
        const Tensor tensor = Generate(GetParam(), shape, fill);
        for (const std::vector<int64_t>& dim : DimSubsets(static_cast<int>(shape.size()))) {
          const std::vector<Reduction> asked = Answerable(tensor, WithDim(reductions, dim));
          SCOPED_TRACE(absl::StrCat("shape ", ToString(shape), " fill ", static_cast<int>(fill)));
          check(tensor, asked, Reduce(Reference(), tensor, asked));
          if (HasFailure()) return;
        }
      }
    }
  }

  // Without those that have no answer for an empty tensor, or take no more than one dim.
  static std::vector<Reduction> Answerable(const Tensor& tensor, std::vector<Reduction> reductions) {
    std::erase_if(reductions, [&](const Reduction& reduction) {
      return !MakePlan({tensor.dtype, tensor.shape, {reduction}}).ok();
    });
    return reductions;
  }
};

TEST_P(BitIdentityTest, OfAllTargetsAndThreadCounts) {
  ForEachRequest(
      [](const Tensor& tensor, const std::vector<Reduction>& reductions, const std::vector<ReductionResult>& want) {
        ForEachEngine([&](Engine& engine, const std::string& name) {
          EXPECT_EQ(BitDifference(reductions, Reduce(engine, tensor, reductions), want), "") << name;
        });
      });
}

TEST_P(BitIdentityTest, OfAllChunkings) {
  ForEachRequest(
      [](const Tensor& tensor, const std::vector<Reduction>& reductions, const std::vector<ReductionResult>& want) {
        for (size_t chunk_bytes : {0, 1, 7, 64, 4093}) {
          if (chunk_bytes == 1 && tensor.data.size() > 4096) continue;  // would only take time
          EXPECT_EQ(BitDifference(reductions, ReduceChunks(Reference(), tensor, reductions, chunk_bytes), want), "")
              << "chunks of " << chunk_bytes << " bytes";
        }
      });
}

TEST_P(BitIdentityTest, OfCasts) {
  for (const Shape& shape : {Shape{1025}, Shape{40, 33}}) {
    for (Fill fill : kAllFills) {
      const Tensor tensor = Generate(GetParam(), shape, fill);
      const std::vector<Reduction> reductions = WithDim(CastsOf(GetParam()), {0});
      const std::vector<ReductionResult> want = Reduce(Reference(), tensor, reductions);
      ForEachEngine([&](Engine& engine, const std::string& name) {
        EXPECT_EQ(BitDifference(reductions, Reduce(engine, tensor, reductions), want), "") << name;
      });
      EXPECT_EQ(BitDifference(reductions, ReduceChunks(Reference(), tensor, reductions, 7), want), "");
    }
  }
}

// Large enough to be shared out: leaves of a long row, rows, leaves of narrow columns, wide columns. One reduction at a
// time, since several share blocks that are too small.
TEST_P(BitIdentityTest, OfLargeTensors) {
  Engine& one_thread = Reference();
  Engine& two_threads = EngineOf(2);
  for (const auto& [shape, dim] :
       {std::pair(Shape{400'000}, 0), {Shape{900, 450}, 1}, {Shape{30'000, 13}, 0}, {Shape{40, 10'000}, 0}}) {
    const Tensor tensor = Generate(GetParam(), shape, Fill::kPlain);
    for (const Reduction& reduction : WithDim(ReductionsOf(GetParam()), {dim})) {
      const std::vector<Reduction> reductions = {reduction};
      const std::vector<ReductionResult> want = Reduce(one_thread, tensor, reductions);
      EXPECT_EQ(BitDifference(reductions, Reduce(two_threads, tensor, reductions), want), "") << ToString(shape);
      const size_t most = tensor.data.size() / 8 * 7 + 1;
      EXPECT_EQ(BitDifference(reductions, ReduceChunks(two_threads, tensor, reductions, most), want), "")
          << ToString(shape) << " in two chunks";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(DTypes, BitIdentityTest, ::testing::ValuesIn(kAllDTypes),
                         [](const auto& test) { return std::string(Name(test.param)); });

}  // namespace
}  // namespace treduce
