// One CUDA device: its memory, its streams, and what its errors mean.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_DEVICE_H_
#define TREDUCE_SERVER_ENGINE_CUDA_DEVICE_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/engine/cuda/runtime.h"

namespace treduce::cuda {

// Thread-safe.
class Device {
 public:
  // UNAVAILABLE, saying why, when there is no such device or it cannot be used. `memory_limit` is how much of its
  // memory requests may hold together, in bytes; 0 takes nine tenths of it.
  static absl::StatusOr<std::unique_ptr<Device>> Open(int ordinal, size_t memory_limit = 0);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const DeviceInfo& info() const { return info_; }
  int ordinal() const { return ordinal_; }
  size_t memory_limit() const { return memory_limit_; }

  // Not OK once the device is lost to this process: a restart is what helps.
  absl::Status health() const;

  // What one request holds of a device until it is destroyed: a stream, memory, and staging slots while it uploads.
  // Not thread-safe.
  class Lease {
   public:
    // RESOURCE_EXHAUSTED where memory of the device is short, also after what was pooled is given back.
    static absl::StatusOr<std::unique_ptr<Lease>> Take(Device& device, size_t bytes);
    ~Lease();
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    std::byte* memory() const { return memory_; }
    Stream stream() const { return stream_; }

    // Copies `bytes` to offset `at` of the memory. They are read before it returns, and arrive in stream order.
    absl::Status Upload(size_t at, const std::byte* bytes, size_t count);
    // Copies `count` bytes from offset `at` of the memory; they are there after Wait.
    absl::Status Download(size_t at, std::byte* to, size_t count);
    // Waits for all that is enqueued.
    absl::Status Wait();

   private:
    explicit Lease(Device& device) : device_(device) {}

    Device& device_;
    Stream stream_ = nullptr;
    std::byte* memory_ = nullptr;
    size_t bytes_ = 0;
    std::vector<struct Slot*> slots_;  // of the upload under way, the oldest first
  };

  // Pinned memory of the host that an upload of `bytes` may hold.
  static size_t StagingByteCount(size_t bytes);

  // Makes it the device of this thread's calls, which launches need.
  absl::Status Use();

  // OK, or what `error` means to a request; notes that the device is lost where it does.
  absl::Status ToStatus(Error error, absl::string_view doing);

 private:
  friend class Lease;
  Device(int ordinal, DeviceInfo info, size_t memory_limit)
      : ordinal_(ordinal), info_(std::move(info)), memory_limit_(memory_limit) {}

  absl::StatusOr<Stream> TakeStream();
  absl::StatusOr<struct Slot*> TakeSlot();
  // Whether `bytes` more may be held by requests, which they then are.
  bool Hold(size_t bytes);

  const int ordinal_;
  const DeviceInfo info_;
  const size_t memory_limit_;
  std::atomic<size_t> memory_in_use_ = 0;
  mutable std::mutex mutex_;  // of what follows
  std::string lost_;          // why, or empty
  std::vector<Stream> streams_;
  std::vector<struct Slot*> slots_;
};

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_DEVICE_H_
