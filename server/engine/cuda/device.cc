// Streams and staging slots are pooled, since making them takes milliseconds; memory is pooled by the runtime.
#include "server/engine/cuda/device.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/engine/backend.h"
#include "server/engine/values/errors.h"

namespace treduce::cuda {

// A piece of pinned memory, and the event after which what is in it has been copied.
struct Slot {
  std::byte* memory = nullptr;
  Event event = nullptr;
  bool is_recorded = false;
};

namespace {

constexpr size_t kSlotBytes = 8 << 20;
// Of an upload: one is filled while the others are on their way.
constexpr size_t kSlotsOfUpload = 3;
// Kept for uploads to come.
constexpr size_t kIdleSlots = 16;

absl::Status Lost(absl::string_view text) {
  return treduce::Error(absl::StatusCode::kUnavailable, {kDeviceLost, "", ""}, std::string(text));
}

void Destroy(Slot* slot) {
  FreePinned(slot->memory);
  if (slot->event != nullptr) DestroyEvent(slot->event);
  delete slot;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Device>> Device::Open(int ordinal, size_t memory_limit) {
  std::string why_none;
  const int count = CountDevices(&why_none);
  if (count == 0) return absl::UnavailableError(why_none);
  if (ordinal >= count) {
    return absl::UnavailableError(absl::StrCat("there is no CUDA device ", ordinal, ", only ", count));
  }
  DeviceInfo info;
  if (const cuda::Error error = DescribeDevice(ordinal, &info); error != kSuccess) {
    return absl::UnavailableError(absl::StrCat("CUDA device ", ordinal, ": ", ErrorText(error)));
  }
  if (memory_limit == 0) memory_limit = info.memory_bytes / 10 * 9;
  std::unique_ptr<Device> device(new Device(ordinal, std::move(info), memory_limit));
  // A context, and what else fails where there is a driver but no use in it.
  absl::StatusOr<std::unique_ptr<Lease>> first = Lease::Take(*device, 1);
  if (!first.ok()) return absl::UnavailableError(first.status().message());
  return device;
}

Device::~Device() {
  UseDevice(ordinal_);
  for (Stream stream : streams_) DestroyStream(stream);
  for (Slot* slot : slots_) Destroy(slot);
}

size_t Device::StagingByteCount(size_t bytes) {
  return std::clamp<size_t>((bytes + kSlotBytes - 1) / kSlotBytes, 1, kSlotsOfUpload) * kSlotBytes;
}

absl::Status Device::Use() { return ToStatus(UseDevice(ordinal_), "choosing it"); }

absl::Status Device::health() const {
  const std::lock_guard lock(mutex_);
  return lost_.empty() ? absl::OkStatus() : Lost(lost_);
}

absl::Status Device::ToStatus(cuda::Error error, absl::string_view doing) {
  if (error == kSuccess) return absl::OkStatus();
  const std::string text = absl::StrCat("CUDA device ", ordinal_, ", ", doing, ": ", ErrorText(error));
  if (error == kOutOfMemory)
    return treduce::Error(absl::StatusCode::kResourceExhausted, {kDeviceMemoryExhausted, "", ""}, text);
  if (IsSticky(error)) {
    const std::lock_guard lock(mutex_);
    if (lost_.empty()) lost_ = text;
  }
  return Lost(text);
}

absl::StatusOr<Stream> Device::TakeStream() {
  {
    const std::lock_guard lock(mutex_);
    if (!streams_.empty()) {
      const Stream stream = streams_.back();
      streams_.pop_back();
      return stream;
    }
  }
  Stream stream;
  if (absl::Status made = ToStatus(CreateStream(&stream), "making a stream"); !made.ok()) return made;
  return stream;
}

absl::StatusOr<Slot*> Device::TakeSlot() {
  {
    const std::lock_guard lock(mutex_);
    if (!slots_.empty()) {
      Slot* slot = slots_.back();
      slots_.pop_back();
      return slot;
    }
  }
  auto slot = std::make_unique<Slot>();
  void* memory;
  if (absl::Status made = ToStatus(AllocatePinned(kSlotBytes, &memory), "pinning memory"); !made.ok()) return made;
  slot->memory = static_cast<std::byte*>(memory);
  if (absl::Status made = ToStatus(CreateEvent(&slot->event), "making an event"); !made.ok()) {
    Destroy(slot.release());
    return made;
  }
  return slot.release();
}

bool Device::Hold(size_t bytes) {
  size_t held = memory_in_use_;
  do {
    if (bytes > memory_limit_ - held) return false;
  } while (!memory_in_use_.compare_exchange_weak(held, held + bytes));
  return true;
}

absl::StatusOr<std::unique_ptr<Device::Lease>> Device::Lease::Take(Device& device, size_t bytes) {
  if (absl::Status health = device.health(); !health.ok()) return health;
  if (absl::Status used = device.Use(); !used.ok()) return used;
  std::unique_ptr<Lease> lease(new Lease(device));
  if (!device.Hold(bytes)) {
    return treduce::Error(
        absl::StatusCode::kResourceExhausted, {kDeviceMemoryExhausted, "", absl::StrCat(device.memory_limit_)},
        absl::StrCat("CUDA device ", device.ordinal_, ": ", bytes, " bytes are more than is left of the ",
                     device.memory_limit_, " that requests may hold"));
  }
  lease->bytes_ = bytes;
  absl::StatusOr<Stream> stream = device.TakeStream();
  if (!stream.ok()) return stream.status();
  lease->stream_ = *stream;
  void* memory = nullptr;
  cuda::Error error = Allocate(bytes, lease->stream_, &memory);
  if (error == kOutOfMemory) {
    TrimPool(device.ordinal_);
    error = Allocate(bytes, lease->stream_, &memory);
  }
  if (absl::Status allocated = device.ToStatus(error, absl::StrCat("allocating ", bytes, " bytes")); !allocated.ok()) {
    return allocated;
  }
  lease->memory_ = static_cast<std::byte*>(memory);
  return lease;
}

Device::Lease::~Lease() {
  UseDevice(device_.ordinal_);
  // What they hold may be on its way.
  if (!slots_.empty()) static_cast<void>(device_.ToStatus(Synchronize(stream_), "ending"));
  Free(memory_, stream_);
  device_.memory_in_use_ -= bytes_;
  {
    const std::lock_guard lock(device_.mutex_);
    if (stream_ != nullptr) device_.streams_.push_back(stream_);
    while (!slots_.empty() && device_.slots_.size() < kIdleSlots) {
      device_.slots_.push_back(slots_.back());
      slots_.pop_back();
    }
  }
  for (Slot* slot : slots_) Destroy(slot);
}

absl::Status Device::Lease::Upload(size_t at, const std::byte* bytes, size_t count) {
  if (absl::Status used = device_.Use(); !used.ok()) return used;
  while (count > 0) {
    Slot* slot;
    if (slots_.size() * kSlotBytes < StagingByteCount(bytes_ - at)) {
      absl::StatusOr<Slot*> taken = device_.TakeSlot();
      if (!taken.ok()) return taken.status();
      slot = *taken;
      slot->is_recorded = false;
    } else {
      slot = slots_.front();
      slots_.erase(slots_.begin());
    }
    slots_.push_back(slot);
    if (slot->is_recorded) {
      if (absl::Status done = device_.ToStatus(WaitFor(slot->event), "uploading"); !done.ok()) return done;
    }
    const size_t now = std::min(count, kSlotBytes);
    std::memcpy(slot->memory, bytes, now);
    cuda::Error error = CopyToDevice(memory_ + at, slot->memory, now, stream_);
    if (error == kSuccess) error = Record(slot->event, stream_);
    if (absl::Status copied = device_.ToStatus(error, "uploading"); !copied.ok()) return copied;
    slot->is_recorded = true;
    at += now;
    bytes += now;
    count -= now;
  }
  return absl::OkStatus();
}

absl::Status Device::Lease::Download(size_t at, std::byte* to, size_t count) {
  return device_.ToStatus(CopyToHost(to, memory_ + at, count, stream_), "downloading");
}

absl::Status Device::Lease::Wait() { return device_.ToStatus(Synchronize(stream_), "reducing"); }

}  // namespace treduce::cuda
