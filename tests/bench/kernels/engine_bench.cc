// Single kernels, as a Google Benchmark program: Engine::Reduce on one thread, on tensors in the cache (64 Ki elements)
// and in memory (64 Mi). Its names are OP/DTYPE/SHAPE/SIZE, for --benchmark_filter.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/engine/engine.h"
#include "server/engine/plan/op_registry.h"
#include "server/engine/plan/plan.h"
#include "tests/bench/kernels/data.h"

namespace treduce::bench {
namespace {

constexpr DType kDTypes[] = {DType::kFloat32, DType::kFloat64, DType::kFloat16, DType::kBFloat16,
                             DType::kInt32,   DType::kInt64,   DType::kUInt8,   DType::kBool};

// One way to lay out 2^16 and 2^26 elements.
struct Layout {
  std::string_view name;
  std::vector<int64_t> cached;
  std::vector<int64_t> large;
  std::vector<int64_t> dim;
};

const std::vector<Layout>& Layouts() {
  static const auto& layouts = *new std::vector<Layout>{
      {"whole", {1 << 16}, {1 << 26}, {}},
      {"rows", {256, 256}, {8192, 8192}, {1}},
      {"columns", {256, 256}, {8192, 8192}, {0}},
      {"middle", {4, 128, 128}, {64, 1024, 1024}, {1}},
      {"rows_of_8", {1 << 13, 8}, {1 << 23, 8}, {1}},
      {"columns_of_8", {8, 1 << 13}, {8, 1 << 23}, {0}},
      {"channels", {4, 16, 32, 32}, {32, 64, 128, 256}, {0, 2, 3}},
  };
  return layouts;
}

// Elements of the last dtype and fill asked for; benchmarks are ordered such that few are made twice.
absl::Span<const std::byte> Elements(DType dtype, Fill fill, size_t count) {
  static auto& made = *new std::vector<std::byte>;
  static std::pair<DType, Fill> made_of;
  const size_t size = count * ByteSize(dtype);
  if (made.size() < size || made_of != std::pair(dtype, fill)) {
    made_of = {dtype, fill};
    made.resize(size);
    FillElements(dtype, fill, absl::MakeSpan(made));
  }
  return absl::MakeSpan(made).first(size);
}

void Run(benchmark::State& state, const TensorView& untouched, std::string_view op, std::vector<Reduction> reductions) {
  static auto& engine = *new Engine({.thread_count = 1});
  TensorView tensor = untouched;
  int64_t count = 1;
  for (int64_t extent : tensor.shape) count *= extent;
  tensor.data = Elements(tensor.dtype, FillOf(op), static_cast<size_t>(count));
  for (auto _ : state) {
    auto results = engine.Reduce(tensor, reductions);
    if (!results.ok()) return state.SkipWithError(results.status().ToString().c_str());
    benchmark::DoNotOptimize(results);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(tensor.data.size()));
}

// One benchmark for each size, unless a plan is refused, as those of ops that do not take the dtype or dims are.
void Register(std::string_view op, DType dtype, const Layout& layout, const std::vector<Reduction>& reductions) {
  for (const auto& [size, extents] : {std::pair("cached", &layout.cached), std::pair("large", &layout.large)}) {
    const Shape shape(extents->begin(), extents->end());
    if (!MakePlan({dtype, shape, reductions}).ok()) continue;
    const std::string name =
        absl::StrCat(std::string(op), "/", std::string(Name(dtype)), "/", std::string(layout.name), "/", size);
    benchmark::RegisterBenchmark(name.c_str(), [=, op = std::string(op)](benchmark::State& state) {
      Run(state, {.dtype = dtype, .shape = shape, .data = {}}, op, reductions);
    });
  }
}

void RegisterAll() {
  for (DType dtype : kDTypes) {
    for (Fill fill : {Fill::kPlain, Fill::kFactors, Fill::kZeros, Fill::kOnes}) {
      for (const Layout& layout : Layouts()) {
        for (const OpInfo& op : AllOps()) {
          if (FillOf(op.name) == fill) Register(op.name, dtype, layout, {{.op = op.op, .dim = layout.dim}});
        }
      }
    }
    for (const Layout& layout : Layouts()) {
      std::vector<Reduction> fused;
      for (Op op : {Op::kSum, Op::kAMin, Op::kAMax, Op::kMean, Op::kStd})
        fused.push_back({.op = op, .dim = layout.dim});
      Register("fused", dtype, layout, fused);
    }
  }
}

}  // namespace
}  // namespace treduce::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  treduce::bench::KeepFreedMemory();
  treduce::bench::RegisterAll();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
