// Reductions of CUB, which the CUDA toolkit comes with, for gpu_bench to time beside ours.
#ifndef TREDUCE_TESTS_BENCH_GPU_CUB_H_
#define TREDUCE_TESTS_BENCH_GPU_CUB_H_

#include <cstdint>
#include <functional>
#include <string_view>

#include "server/engine/values/dtype.h"

namespace treduce {

// Enqueues CUB's `op` over all `count` elements of `dtype` at `x`, on the device; its memory lives as long as the
// function. Empty where CUB has nothing alike: it has "sum", "amax" and "argmax" of the types that it adds up as they
// are.
std::function<void()> CubReduction(std::string_view op, DType dtype, const void* x, int64_t count);

}  // namespace treduce

#endif  // TREDUCE_TESTS_BENCH_GPU_CUB_H_
