// Faults of the host runtime, for tests of what a device may do.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_HOST_FAULTS_H_
#define TREDUCE_SERVER_ENGINE_CUDA_HOST_FAULTS_H_

#include <string>

#include "server/engine/cuda/runtime.h"

namespace treduce::cuda {

enum class HostCall { kAllocate, kAllocatePinned, kCopyToDevice, kCopyToHost, kCreateStream, kLaunch, kSynchronize };

// A sticky error: the device is lost.
inline constexpr Error kHostDeviceLost = 700;

// The next `count` times, after `skipped` that go well, `call` gives `error`. Not thread-safe.
void Inject(HostCall call, Error error, int count = 1, int skipped = 0);

// What a launch fails with: a fault, or that `stream` is not one of the device that this thread uses.
Error LaunchFault(Stream stream);

// `why_none` where there are none.
void SetHostDevices(int count, std::string why_none = "");

// No faults, and one device.
void ClearHostFaults();

// Bytes of memory, of the device and pinned, that have not been freed.
size_t HostMemoryInUse();

// How often the pool was trimmed.
int HostTrimCount();

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_HOST_FAULTS_H_
