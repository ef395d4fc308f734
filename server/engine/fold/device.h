// Stands in for the macros of Highway where TREDUCE_DEVICE is defined: in CUDA kernels, and in their tests on a CPU.
#ifndef TREDUCE_SERVER_ENGINE_FOLD_DEVICE_H_
#define TREDUCE_SERVER_ENGINE_FOLD_DEVICE_H_

#ifdef __CUDACC__
#define HWY_INLINE __host__ __device__ __forceinline__
#else
#define HWY_INLINE inline __attribute__((always_inline))
#endif
#define HWY_NAMESPACE device
#define HWY_BEFORE_NAMESPACE() static_assert(true)
#define HWY_AFTER_NAMESPACE() static_assert(true)
#define HWY_LIKELY(condition) (__builtin_expect(!!(condition), 1))
#define HWY_UNLIKELY(condition) (__builtin_expect(!!(condition), 0))

#endif  // TREDUCE_SERVER_ENGINE_FOLD_DEVICE_H_
