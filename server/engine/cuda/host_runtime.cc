// A device made of the host's memory, whose kernels run as in simt_host.h; everything is done before a call returns.
#include <malloc.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "server/engine/cuda/host_faults.h"
#include "server/engine/cuda/runtime.h"

namespace treduce::cuda {
namespace {

struct Fault {
  Error error = kSuccess;
  int skipped = 0;
  int count = 0;
};

std::array<Fault, 7> faults;
int device_count = 1;
std::string why_none_text;
std::atomic<size_t> memory_in_use = 0;
int trim_count = 0;
thread_local int current_device = 0;
char streams[8];  // one of each device

Error Next(HostCall call) {
  Fault& fault = faults[static_cast<size_t>(call)];
  if (fault.count == 0) return kSuccess;
  if (fault.skipped > 0) {
    --fault.skipped;
    return kSuccess;
  }
  --fault.count;
  return fault.error;
}

Error AllocateFor(HostCall call, size_t bytes, void** memory) {
  if (const Error error = Next(call); error != kSuccess) return error;
  *memory = std::malloc(bytes);
  if (*memory == nullptr) return kOutOfMemory;
  memory_in_use += malloc_usable_size(*memory);
  return kSuccess;
}

void Release(void* memory) {
  memory_in_use -= malloc_usable_size(memory);
  std::free(memory);
}

Error Copy(HostCall call, void* to, const void* from, size_t bytes) {
  if (const Error error = Next(call); error != kSuccess) return error;
  if (bytes > 0) std::memcpy(to, from, bytes);
  return kSuccess;
}

}  // namespace

void Inject(HostCall call, Error error, int count, int skipped) {
  faults[static_cast<size_t>(call)] = {error, skipped, count};
}

void SetHostDevices(int count, std::string why_none) {
  device_count = count;
  why_none_text = std::move(why_none);
}

void ClearHostFaults() {
  faults = {};
  SetHostDevices(1);
}

size_t HostMemoryInUse() { return memory_in_use; }
int HostTrimCount() { return trim_count; }

int CountDevices(std::string* why_none) {
  *why_none = why_none_text;
  return device_count;
}

Error DescribeDevice(int, DeviceInfo* info) {
  *info = {"the host, in place of a device", 2, 0, 0, size_t{1} << 30};
  return kSuccess;
}

Error UseDevice(int device) {
  current_device = device;
  return kSuccess;
}

Error CreateStream(Stream* stream) {
  *stream = streams + current_device;
  return Next(HostCall::kCreateStream);
}

Error LaunchFault(Stream stream) {
  if (stream != streams + current_device) return kInvalidValue;
  return Next(HostCall::kLaunch);
}

void DestroyStream(Stream) {}
Error Synchronize(Stream) { return Next(HostCall::kSynchronize); }

Error CreateEvent(Event* event) {
  *event = nullptr;
  return kSuccess;
}
void DestroyEvent(Event) {}
Error Record(Event, Stream) { return kSuccess; }
Error WaitFor(Event) { return kSuccess; }

Error Allocate(size_t bytes, Stream, void** memory) { return AllocateFor(HostCall::kAllocate, bytes, memory); }
void Free(void* memory, Stream) { Release(memory); }
void TrimPool(int) { ++trim_count; }
Error AllocatePinned(size_t bytes, void** memory) { return AllocateFor(HostCall::kAllocatePinned, bytes, memory); }
void FreePinned(void* memory) { Release(memory); }

Error CopyToDevice(void* to, const void* from, size_t bytes, Stream) {
  return Copy(HostCall::kCopyToDevice, to, from, bytes);
}
Error CopyToHost(void* to, const void* from, size_t bytes, Stream) {
  return Copy(HostCall::kCopyToHost, to, from, bytes);
}

std::string ErrorText(Error error) { return "error " + std::to_string(error); }
bool IsSticky(Error error) { return error == kHostDeviceLost; }

}  // namespace treduce::cuda
