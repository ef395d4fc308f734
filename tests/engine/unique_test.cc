// Tests of server/engine/select/unique.cc against a definition that compares every slice with every other.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/engine/engine.h"
#include "server/engine/plan/plan.h"
#include "tests/engine/elements.h"
#include "tests/engine/generate.h"
#include "tests/engine/requests.h"

namespace treduce {
namespace {

using Slice = std::vector<long double>;

// NaN comes last, and no NaN is equal to another.
int Compare(long double a, long double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) ? 1 : -1;
  return a < b ? -1 : a > b ? 1 : 0;
}

bool AreEqual(const Slice& a, const Slice& b) {
  return std::equal(a.begin(), a.end(), b.begin(), [](long double x, long double y) { return Compare(x, y) == 0; });
}

bool IsLess(const Slice& a, const Slice& b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), [](long double x, long double y) {
    return std::isnan(y) ? !std::isnan(x) : x < y;
  });
}

// The slices of a tensor along `dim`; its elements if that is negative.
std::vector<Slice> SlicesOf(const Tensor& tensor, int64_t dim) {
  const int64_t count = ComponentCount(tensor.view());
  const int64_t extent = dim < 0 ? count : tensor.shape[dim];
  int64_t inner = 1;
  for (size_t d = dim < 0 ? tensor.shape.size() : dim + 1; d < tensor.shape.size(); ++d) inner *= tensor.shape[d];
  std::vector<Slice> slices(extent);
  for (int64_t i = 0; i < count; ++i) slices[i / inner % extent].push_back(ComponentAt(tensor.view(), i));
  return slices;
}

class UniqueTest : public ::testing::TestWithParam<DType> {
 protected:
  void Check(const Tensor& tensor, Op op, int64_t dim) {
    SCOPED_TRACE(absl::StrCat("shape ", ToString(tensor.shape), " dim ", dim, " op ", static_cast<int>(op)));
    Reduction reduction = {.op = op, .options = UniqueOptions{true, true}};
    if (dim >= 0) reduction.dim = {dim};
    const auto results = engine_.Reduce(tensor.view(), {reduction});
    ASSERT_TRUE(results.ok()) << results.status();
    const auto& outputs = (*results)[0].outputs;
    ASSERT_EQ(outputs.size(), 3u);
    const std::vector<Slice> slices = SlicesOf(tensor, dim);
    const std::vector<Slice> unique = SlicesOf(outputs[0], dim);
    const std::vector<Slice> counts = SlicesOf(outputs[2], -1);
    const Shape inverse_shape = dim < 0 ? tensor.shape : Shape{static_cast<int64_t>(slices.size())};
    EXPECT_EQ(outputs[1].shape, inverse_shape);
    ASSERT_EQ(counts.size(), unique.size());
    std::vector<int64_t> seen(unique.size());
    for (size_t i = 0; i < slices.size(); ++i) {
      const auto place = static_cast<size_t>(ComponentAt(outputs[1].view(), static_cast<int64_t>(i)));
      ASSERT_LT(place, unique.size());
      ++seen[place];
      for (size_t e = 0; e < slices[i].size(); ++e) {
        const long double want = slices[i][e], got = unique[place][e];
        ASSERT_TRUE(want == got || (std::isnan(want) && std::isnan(got)));
        ASSERT_FALSE(got == 0 && std::signbit(got));
      }
    }
    for (size_t u = 0; u < unique.size(); ++u) {
      EXPECT_EQ(counts[u][0], seen[u]);
      EXPECT_GT(seen[u], 0);
      if (u == 0) continue;
      EXPECT_FALSE(AreEqual(unique[u - 1], unique[u]));
      EXPECT_FALSE(op == Op::kUnique && IsLess(unique[u], unique[u - 1]));
    }
    if (op == Op::kUnique) return;
    std::vector<Slice> runs;
    for (const Slice& slice : slices) {
      if (runs.empty() || !AreEqual(runs.back(), slice)) runs.push_back(slice);
    }
    EXPECT_EQ(runs.size(), unique.size());
  }

  Engine engine_{{.thread_count = 1}};
};

TEST_P(UniqueTest, HoldsItsDefinition) {
  for (Op op : {Op::kUnique, Op::kUniqueConsecutive}) {
    for (Fill fill : kAllFills) {
      for (const Shape& shape : {Shape{}, Shape{0}, Shape{1}, Shape{40}, Shape{3000}, Shape{200, 3}, Shape{3, 200},
                                 Shape{4, 50, 2}, Shape{2, 0}}) {
        const Tensor tensor = Generate(GetParam(), shape, fill);
        Check(tensor, op, -1);
        if (std::find(shape.begin(), shape.end(), 0) != shape.end()) continue;
        for (size_t dim = 0; dim < shape.size(); ++dim) Check(tensor, op, static_cast<int64_t>(dim));
      }
    }
  }
}

// Enough elements for those of two bytes to be counted.
TEST_P(UniqueTest, HoldsForManyElements) {
  for (Fill fill : {Fill::kSpecial, Fill::kTies}) Check(Generate(GetParam(), {100'000}, fill), Op::kUnique, -1);
}

// Slices without elements, however many there could be.
TEST_P(UniqueTest, NothingIsUniqueAtOnce) {
  for (const Shape& shape : {Shape{2, 0}, Shape{int64_t{1} << 58, 0}, Shape{0}}) {
    const Tensor tensor{GetParam(), shape, {}};
    const auto dim = static_cast<int64_t>(shape.size()) - 1;
    for (Op op : {Op::kUnique, Op::kUniqueConsecutive}) {
      const auto results = engine_.Reduce(tensor.view(), {{.op = op, .dim = {dim}}});
      ASSERT_TRUE(results.ok()) << results.status();
      EXPECT_EQ((*results)[0].outputs[0].shape, shape);
    }
  }
}

// Slices that differ in their last elements only, and groups that split late.
TEST_P(UniqueTest, ComparesWholeSlices) {
  Tensor tensor = Generate(GetParam(), {300, 6}, Fill::kPlain);
  const size_t bytes = ByteSize(GetParam());
  for (size_t row = 0; row < 300; ++row) {
    for (size_t i = 0; i < 5; ++i) {
      std::copy_n(&tensor.data[i * bytes], bytes, &tensor.data[(row * 6 + i) * bytes]);
    }
  }
  for (Op op : {Op::kUnique, Op::kUniqueConsecutive}) Check(tensor, op, 0);
}

TEST_P(UniqueTest, OutputsAreThoseAskedFor) {
  const Tensor tensor = Generate(GetParam(), {50, 2}, Fill::kTies);
  const auto reduce = [&](UniqueOptions options) {
    return (*engine_.Reduce(tensor.view(), {{.op = Op::kUnique, .options = options}}))[0].outputs;
  };
  const auto all = reduce({true, true});
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(reduce({false, false}).size(), 1u);
  EXPECT_EQ(reduce({false, false})[0].data, all[0].data);
  EXPECT_EQ(reduce({true, false})[1].data, all[1].data);
  EXPECT_EQ(reduce({false, true})[1].data, all[2].data);
}

// A tensor whose element i is the one of number source(i) in `from`.
template <class Source>
Tensor Pick(const Tensor& from, int64_t n, const Source& source) {
  const auto size = static_cast<int64_t>(ByteSize(from.dtype));
  Tensor tensor = {from.dtype, {n}, std::vector<std::byte>(static_cast<size_t>(n * size))};
  for (int64_t i = 0; i < n; ++i) std::copy_n(&from.data[source(i) * size], size, &tensor.data[i * size]);
  return tensor;
}

// Compares what is unique among the elements of a tensor with what sorting them, and then comparing neighbours, gives.
void CheckElements(const Tensor& tensor) {
  const auto n = static_cast<size_t>(tensor.shape[0]);
  std::vector<long double> x(n);
  for (size_t i = 0; i < n; ++i) x[i] = ComponentAt(tensor.view(), static_cast<int64_t>(i));
  for (Op op : {Op::kUnique, Op::kUniqueConsecutive}) {
    std::vector<size_t> order(n);
    std::iota(order.begin(), order.end(), size_t{0});
    if (op == Op::kUnique) {
      std::stable_sort(order.begin(), order.end(),
                       [&](size_t a, size_t b) { return std::isnan(x[b]) ? !std::isnan(x[a]) : x[a] < x[b]; });
    }
    std::vector<long double> values;
    std::vector<int64_t> inverse(n), counts;
    for (const size_t i : order) {
      if (values.empty() || Compare(values.back(), x[i]) != 0) {
        values.push_back(x[i]);
        counts.push_back(0);
      }
      ++counts.back();
      inverse[i] = static_cast<int64_t>(values.size()) - 1;
    }
    for (const UniqueOptions& options : {UniqueOptions{true, false}, UniqueOptions{false, true}}) {
      SCOPED_TRACE(absl::StrCat(std::string(Name(tensor.dtype)), " op ", static_cast<int>(op), " inverse ",
                                options.return_inverse, " counts ", options.return_counts));
      const auto results = Engine({.thread_count = 1}).Reduce(tensor.view(), {{.op = op, .options = options}});
      ASSERT_TRUE(results.ok()) << results.status();
      const auto& outputs = (*results)[0].outputs;
      ASSERT_EQ(outputs[0].shape, Shape{static_cast<int64_t>(values.size())});
      for (size_t u = 0; u < values.size(); ++u) {
        const long double got = ComponentAt(outputs[0].view(), static_cast<int64_t>(u));
        ASSERT_TRUE(got == values[u] || (std::isnan(got) && std::isnan(values[u]))) << u;
        ASSERT_FALSE(got == 0 && std::signbit(got)) << u;
      }
      const auto expect = [&](const Tensor& output, const std::vector<int64_t>& want) {
        ASSERT_EQ(output.data.size(), want.size() * sizeof(int64_t));
        EXPECT_EQ(std::memcmp(output.data.data(), want.data(), output.data.size()), 0);
      };
      if (options.return_inverse) expect(outputs[1], inverse);
      if (options.return_counts) expect(outputs.back(), counts);
    }
  }
}

// Runs that straddle the blocks in which elements are looked at, and of NaN; none at all; all equal.
TEST_P(UniqueTest, RunsStraddleBlocks) {
  for (Fill fill : {Fill::kSpecial, Fill::kWide}) {
    const Tensor from = Generate(GetParam(), {20'000}, fill);
    int64_t first = 0;
    while (first < 10'000 && !std::isnan(ComponentAt(from.view(), first))) ++first;
    for (int64_t run : {1, 2, 1000, 4096, 20'000}) {
      CheckElements(Pick(from, 20'000, [&](int64_t i) { return (first + i / run) % 20'000; }));
    }
  }
}

// More elements than are sorted at once, or looked at between two looks at the cancellation flag.
TEST(UniqueElements, HoldForManyMore) {
  constexpr int64_t kCount = (int64_t{1} << 20) + 5000;
  struct Case {
    DType dtype;
    int64_t run;
  };
  for (const auto& [dtype, run] : {Case{DType::kFloat32, 1}, Case{DType::kFloat32, 1000}, Case{DType::kFloat32, kCount},
                                   Case{DType::kInt64, 1}, Case{DType::kUInt8, 1000}}) {
    const Tensor from = Generate(dtype, {kCount}, Fill::kWide);
    CheckElements(Pick(from, kCount, [run = run](int64_t i) { return i / run; }));
  }
}

// Most keys have their highest bits in common, and so have most of those the next.
TEST(UniqueElements, HoldWhereKeysAreCrowded) {
  constexpr int64_t kCount = int64_t{5} << 18;
  std::vector<int64_t> values(kCount);
  for (int64_t i = 0; i < kCount; ++i) values[i] = i % 2 == 0 ? 7 : i * 0x9E3779B1 % 0x100000007;
  values[5] = std::numeric_limits<int64_t>::min();
  values[6] = int64_t{1} << 50;
  const auto bytes = std::as_bytes(std::span(values));
  CheckElements({DType::kInt64, {kCount}, {bytes.begin(), bytes.end()}});
  std::vector<float> floats(values.begin(), values.end());
  const auto float_bytes = std::as_bytes(std::span(floats));
  CheckElements({DType::kFloat32, {kCount}, {float_bytes.begin(), float_bytes.end()}});
}

TEST(UniqueElements, StopWhenCancelled) {
  const Tensor tensor = Generate(DType::kFloat32, {100'000}, Fill::kWide);
  const std::atomic<bool> cancelled = true;
  Engine engine({.thread_count = 1});
  for (Op op : {Op::kUnique, Op::kUniqueConsecutive}) {
    for (bool inverse : {false, true}) {
      const Reduction reduction = {.op = op, .options = UniqueOptions{inverse, false}};
      const auto accumulation = engine.Start(*MakePlan({tensor.dtype, tensor.shape, {reduction}}), &cancelled);
      EXPECT_EQ(accumulation->Append(tensor.data).code(), absl::StatusCode::kCancelled);
    }
  }
}

std::vector<DType> RealDTypes() {
  std::vector<DType> dtypes(kAllDTypes.begin(), kAllDTypes.end());
  std::erase_if(dtypes, IsComplex);
  return dtypes;
}

INSTANTIATE_TEST_SUITE_P(DTypes, UniqueTest, ::testing::ValuesIn(RealDTypes()),
                         [](const auto& test) { return std::string(Name(test.param)); });

}  // namespace
}  // namespace treduce
