// One request being executed: from its arrival to its results, with its place in the byte budget and its clock.
#ifndef TREDUCE_SERVER_EXECUTION_H_
#define TREDUCE_SERVER_EXECUTION_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/admission.h"
#include "server/engine/engine.h"
#include "server/rpc/call.h"
#include "server/wire.h"

namespace treduce {

// Not thread-safe: one caller at a time, on any thread.
class Execution {
 public:
  using Slices = absl::Span<const absl::Span<const std::byte>>;

  // Of a call that has just arrived. The engine and the call must outlive it.
  Execution(Engine& engine, const rpc::Call& call) : engine_(engine), call_(call) {}

  // Takes a place. RESOURCE_EXHAUSTED when there is none. Call first.
  absl::Status Admit(Admission& admission);

  // Counts time from now on: for calls that have waited for their request.
  void RestartClock() {
    arrival_ = admission_ = Clock::now();
    info_.queue_time = absl::ZeroDuration();
  }

  // Chooses where it runs, as Engine::Choose, or the CPU where the choice is open and the budget has no room for a
  // device; charges the budget for the accumulation, and for `message_bytes` of messages that are held meanwhile.
  // RESOURCE_EXHAUSTED when there is no room. Call second.
  absl::Status Start(Plan plan, std::string_view device, int64_t message_bytes);

  // Charges for `byte_count` more, as long as the results are charged: for copies of them. Call after Start.
  absl::Status ChargeCopies(int64_t byte_count);
  // The most that the results may be.
  int64_t result_bytes() const { return result_bytes_; }

  // Whether folding these slices may take so long that it belongs on a worker.
  bool TakesLong(Slices slices) const;
  // Whether finishing may.
  bool TakesLong() const;

  // Folds slices and takes them off the front, until none is left or a short time has passed. CANCELLED and
  // DEADLINE_EXCEEDED are looked at in between.
  absl::Status Fold(Slices& slices);

  // Whether the CPU may take over where a device has ended the execution in `status`.
  bool MayFallBack(const absl::Status& status) const;
  // Whether it does; the tensor is then to be folded anew, from its beginning.
  bool FallBack(const absl::Status& status);

  // The results, which stay charged to the budget until the last reference to them is gone. Call once.
  absl::StatusOr<SharedResults> Finish();

  // Since the call arrived, or its clock was started again.
  absl::Duration age() const { return absl::FromChrono(Clock::now() - arrival_); }

  // Complete after Finish.
  const ExecutionInfo& info() const { return info_; }

 private:
  using Clock = std::chrono::steady_clock;

  // What has ended the call, if anything has.
  absl::Status Interruption() const;
  // Makes the accumulation, on the thread that first needs it. The CPU takes over from a device that cannot.
  absl::Status Prepare();
  // Charges for what backend_ holds, and for messages.
  absl::Status ChargeStates(int64_t message_bytes);
  // Charges for the CPU in place of a device that has failed in `status`; false where that is not to be.
  bool ChargeForCpu(const absl::Status& status);

  Engine& engine_;
  const rpc::Call& call_;
  Clock::time_point arrival_ = Clock::now();
  Clock::time_point admission_;
  std::optional<Admission::Ticket> ticket_;
  Plan plan_;  // until an accumulation on the CPU has it
  Backend* backend_ = nullptr;
  bool device_is_open_ = false;  // the choice was the engine's
  int64_t reduction_count_ = 0;
  int64_t result_bytes_ = 0;
  int64_t state_bytes_ = 0;  // with the results
  int64_t copy_bytes_ = 0;
  std::unique_ptr<Accumulation> accumulation_;
  ExecutionInfo info_;
};

}  // namespace treduce

#endif  // TREDUCE_SERVER_EXECUTION_H_
