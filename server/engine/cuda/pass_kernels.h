// The kernels of passes, as plain functions. Needs CUDA only to be linked, and nothing else but the standard library.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_PASS_KERNELS_H_
#define TREDUCE_SERVER_ENGINE_CUDA_PASS_KERNELS_H_

#include <cstddef>
#include <cstdint>

#include "server/engine/cuda/pass_spec.h"
#include "server/engine/cuda/runtime.h"
#include "server/engine/values/dtype.h"

namespace treduce::cuda {

// Cuts a pass over elements of `dtype` whose nest and folds are filled in for a device of so many multiprocessors:
// `leaves`, `run` and what follows but `nodes`. Its results do not depend on how it is cut.
void CutPass(PassSpec& spec, DType dtype, int multiprocessors);

// Bytes of memory that LaunchPass needs for nodes.
size_t NodeByteCount(const PassSpec& spec);

// Enqueues a pass over elements of `dtype` at `spec.x` that has been cut; `nodes` is NodeByteCount bytes of the device.
// REQUIRES: there are elements, aligned to 16 bytes.
Error LaunchPass(DType dtype, PassSpec spec, void* nodes, Stream stream);

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_PASS_KERNELS_H_
