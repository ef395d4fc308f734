#include <cub/device/device_reduce.cuh>
#include <memory>

#include "tests/bench/gpu_cub.h"

namespace treduce {
namespace {

std::shared_ptr<void> DeviceMemory(size_t bytes) {
  void* memory = nullptr;
  if (cudaMalloc(&memory, bytes) != cudaSuccess) return nullptr;
  return {memory, [](void* owned) { cudaFree(owned); }};
}

// `reduce(memory, byte_count)` says how much memory it needs when it is given none.
template <class Reduce>
std::function<void()> Prepared(Reduce reduce) {
  size_t byte_count = 0;
  if (reduce(nullptr, byte_count) != cudaSuccess) return {};
  std::shared_ptr<void> memory = DeviceMemory(byte_count);
  if (memory == nullptr) return {};
  return [=]() mutable { reduce(memory.get(), byte_count); };
}

template <class T>
std::function<void()> ReductionOf(std::string_view op, const void* x, int64_t count) {
  const T* elements = static_cast<const T*>(x);
  const std::shared_ptr<void> result = DeviceMemory(2 * sizeof(int64_t));
  if (result == nullptr) return {};
  return Prepared([=](void* memory, size_t& byte_count) {
    T* value = static_cast<T*>(result.get());
    if (op == "sum") return cub::DeviceReduce::Sum(memory, byte_count, elements, value, count);
    if (op == "amax") return cub::DeviceReduce::Max(memory, byte_count, elements, value, count);
    if (op != "argmax") return cudaErrorInvalidValue;
    auto* index = static_cast<int64_t*>(result.get()) + 1;
    return cub::DeviceReduce::ArgMax(memory, byte_count, elements, value, index, count);
  });
}

}  // namespace

std::function<void()> CubReduction(std::string_view op, DType dtype, const void* x, int64_t count) {
  switch (dtype) {
    case DType::kFloat32:
      return ReductionOf<float>(op, x, count);
    case DType::kFloat64:
      return ReductionOf<double>(op, x, count);
    case DType::kInt32:
      return ReductionOf<int32_t>(op, x, count);
    case DType::kInt64:
      return ReductionOf<int64_t>(op, x, count);
    default:
      return {};
  }
}

}  // namespace treduce
