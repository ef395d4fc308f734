// The calls to CUDA's runtime that the backend makes, as plain functions: cuda_runtime.cc makes them, and
// host_runtime.cc stands in for a device in tests without one. Errors are cudaError_t, 0 is success; a failed call
// leaves no error behind.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_RUNTIME_H_
#define TREDUCE_SERVER_ENGINE_CUDA_RUNTIME_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace treduce::cuda {

// A cudaStream_t and a cudaEvent_t.
using Stream = void*;
using Event = void*;
// A cudaError_t.
using Error = int;

inline constexpr Error kSuccess = 0;
inline constexpr Error kInvalidValue = 1;  // cudaErrorInvalidValue
inline constexpr Error kOutOfMemory = 2;   // cudaErrorMemoryAllocation

struct DeviceInfo {
  std::string name;
  int multiprocessors;
  int compute_major, compute_minor;
  size_t memory_bytes;
};

// Devices of this machine: 0 and why not, if there is no driver or none that is recent enough.
int CountDevices(std::string* why_none);
Error DescribeDevice(int device, DeviceInfo* info);
// Makes `device` that of this thread's calls.
Error UseDevice(int device);

Error CreateStream(Stream* stream);
void DestroyStream(Stream stream);
Error Synchronize(Stream stream);

Error CreateEvent(Event* event);
void DestroyEvent(Event event);
Error Record(Event event, Stream stream);
Error WaitFor(Event event);

// Memory of the device, in stream order, from a pool that keeps what is freed.
Error Allocate(size_t bytes, Stream stream, void** memory);
void Free(void* memory, Stream stream);
// Gives what the pool keeps back to the device.
void TrimPool(int device);
// Memory of the host that copies need not stage.
Error AllocatePinned(size_t bytes, void** memory);
void FreePinned(void* memory);

Error CopyToDevice(void* to, const void* from, size_t bytes, Stream stream);
Error CopyToHost(void* to, const void* from, size_t bytes, Stream stream);

// "cudaErrorMemoryAllocation: out of memory".
std::string ErrorText(Error error);
// The device's context is lost for this process.
bool IsSticky(Error error);

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_RUNTIME_H_
