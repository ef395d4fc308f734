// Times the CUDA backend on tensors that are on the device, beside the device's own copy and, where it has the same,
// CUB. Before a cell is timed, its results on the first megabytes are compared with the CPU's, bit for bit. JSON lines
// go to standard output, a cell each.
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "server/engine/cuda/device.h"
#include "server/engine/cuda/device_plan.h"
#include "server/engine/engine.h"
#include "tests/bench/gpu_cub.h"
#include "tests/engine/generate.h"
#include "tests/engine/requests.h"

namespace treduce {
namespace {

void Check(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  std::printf("%s: %s\n", what, cudaGetErrorString(error));
  std::exit(1);
}

struct Cell {
  std::string name;
  DType dtype;
  Shape shape;
  std::vector<Reduction> reductions;
};

int64_t Count(const Shape& shape) {
  int64_t count = 1;
  for (int64_t size : shape) count *= size;
  return count;
}

// Median of the device times of `run`, in seconds.
template <class Run>
double Median(int rounds, const Run& run) {
  cudaEvent_t begin, end;
  Check(cudaEventCreate(&begin), "event");
  Check(cudaEventCreate(&end), "event");
  std::vector<float> times;
  for (int i = 0; i < rounds + 3; ++i) {
    Check(cudaEventRecord(begin, nullptr), "record");
    run(i);
    Check(cudaEventRecord(end, nullptr), "record");
    Check(cudaEventSynchronize(end), "run");
    float ms;
    Check(cudaEventElapsedTime(&ms, begin, end), "time");
    if (i >= 3) times.push_back(ms);
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2] * 1e-3;
}

Reduction Of(Op op, std::vector<int64_t> dim = {}) {
  Reduction reduction;
  reduction.op = op;
  reduction.dim = std::move(dim);
  return reduction;
}

// How the results of `cell` on as much of `data` as its dims behind the first make up whole differ from the CPU's.
std::string Difference(Cell cell, Engine& cpu, const Tensor& data, int multiprocessors) {
  const int64_t count = Count(data.shape);
  cell.shape[0] = std::min(cell.shape[0], count / (Count(cell.shape) / cell.shape[0]));
  const Plan plan = *MakePlan({cell.dtype, cell.shape, cell.reductions});
  const auto device_plan = *cuda::DevicePlan::Make(plan, multiprocessors);
  const auto size = static_cast<size_t>(plan.byte_count);
  auto results = *cpu.Reduce({cell.dtype, cell.shape, absl::MakeConstSpan(data.data).first(size)}, cell.reductions);
  const std::vector<ReductionResult> want = results;
  std::byte* memory;
  const size_t x = device_plan.workspace_byte_count();
  Check(cudaMalloc(reinterpret_cast<void**>(&memory), x + size), "memory");
  Check(cudaMemcpy(memory + x, data.data.data(), size, cudaMemcpyHostToDevice), "upload");
  Check(static_cast<cudaError_t>(device_plan.Launch(memory + x, memory, nullptr)), "launch");
  for (size_t i = 0; i < results.size(); ++i) {
    for (size_t k = 0; k < results[i].outputs.size(); ++k) {
      std::vector<std::byte>& out = results[i].outputs[k].data;
      Check(cudaMemcpy(out.data(), memory + device_plan.outputs(i)[k], out.size(), cudaMemcpyDeviceToHost), "download");
    }
  }
  Check(cudaFree(memory), "free");
  return BitDifference(cell.reductions, results, want);
}

}  // namespace
}  // namespace treduce

int main(int argc, char** argv) {
  using namespace treduce;
  const std::string filter = argc > 1 ? argv[1] : "";
  auto device = cuda::Device::Open(0);
  if (!device.ok()) {
    std::printf("%s\n", std::string(device.status().message()).c_str());
    return 77;
  }
  const int multiprocessors = (*device)->info().multiprocessors;
  std::printf("# %s, %d multiprocessors\n", (*device)->info().name.c_str(), multiprocessors);
  const size_t bytes = size_t{2} << 30;
  std::byte* x;
  std::byte* copy;
  Check(cudaMalloc(reinterpret_cast<void**>(&x), bytes), "malloc");
  Check(cudaMalloc(reinterpret_cast<void**>(&copy), bytes), "malloc");
  Check(cudaMemset(copy, 0, bytes), "memset");
  const double copied =
      Median(20, [&](int) { Check(cudaMemcpyAsync(copy, x, bytes, cudaMemcpyDeviceToDevice, nullptr), "copy"); });
  const double copy_rate = 2.0 * static_cast<double>(bytes) / copied;
  std::printf("# copy %.1f GB/s\n", copy_rate * 1e-9);

  std::vector<Cell> cells;
  const auto add = [&](DType dtype, Shape shape, std::string what, std::vector<Reduction> reductions) {
    std::string name = std::string(Name(dtype)) + " [";
    for (size_t i = 0; i < shape.size(); ++i) name += (i > 0 ? "," : "") + std::to_string(shape[i]);
    name += "] " + what;
    if (name.find(filter) != std::string::npos) cells.push_back({name, dtype, shape, std::move(reductions)});
  };
  const int64_t giga = int64_t{1} << 28;
  for (DType dtype : {DType::kFloat32, DType::kFloat64, DType::kFloat16, DType::kBFloat16, DType::kInt32, DType::kInt64,
                      DType::kUInt8, DType::kInt8, DType::kInt16}) {
    const int64_t n = giga * 4 / static_cast<int64_t>(ByteSize(dtype));
    const bool is_float = IsFloatingPoint(dtype);
    add(dtype, {n}, "sum", {Of(Op::kSum)});
    add(dtype, {n}, "amax", {Of(Op::kAMax)});
    add(dtype, {n}, "argmax", {Of(Op::kArgMax)});
    add(dtype, {n}, "count_nonzero", {Of(Op::kCountNonzero)});
    add(dtype, {n}, "median", {Of(Op::kMedian)});
    if (is_float) {
      add(dtype, {n}, "prod", {Of(Op::kProd)});
      add(dtype, {n}, "nansum", {Of(Op::kNanSum)});
      add(dtype, {n}, "var", {Of(Op::kVar)});
      add(dtype, {n}, "logsumexp", {Of(Op::kLogSumExp)});
      add(dtype, {n}, "vector_norm", {Of(Op::kVectorNorm)});
      add(dtype, {n}, "five", {Of(Op::kSum), Of(Op::kAMin), Of(Op::kAMax), Of(Op::kMean), Of(Op::kStd)});
    }
    for (int64_t row : {1 << 20, 65536, 8192, 4096, 1024, 512, 256, 128, 100, 64, 33, 32, 16, 8, 3}) {
      add(dtype, {n / row, row}, "sum dim=1", {Of(Op::kSum, {1})});
      if (row == 8192 || row == 128 || row == 8) {
        add(dtype, {n / row, row}, "amax dim=1", {Of(Op::kAMax, {1})});
        add(dtype, {n / row, row}, "argmax dim=1", {Of(Op::kArgMax, {1})});
        add(dtype, {n / row, row}, "median dim=1", {Of(Op::kMedian, {1})});
        add(dtype, {n / row, row}, "quantile dim=1", {Of(Op::kQuantile, {1})});
        if (is_float) {
          add(dtype, {n / row, row}, "var dim=1", {Of(Op::kVar, {1})});
          add(dtype, {n / row, row}, "logsumexp dim=1", {Of(Op::kLogSumExp, {1})});
        }
      }
    }
    for (int64_t width : {8192, 1024, 256, 64, 32, 16, 8, 3}) {
      add(dtype, {n / width, width}, "sum dim=0", {Of(Op::kSum, {0})});
      if (width == 8192 || width == 8) {
        add(dtype, {n / width, width}, "amax dim=0", {Of(Op::kAMax, {0})});
        add(dtype, {n / width, width}, "median dim=0", {Of(Op::kMedian, {0})});
        if (is_float) add(dtype, {n / width, width}, "var dim=0", {Of(Op::kVar, {0})});
      }
    }
    add(dtype, {n / (1024 * 1024), 1024, 1024}, "sum dim=1", {Of(Op::kSum, {1})});
    add(dtype, {n / (64 * 3136), 64, 56, 56}, "sum dim=0,2,3", {Of(Op::kSum, {0, 2, 3})});
    add(dtype, {16384}, "sum", {Of(Op::kSum)});
    add(dtype, {1 << 20}, "sum", {Of(Op::kSum)});
  }
  Engine cpu({.use_cuda = false});
  Tensor data;
  for (const Cell& cell : cells) {
    if (data.data.empty() || cell.dtype != data.dtype) {
      data = Generate(cell.dtype, {(8 << 20) / static_cast<int64_t>(ByteSize(cell.dtype)) + 7}, Fill::kPlain);
      for (size_t at = 0; at < bytes; at += data.data.size()) {
        const size_t now = std::min(data.data.size(), bytes - at);
        Check(cudaMemcpy(x + at, data.data.data(), now, cudaMemcpyHostToDevice), "fill");
      }
    }
    const auto plan = MakePlan({cell.dtype, cell.shape, cell.reductions});
    if (!plan.ok()) continue;
    const auto device_plan = cuda::DevicePlan::Make(*plan, multiprocessors);
    if (!device_plan.ok()) continue;
    if (const std::string difference = Difference(cell, cpu, data, multiprocessors); !difference.empty()) {
      std::printf("%s: %s\n", cell.name.c_str(), difference.c_str());
      return 1;
    }
    std::byte* workspace;
    Check(cudaMalloc(reinterpret_cast<void**>(&workspace), device_plan->workspace_byte_count() + 256), "workspace");
    const auto size = static_cast<size_t>(plan->byte_count);
    // Small ones many at a time, so that it is not the host that is timed; another part of the memory each time, where
    // the cache could hold it.
    const int repeats = size < (size_t{8} << 20) ? 32 : 1;
    const size_t places = std::max<size_t>(1, std::min<size_t>(64, bytes / size));
    const double seconds =
        Median(size > (size_t{64} << 20) ? 7 : 31,
               [&](int i) {
                 for (int k = 0; k < repeats; ++k) {
                   const size_t at = static_cast<size_t>(i * repeats + k) % places * size / 256 * 256;
                   const cuda::Error error = device_plan->Launch(x + (at + size <= bytes ? at : 0), workspace, nullptr);
                   if (error != 0) {
                     std::printf("%s: launch: %s\n", cell.name.c_str(), cuda::ErrorText(error).c_str());
                     std::exit(1);
                   }
                 }
               }) /
        repeats;
    Check(cudaFree(workspace), "free");
    const double moved = static_cast<double>(plan->byte_count + plan->result_byte_count);
    std::printf("{\"cell\":\"%s\",\"us\":%.2f,\"vs_copy\":%.3f", cell.name.c_str(), seconds * 1e6,
                moved / seconds / copy_rate);
    std::function<void()> cub;
    if (cell.shape.size() == 1 && cell.reductions.size() == 1 && repeats == 1) {
      cub = CubReduction(std::string_view(cell.name).substr(cell.name.rfind(' ') + 1), cell.dtype, x, cell.shape[0]);
    }
    if (cub) std::printf(",\"vs_cub\":%.3f", Median(7, [&](int) { cub(); }) / seconds);
    std::printf("}\n");
    std::fflush(stdout);
  }
  return 0;
}
