// The elements of each output brought together, on the device.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_GATHER_KERNELS_H_
#define TREDUCE_SERVER_ENGINE_CUDA_GATHER_KERNELS_H_

#include <cstddef>

#include "server/engine/cuda/nest_spec.h"
#include "server/engine/cuda/runtime.h"

namespace treduce::cuda {

// Enqueues the copy of the elements of `nest`, of `element_size` bytes (1, 2, 4 or 8) and at `x`, to `out`: those of
// the first output in order, then those of the next. Both are in memory of the device.
Error LaunchGather(const NestSpec& nest, size_t element_size, const void* x, void* out, Stream stream);

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_GATHER_KERNELS_H_
