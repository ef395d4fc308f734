// Launches a kernel, on a GPU or on the host in place of one.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_LAUNCH_H_
#define TREDUCE_SERVER_ENGINE_CUDA_LAUNCH_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "server/engine/cuda/cut.h"
#include "server/engine/cuda/runtime.h"
#include "server/engine/cuda/simt.h"
#ifndef __CUDACC__
#include "server/engine/cuda/host_faults.h"
#endif

namespace treduce::cuda {

// As many blocks as there are, up to what a grid can have; kernels go on where their blocks end.
template <class... Params, class... Args>
Error Launch(void (*kernel)(Params...), int64_t blocks, int threads, size_t shared_bytes, Stream stream,
             const Args&... args) {
  blocks = std::min<int64_t>(blocks, 0x7FFFFFFF);
#ifdef __CUDACC__
  kernel<<<static_cast<unsigned>(blocks), static_cast<unsigned>(threads), shared_bytes,
           static_cast<cudaStream_t>(stream)>>>(args...);
  return cudaGetLastError();
#else
  if (const Error error = LaunchFault(stream); error != kSuccess) return error;
  if (shared_bytes > kSharedBytes) return kInvalidValue;
  RunGrid(blocks, threads, shared_bytes, [&] { kernel(args...); });
  return 0;
#endif
}

inline int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_LAUNCH_H_
