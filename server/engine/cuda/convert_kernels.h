// Elements of one dtype written as elements of another, on the device: values/convert.h there.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_CONVERT_KERNELS_H_
#define TREDUCE_SERVER_ENGINE_CUDA_CONVERT_KERNELS_H_

#include <cstdint>

#include "server/engine/cuda/runtime.h"
#include "server/engine/plan/conversion.h"
#include "server/engine/values/dtype.h"

namespace treduce::cuda {

// Enqueues the conversion of `count` elements of `from` at `x` to elements of `to` at `out`, both in memory of the
// device.
Error LaunchConvert(Conversion conversion, DType from, DType to, const void* x, int64_t count, void* out,
                    Stream stream);

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_CONVERT_KERNELS_H_
