// Tests of server/engine/select and server/engine/cpu/selection_pass.cc: elements by rank where ranks are hard to find.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "server/engine/engine.h"
#include "server/engine/plan/op_registry.h"
#include "tests/engine/elements.h"
#include "tests/engine/generate.h"
#include "tests/engine/requests.h"
#include "tests/engine/simd_targets.h"

namespace treduce {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

template <class T>
Tensor TensorOf(DType dtype, const std::vector<T>& values, Shape shape = {}) {
  if (shape.empty()) shape = {static_cast<int64_t>(values.size())};
  const auto* bytes = reinterpret_cast<const std::byte*>(values.data());
  return {dtype, shape, {bytes, bytes + values.size() * sizeof(T)}};
}

ReductionResult Reduce(const Tensor& tensor, const Reduction& reduction, int threads = 1) {
  Engine engine({.thread_count = threads});
  absl::StatusOr<std::vector<ReductionResult>> results = engine.Reduce(tensor.view(), {reduction});
  EXPECT_TRUE(results.ok()) << results.status();
  return results.ok() ? (*std::move(results))[0] : ReductionResult{};
}

std::vector<long double> Values(const Tensor& tensor) {
  std::vector<long double> values;
  for (int64_t i = 0; i < ComponentCount(tensor.view()); ++i) values.push_back(ComponentAt(tensor.view(), i));
  return values;
}

// Orders of elements that mislead a sample, or leave it nothing to tell apart.
struct Pattern {
  const char* name;
  std::function<int64_t(int64_t i, int64_t n, Random& random)> value;
};
const std::vector<Pattern> kPatterns = {
    {"random", [](int64_t, int64_t, Random& random) { return static_cast<int64_t>(random.Below(1 << 30)); }},
    {"sorted", [](int64_t i, int64_t, Random&) { return i; }},
    {"reversed", [](int64_t i, int64_t n, Random&) { return n - i; }},
    {"equal", [](int64_t, int64_t, Random&) { return int64_t{7}; }},
    {"two values", [](int64_t i, int64_t, Random&) { return i % 2; }},
    {"few values", [](int64_t, int64_t, Random& random) { return static_cast<int64_t>(random.Below(5)); }},
    {"organ pipe", [](int64_t i, int64_t n, Random&) { return std::min(i, n - i); }},
    {"one outlier", [](int64_t i, int64_t n, Random&) { return i == n / 2 ? int64_t{1} << 30 : int64_t{0}; }},
    // The half that is equal hides the other, which starts at the median.
    {"half equal",
     [](int64_t i, int64_t n, Random& random) {
       return i % 2 == 0 && i < n - 1 ? int64_t{0} : static_cast<int64_t>(1 + random.Below(1 << 20));
     }},
    {"clustered",
     [](int64_t i, int64_t, Random& random) {
       return (i % 3) * (int64_t{1} << 28) + static_cast<int64_t>(random.Below(100));
     }},
};

template <class T>
void ExpectRanksAreFound(DType dtype, int64_t n) {
  for (const Pattern& pattern : kPatterns) {
    Random random(3);
    std::vector<T> values;
    for (int64_t i = 0; i < n; ++i) values.push_back(static_cast<T>(pattern.value(i, n, random)));
    const Tensor tensor = TensorOf(dtype, values);
    const DType result = dtype == DType::kFloat32 ? DType::kFloat32 : DType::kFloat64;
    std::vector<T> sorted = values;
    std::sort(sorted.begin(), sorted.end());
    SCOPED_TRACE(std::string(pattern.name) + " of " + std::to_string(n));
    for (int threads : {1, 2}) {
      const ReductionResult median = Reduce(tensor, {.op = Op::kMedian, .dim = {0}}, threads);
      const T want = sorted[static_cast<size_t>((n - 1) / 2)];
      ASSERT_EQ(ComponentAt(median.outputs[0].view(), 0), static_cast<long double>(want));
      ASSERT_EQ(ComponentAt(median.outputs[1].view(), 0),
                std::find(values.begin(), values.end(), want) - values.begin());
      for (double q : {0.0, 0.001, 0.3, 0.5, 0.75, 1.0}) {
        const double rank = (result == DType::kFloat32 ? static_cast<float>(q) : q) * static_cast<double>(n - 1);
        const auto at = [&](double place) { return static_cast<long double>(sorted[static_cast<size_t>(place)]); };
        const auto quantile = [&](Interpolation interpolation) {
          return ComponentAt(
              Reduce(tensor, {.op = Op::kQuantile, .dtype = result, .options = QuantileOptions{q, interpolation}},
                     threads)
                  .outputs[0]
                  .view(),
              0);
        };
        ASSERT_EQ(quantile(Interpolation::kLower), at(std::floor(rank))) << q;
        ASSERT_EQ(quantile(Interpolation::kHigher), at(std::ceil(rank))) << q;
      }
    }
  }
}

TEST(Selection, FindsRanksOfFewElements) {
  for (int64_t n : {1, 2, 3, 17, 2048}) {
    ExpectRanksAreFound<float>(DType::kFloat32, n);
    ExpectRanksAreFound<int64_t>(DType::kInt64, n);
  }
}

TEST(Selection, FindsRanksOfManyElements) {
  for (int64_t n : {2049, 4096, 100'003}) {
    ExpectRanksAreFound<float>(DType::kFloat32, n);
    ExpectRanksAreFound<double>(DType::kFloat64, n);
    ExpectRanksAreFound<int32_t>(DType::kInt32, n);
    ExpectRanksAreFound<int64_t>(DType::kInt64, n);
    ExpectRanksAreFound<uint32_t>(DType::kUInt32, n);
    ExpectRanksAreFound<uint64_t>(DType::kUInt64, n);
  }
}

TEST(Selection, FindsRanksOfElementsForSeveralThreads) {
  ExpectRanksAreFound<float>(DType::kFloat32, 1'000'003);
  ExpectRanksAreFound<int16_t>(DType::kInt16, 1'000'003);
  ExpectRanksAreFound<uint8_t>(DType::kUInt8, 1'000'003);
}

TEST(Selection, FindsRanksWithEveryInstructionSet) {
  for (const SimdTarget& target : SimdTargets()) {
    const ScopedSimdTarget scope(target);
    ExpectRanksAreFound<double>(DType::kFloat64, 10'007);
    ExpectRanksAreFound<float>(DType::kFloat32, 10'007);
    ExpectRanksAreFound<uint32_t>(DType::kUInt32, 10'007);
  }
}

TEST(Selection, FewElementsGiveTheSameWithEveryInstructionSet) {
  for (DType dtype : kAllDTypes) {
    if (IsComplex(dtype)) continue;
    for (int64_t n : {1, 2, 3, 8, 15, 32}) {
      for (const auto& [shape, dim] : {std::pair(Shape{131, n}, 1), {Shape{n, 131}, 0}}) {
        const Tensor tensor = Generate(dtype, shape, Fill::kTies);
        for (Op op : {Op::kMedian, Op::kNanMedian, Op::kMode}) {
          const Reduction reduction = {.op = op, .dim = {dim}};
          const ReductionResult want = Reduce(tensor, reduction);
          for (const SimdTarget& target : SimdTargets()) {
            const ScopedSimdTarget scope(target);
            EXPECT_EQ(BitDifference(Reduce(tensor, reduction), want), "") << target.name << Name(dtype) << n;
          }
        }
      }
    }
  }
}

TEST(Selection, NanWinsOrIsIgnored) {
  for (size_t n : {9u, 5'000u, 400'000u}) {
    std::vector<float> values(n);
    for (size_t i = 0; i < n; ++i) values[i] = static_cast<float>(i);
    values[n - 2] = values[n / 2] = kNan;
    const Tensor tensor = TensorOf(DType::kFloat32, values);
    for (int threads : {1, 2}) {
      const ReductionResult median = Reduce(tensor, {.op = Op::kMedian, .dim = {0}}, threads);
      EXPECT_TRUE(std::isnan(ComponentAt(median.outputs[0].view(), 0)));
      EXPECT_EQ(ComponentAt(median.outputs[1].view(), 0), n / 2);
      EXPECT_TRUE(std::isnan(Values(Reduce(tensor, {.op = Op::kQuantile}, threads).outputs[0])[0]));
      std::vector<float> rest = values;
      std::erase_if(rest, [](float x) { return std::isnan(x); });
      EXPECT_EQ(Values(Reduce(tensor, {.op = Op::kNanMedian}, threads).outputs[0])[0], rest[(rest.size() - 1) / 2]);
      const QuantileOptions highest = {std::vector<double>{1, 0}};
      EXPECT_EQ(Values(Reduce(tensor, {.op = Op::kNanQuantile, .options = highest}, threads).outputs[0]),
                (std::vector<long double>{rest.back(), 0}));
    }
  }
}

TEST(Selection, OnlyNanIsNan) {
  const Tensor tensor = TensorOf(DType::kFloat32, std::vector<float>(3000, kNan));
  for (Op op : {Op::kMedian, Op::kNanMedian, Op::kMode, Op::kQuantile, Op::kNanQuantile}) {
    const ReductionResult result = Reduce(tensor, {.op = op, .dim = {0}});
    EXPECT_TRUE(std::isnan(Values(result.outputs[0])[0]));
    if (result.outputs.size() > 1) {
      EXPECT_EQ(Values(result.outputs[1])[0], 0);
    }
  }
}

TEST(Selection, QuantilesBesideInfinities) {
  const Tensor tensor = TensorOf(DType::kFloat32, std::vector<float>{-kInfinity, 1, 2, kInfinity});
  const QuantileOptions options = {std::vector<double>{0, 1.0 / 6, 1.0 / 3, 0.5, 5.0 / 6, 1}};
  const std::vector<long double> values = Values(Reduce(tensor, {.op = Op::kQuantile, .options = options}).outputs[0]);
  EXPECT_EQ(values[0], -kInfinity);
  EXPECT_EQ(values[1], -kInfinity);
  EXPECT_EQ(values[3], 1.5L);
  EXPECT_EQ(values[4], kInfinity);
  EXPECT_EQ(values[5], kInfinity);
}

TEST(Selection, QuantilesOfTheLargestNumbersDoNotOverflow) {
  const double largest = std::numeric_limits<double>::max();
  const Tensor tensor = TensorOf(DType::kFloat64, std::vector<double>{-largest, largest});
  const QuantileOptions options = {std::vector<double>{0.25, 0.5, 0.75}};
  const std::vector<long double> values = Values(Reduce(tensor, {.op = Op::kQuantile, .options = options}).outputs[0]);
  EXPECT_NEAR(static_cast<double>(values[0]), -largest / 2, largest * 0x1p-52);
  EXPECT_EQ(values[1], 0);
  EXPECT_NEAR(static_cast<double>(values[2]), largest / 2, largest * 0x1p-52);
}

// What is selected is cast afterwards: a uint64 beyond 2^63, and an int64 that float32 rounds.
TEST(Selection, QuantilesOfIntegersAreCast) {
  const Tensor large = TensorOf(DType::kUInt64, std::vector<uint64_t>{1, uint64_t{1} << 63, ~uint64_t{0}});
  EXPECT_EQ(Values(Reduce(large, {.op = Op::kQuantile, .dtype = DType::kFloat64}).outputs[0])[0], 0x1p63L);
  const Tensor odd = TensorOf(DType::kInt64, std::vector<int64_t>{(int64_t{1} << 24) + 1});
  EXPECT_EQ(Values(Reduce(odd, {.op = Op::kQuantile, .dtype = DType::kFloat32}).outputs[0])[0], 0x1p24L);
}

TEST(Selection, ModeIsTheSmallestOfTheMostFrequent) {
  const auto mode = [](const std::vector<float>& values) {
    const ReductionResult result = Reduce(TensorOf(DType::kFloat32, values), {.op = Op::kMode, .dim = {0}});
    return std::pair(Values(result.outputs[0])[0], Values(result.outputs[1])[0]);
  };
  EXPECT_EQ(mode({3, 1, 3, 1, 2}), std::pair(1.0L, 1.0L));
  EXPECT_EQ(mode({5, 4, 3}), std::pair(3.0L, 2.0L));
  EXPECT_EQ(mode({1, -0.0f, 0.0f}), std::pair(0.0L, 1.0L));
  EXPECT_EQ(mode({kNan, kNan, 8}), std::pair(8.0L, 2.0L));
}

// Of elements that all occur once, that all collide in a hash of their upper bits or not, and that occur a few times.
TEST(Selection, ModeOfAnyNumberOfElements) {
  for (size_t n : {33u, 64u, 1000u, 5000u, 32768u, 40000u}) {
    for (uint64_t step : {uint64_t{1}, uint64_t{1} << 48, uint64_t{0xF1DE83E19937733D}}) {
      for (size_t repeats : {1u, 2u, 7u}) {
        std::vector<int64_t> values(n);
        for (size_t i = 0; i < n; ++i) values[i] = static_cast<int64_t>((i / repeats + 1) * step);
        values[n - 1] = values[0];
        std::vector<int64_t> sorted = values;
        std::sort(sorted.begin(), sorted.end());
        int64_t want = 0;
        int64_t most = 0;
        for (auto begin = sorted.begin(); begin != sorted.end();) {
          const auto end = std::upper_bound(begin, sorted.end(), *begin);
          if (end - begin > most) {
            most = end - begin;
            want = *begin;
          }
          begin = end;
        }
        const ReductionResult mode = Reduce(TensorOf(DType::kInt64, values), {.op = Op::kMode, .dim = {0}});
        EXPECT_EQ(Values(mode.outputs[0])[0], want) << n << " " << step << " " << repeats;
        EXPECT_EQ(Values(mode.outputs[1])[0], std::find(values.begin(), values.end(), want) - values.begin());
      }
    }
  }
}

// A request that counts bytes as they arrive holds a histogram, not the tensor.
TEST(Selection, BytesAreCountedAsTheyArrive) {
  const int64_t gigabytes = int64_t{1} << 36;
  const auto charge = [](DType dtype, int64_t n, Op op) {
    return AccumulationByteCount(*MakePlan({dtype, {n}, {{.op = op}}}));
  };
  EXPECT_LT(charge(DType::kUInt8, gigabytes, Op::kMedian), 1 << 20);
  EXPECT_LT(charge(DType::kBFloat16, gigabytes, Op::kMode), 8 << 20);
  EXPECT_GT(charge(DType::kFloat32, gigabytes, Op::kMedian), gigabytes * 4);
  EXPECT_GT(charge(DType::kUInt8, gigabytes, Op::kUnique), gigabytes);
}

// A thread that waits for others to scan its tensor runs other requests meanwhile, which must not touch its scratch.
TEST(Selection, RequestsSideBySideDoNotAffectEachOther) {
  const Tensor large = Generate(DType::kFloat32, {1'000'000}, Fill::kWide);
  const Tensor rows = Generate(DType::kFloat32, {16, 100'000}, Fill::kWide, 2);
  const Reduction median = {.op = Op::kMedian};
  const Reduction mode = {.op = Op::kMode, .dim = {1}};
  const ReductionResult want_median = Reduce(large, median);
  const ReductionResult want_mode = Reduce(rows, mode);
  Engine engine({.thread_count = 2});
  std::atomic<int> wrong = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&, caller] {
      const bool is_median = caller % 2 == 0;
      for (int i = 0; i < (is_median ? 60 : 10); ++i) {
        const auto results = engine.Reduce(is_median ? large.view() : rows.view(), {is_median ? median : mode});
        if (!BitDifference((*results)[0], is_median ? want_median : want_mode).empty()) ++wrong;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Selection, StopsWhenItIsCancelled) {
  const Tensor tensor = Generate(DType::kFloat32, {1'000'000}, Fill::kWide);
  Engine engine({.thread_count = 1});
  for (Op op : {Op::kMode, Op::kMedian, Op::kUnique}) {
    std::atomic<bool> cancelled = false;
    const std::vector<Reduction> reductions(100, Reduction{.op = op});
    const auto accumulation = engine.Start(*MakePlan({tensor.dtype, tensor.shape, reductions}), &cancelled);
    std::thread canceller([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      cancelled = true;
    });
    const absl::Status status = accumulation->Append(tensor.data);
    canceller.join();
    EXPECT_EQ(status.code(), absl::StatusCode::kCancelled) << FindOp(op)->name;
  }
}

TEST(Selection, SeveralSelectionsShareAPassAndAgree) {
  const Tensor tensor = Generate(DType::kFloat32, {3, 5'000, 4}, Fill::kTies);
  Engine engine;
  const std::vector<Reduction> reductions = {{.op = Op::kMedian, .dim = {1}},
                                             {.op = Op::kMode, .dim = {1}},
                                             {.op = Op::kQuantile, .dim = {1}},
                                             {.op = Op::kSum, .dim = {1}},
                                             {.op = Op::kMedian, .dim = {0, 2}}};
  const auto together = engine.Reduce(tensor.view(), reductions);
  ASSERT_TRUE(together.ok()) << together.status();
  for (size_t i = 0; i < reductions.size(); ++i) {
    EXPECT_EQ(BitDifference((*together)[i], Reduce(tensor, reductions[i])), "") << Describe(reductions[i]);
  }
}

}  // namespace
}  // namespace treduce
