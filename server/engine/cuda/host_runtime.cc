// One device made of the host's memory, whose kernels run as in simt_host.h; everything is done before a call returns.
#include <cstdlib>
#include <cstring>

#include "server/engine/cuda/runtime.h"

namespace treduce::cuda {

int CountDevices(std::string*) { return 1; }

Error DescribeDevice(int, DeviceInfo* info) {
  *info = {"the host, in place of a device", 2, 0, 0, size_t{1} << 30};
  return kSuccess;
}

Error UseDevice(int) { return kSuccess; }

Error CreateStream(Stream* stream) {
  *stream = nullptr;
  return kSuccess;
}
void DestroyStream(Stream) {}
Error Synchronize(Stream) { return kSuccess; }

Error CreateEvent(Event* event) {
  *event = nullptr;
  return kSuccess;
}
void DestroyEvent(Event) {}
Error Record(Event, Stream) { return kSuccess; }
Error WaitFor(Event) { return kSuccess; }

Error Allocate(size_t bytes, Stream, void** memory) {
  *memory = std::malloc(bytes);
  return *memory == nullptr ? kOutOfMemory : kSuccess;
}
void Free(void* memory, Stream) { std::free(memory); }
void TrimPool(int) {}
Error AllocatePinned(size_t bytes, void** memory) { return Allocate(bytes, nullptr, memory); }
void FreePinned(void* memory) { std::free(memory); }

Error CopyToDevice(void* to, const void* from, size_t bytes, Stream) {
  if (bytes > 0) std::memcpy(to, from, bytes);
  return kSuccess;
}
Error CopyToHost(void* to, const void* from, size_t bytes, Stream) {
  if (bytes > 0) std::memcpy(to, from, bytes);
  return kSuccess;
}

std::string ErrorText(Error error) { return "error " + std::to_string(error); }
bool IsSticky(Error) { return false; }

}  // namespace treduce::cuda
