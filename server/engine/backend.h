// Where reductions run: the CPU, or a device. Whichever it is, results are the same bits.
#ifndef TREDUCE_SERVER_ENGINE_BACKEND_H_
#define TREDUCE_SERVER_ENGINE_BACKEND_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/engine/accumulation.h"
#include "server/engine/plan/plan.h"

namespace treduce {

// Reasons of the errors of devices (ErrorDetail, server/engine/values/errors.h).
inline constexpr char kDeviceLost[] = "DEVICE_LOST";
inline constexpr char kDeviceMemoryExhausted[] = "DEVICE_MEMORY_EXHAUSTED";
inline constexpr char kUnsupportedByDevice[] = "UNSUPPORTED_BY_DEVICE";

// Thread-safe.
class Backend {
 public:
  virtual ~Backend() = default;

  // As PyTorch names devices: "cpu", "cuda:0".
  virtual std::string_view name() const = 0;
  // For people: "AVX2, 16 threads", "NVIDIA H200".
  virtual std::string_view description() const = 0;
  // Memory of its own that requests may hold together; 0 where it is the process's.
  virtual int64_t memory_bytes() const = 0;

  // UNAVAILABLE, saying why, once it can reduce nothing any more.
  virtual absl::Status health() const = 0;

  // How long a tensor in the memory of the host should take it; infinite for what it does not take.
  virtual absl::Duration Estimate(const Plan& plan) const = 0;

  // Upper bound of the memory of the host, in bytes, that an accumulation of `plan` holds. Saturates at 2^63 - 1.
  virtual int64_t HostByteCount(const Plan& plan) const = 0;

  // An accumulation, which may outlive neither the backend nor `cancelled` (which may be null). The CPU takes every
  // plan. A device answers UNIMPLEMENTED for what it has no kernels for, RESOURCE_EXHAUSTED when its memory does not do
  // and UNAVAILABLE when it is lost; its accumulations may end in the latter two as well.
  virtual absl::StatusOr<std::unique_ptr<Accumulation>> Start(Plan plan, const std::atomic<bool>* cancelled) = 0;
};

// Whether a device has failed, or has refused, what the CPU can still do: whether the reason is one of the above.
bool IsDeviceFailure(const absl::Status& status);

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_BACKEND_H_
