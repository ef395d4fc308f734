// CUDA's own runtime.
#include <cuda_runtime.h>

#include "server/engine/cuda/runtime.h"

namespace treduce::cuda {
namespace {

// Takes the error off the runtime, unless it is there to stay.
Error Taken(cudaError_t error) {
  if (error != cudaSuccess) static_cast<void>(cudaGetLastError());
  return error;
}

cudaStream_t AsStream(Stream stream) { return static_cast<cudaStream_t>(stream); }
cudaEvent_t AsEvent(Event event) { return static_cast<cudaEvent_t>(event); }

}  // namespace

int CountDevices(std::string* why_none) {
  int count = 0;
  const Error error = Taken(cudaGetDeviceCount(&count));
  if (error == cudaSuccess && count > 0) return count;
  int driver = 0;
  static_cast<void>(Taken(cudaDriverGetVersion(&driver)));
  if (driver == 0) {
    *why_none = "there is no CUDA driver";
  } else if (error == cudaErrorInsufficientDriver) {
    *why_none = "the CUDA driver is too old: it knows CUDA " + std::to_string(driver / 1000) + "." +
                std::to_string(driver % 1000 / 10) + ", and " + std::to_string(CUDART_VERSION / 1000) + "." +
                std::to_string(CUDART_VERSION % 1000 / 10) + " is needed";
  } else {
    *why_none = error == cudaSuccess ? "there is no CUDA device" : ErrorText(error);
  }
  return 0;
}

Error DescribeDevice(int device, DeviceInfo* info) {
  cudaDeviceProp properties;
  if (const Error error = Taken(cudaGetDeviceProperties(&properties, device)); error != kSuccess) return error;
  *info = {properties.name, properties.multiProcessorCount, properties.major, properties.minor,
           properties.totalGlobalMem};
  return kSuccess;
}

Error UseDevice(int device) { return Taken(cudaSetDevice(device)); }

Error CreateStream(Stream* stream) {
  return Taken(cudaStreamCreateWithFlags(reinterpret_cast<cudaStream_t*>(stream), cudaStreamNonBlocking));
}
void DestroyStream(Stream stream) { static_cast<void>(Taken(cudaStreamDestroy(AsStream(stream)))); }
Error Synchronize(Stream stream) { return Taken(cudaStreamSynchronize(AsStream(stream))); }

Error CreateEvent(Event* event) {
  return Taken(cudaEventCreateWithFlags(reinterpret_cast<cudaEvent_t*>(event), cudaEventDisableTiming));
}
void DestroyEvent(Event event) { static_cast<void>(Taken(cudaEventDestroy(AsEvent(event)))); }
Error Record(Event event, Stream stream) { return Taken(cudaEventRecord(AsEvent(event), AsStream(stream))); }
Error WaitFor(Event event) { return Taken(cudaEventSynchronize(AsEvent(event))); }

Error Allocate(size_t bytes, Stream stream, void** memory) {
  int device = 0;
  cudaMemPool_t pool;
  if (cudaGetDevice(&device) == cudaSuccess && cudaDeviceGetDefaultMemPool(&pool, device) == cudaSuccess) {
    uint64_t all = UINT64_MAX;  // is kept for the next request
    static_cast<void>(Taken(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &all)));
  }
  return Taken(cudaMallocAsync(memory, bytes, AsStream(stream)));
}
void Free(void* memory, Stream stream) {
  if (memory != nullptr) static_cast<void>(Taken(cudaFreeAsync(memory, AsStream(stream))));
}
void TrimPool(int device) {
  cudaMemPool_t pool;
  static_cast<void>(Taken(cudaDeviceSynchronize()));
  if (Taken(cudaDeviceGetDefaultMemPool(&pool, device)) == kSuccess)
    static_cast<void>(Taken(cudaMemPoolTrimTo(pool, 0)));
}
Error AllocatePinned(size_t bytes, void** memory) { return Taken(cudaHostAlloc(memory, bytes, cudaHostAllocDefault)); }
void FreePinned(void* memory) {
  if (memory != nullptr) static_cast<void>(Taken(cudaFreeHost(memory)));
}

Error CopyToDevice(void* to, const void* from, size_t bytes, Stream stream) {
  return Taken(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, AsStream(stream)));
}
Error CopyToHost(void* to, const void* from, size_t bytes, Stream stream) {
  return Taken(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, AsStream(stream)));
}

std::string ErrorText(Error error) {
  const auto cuda_error = static_cast<cudaError_t>(error);
  return std::string(cudaGetErrorName(cuda_error)) + ": " + cudaGetErrorString(cuda_error);
}

bool IsSticky(Error error) {
  switch (error) {
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchFailure:
    case cudaErrorLaunchTimeout:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorAssert:
    case cudaErrorContained:
    case cudaErrorExternalDevice:
    case cudaErrorTensorMemoryLeak:
    case cudaErrorContextIsDestroyed:
    case cudaErrorDevicesUnavailable:
    case cudaErrorNoDevice:
    case cudaErrorMpsClientTerminated:
    case cudaErrorUnknown:
      return true;
    default:
      return false;
  }
}

}  // namespace treduce::cuda
