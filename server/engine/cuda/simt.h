// What kernels are written with: the thread's place, warps and blocks. On a GPU these are CUDA's; elsewhere, where the
// kernels are tested without one, those of a block run as fibers of one thread (simt_host.h).
#ifndef TREDUCE_SERVER_ENGINE_CUDA_SIMT_H_
#define TREDUCE_SERVER_ENGINE_CUDA_SIMT_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace treduce::cuda {
inline constexpr int kWarpSize = 32;
}  // namespace treduce::cuda

#ifdef __CUDACC__

#include <cuda_runtime.h>

#define TREDUCE_KERNEL __global__
#define TREDUCE_DEVICE_FUNCTION __device__ __forceinline__
#define TREDUCE_CONSTANT const __grid_constant__
#define TREDUCE_LAUNCH_BOUNDS(threads, blocks) __launch_bounds__(threads, blocks)

namespace treduce::cuda {

TREDUCE_DEVICE_FUNCTION int ThreadIndex() { return static_cast<int>(threadIdx.x); }
TREDUCE_DEVICE_FUNCTION int BlockSize() { return static_cast<int>(blockDim.x); }
TREDUCE_DEVICE_FUNCTION int64_t BlockIndex() { return blockIdx.x; }
TREDUCE_DEVICE_FUNCTION int64_t GridSize() { return gridDim.x; }
TREDUCE_DEVICE_FUNCTION void Barrier() { __syncthreads(); }
TREDUCE_DEVICE_FUNCTION void WarpBarrier() { __syncwarp(); }

// What goes from lane to lane stays within as many neighbours as kThreads says; all of the warp take part in it.
template <int kThreads = kWarpSize, class T>
TREDUCE_DEVICE_FUNCTION T ShuffleDown(T value, int lanes) {
  return __shfl_down_sync(0xFFFFFFFFu, value, lanes, kThreads);
}
template <class T>
TREDUCE_DEVICE_FUNCTION T ShuffleXor(T value, int lanes) {
  return __shfl_xor_sync(0xFFFFFFFFu, value, lanes);
}
// The value of the first of them.
template <int kThreads = kWarpSize, class T>
TREDUCE_DEVICE_FUNCTION T FromFirstLane(T value) {
  return __shfl_sync(0xFFFFFFFFu, value, 0, kThreads);
}
// Adds to what other threads of the grid add to, or take the minimum of.
TREDUCE_DEVICE_FUNCTION void AtomicAdd(uint32_t* to, uint32_t value) { atomicAdd(to, value); }
TREDUCE_DEVICE_FUNCTION void AtomicAdd(uint64_t* to, uint64_t value) {
  atomicAdd(reinterpret_cast<unsigned long long*>(to), static_cast<unsigned long long>(value));
}
// Adds one, and returns what was there.
TREDUCE_DEVICE_FUNCTION uint32_t AtomicNext(uint32_t* to) { return atomicAdd(to, 1u); }
TREDUCE_DEVICE_FUNCTION void AtomicMin(uint64_t* to, uint64_t value) {
  atomicMin(reinterpret_cast<unsigned long long*>(to), static_cast<unsigned long long>(value));
}
// Bits up to the highest one that is set.
TREDUCE_DEVICE_FUNCTION int BitWidth(uint32_t bits) { return 32 - __clz(static_cast<int>(bits)); }
TREDUCE_DEVICE_FUNCTION int BitWidth(uint64_t bits) { return 64 - __clzll(static_cast<long long>(bits)); }
TREDUCE_DEVICE_FUNCTION std::byte* SharedMemory() {
  extern __shared__ __align__(16) unsigned char memory[];
  return reinterpret_cast<std::byte*>(memory);
}

}  // namespace treduce::cuda

#else

#include "server/engine/cuda/simt_host.h"

#endif

// Unrolls the loop that follows by so much.
#define TREDUCE_PRAGMA(text) _Pragma(#text)
#ifdef __CUDACC__
#define TREDUCE_UNROLL_BY(count) TREDUCE_PRAGMA(unroll count)
#else
#define TREDUCE_UNROLL_BY(count)
#endif

namespace treduce::cuda {

TREDUCE_DEVICE_FUNCTION int Lane() { return ThreadIndex() % kWarpSize; }
TREDUCE_DEVICE_FUNCTION int Warp() { return ThreadIndex() / kWarpSize; }

// The values of `lanes` neighbours, a power of two, joined everywhere.
template <class T, class Join>
TREDUCE_DEVICE_FUNCTION T JoinOver(int lanes, T value, Join join) {
  for (int k = lanes / 2; k > 0; k /= 2) value = join(value, ShuffleXor(value, k));
  return value;
}

// The largest of the values of the warp, or of kThreads neighbours, everywhere.
template <int kThreads = kWarpSize, class T>
TREDUCE_DEVICE_FUNCTION T WarpMax(T value) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  if constexpr (sizeof(T) == 4 && kThreads == kWarpSize) return __reduce_max_sync(0xFFFFFFFFu, value);
#endif
  return JoinOver(kThreads, value, [](T a, T b) { return a < b ? b : a; });
}

template <int kThreads = kWarpSize, class T>
TREDUCE_DEVICE_FUNCTION T WarpMin(T value) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  if constexpr (sizeof(T) == 4 && kThreads == kWarpSize) return __reduce_min_sync(0xFFFFFFFFu, value);
#endif
  return JoinOver(kThreads, value, [](T a, T b) { return b < a ? b : a; });
}

// The sum of the warp's values, everywhere.
template <class T>
TREDUCE_DEVICE_FUNCTION T WarpSum(T value) {
#ifdef __CUDACC__
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  if constexpr (sizeof(T) == 4) return __reduce_add_sync(0xFFFFFFFFu, value);
#endif
  return JoinOver(kWarpSize, value, [](T a, T b) { return a + b; });
#else
  return static_cast<T>(SumOfWarp(static_cast<uint64_t>(value)));
#endif
}

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_SIMT_H_
