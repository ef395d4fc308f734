// Executes requests in short steps, so that each can be done on the right thread and stopped in time.
#include "server/execution.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "absl/time/clock.h"

namespace treduce {
namespace {

// What a receiving thread may spend on one request before others have waited too long. Moving to a worker and back
// costs 20 us.
constexpr absl::Duration kShort = absl::Microseconds(250);

// Until a request's own speed is known: what a fold does at least, for nearly all ops and dtypes.
constexpr double kBytesPerSecond = 4e9;

// States beyond this size take long to set up and to finish, whatever the bytes folded into them.
constexpr int64_t kLongStateBytes = 1 << 20;

// A call is looked at for cancellation after each so many bytes. gRPC's slices are no longer; those of a client in the
// same process may be.
constexpr size_t kPieceBytes = 64 << 10;

// Keeps results charged.
struct HeldResults {
  Admission::Ticket ticket;
  std::vector<ReductionResult> results;
};

}  // namespace

absl::Status Execution::Admit(Admission& admission) {
  absl::StatusOr<Admission::Ticket> ticket = admission.Admit();
  if (!ticket.ok()) return ticket.status();
  ticket_.emplace(*std::move(ticket));
  admission_ = Clock::now();
  info_.queue_time = absl::FromChrono(admission_ - arrival_);
  return absl::OkStatus();
}

absl::Status Execution::Start(Plan plan, std::string_view device, int64_t message_bytes) {
  const absl::StatusOr<Backend*> backend = engine_.Choose(plan, device);
  if (!backend.ok()) return backend.status();
  backend_ = *backend;
  device_is_open_ = device.empty();
  plan_ = std::move(plan);
  reduction_count_ = static_cast<int64_t>(plan_.reductions.size());
  result_bytes_ = plan_.result_byte_count;
  absl::Status charged = ChargeStates(message_bytes);
  if (!charged.ok() && device_is_open_ && backend_ != &engine_.cpu()) {
    backend_ = &engine_.cpu();
    charged = ChargeStates(message_bytes);
  }
  return charged;
}

absl::Status Execution::ChargeStates(int64_t message_bytes) {
  state_bytes_ = backend_->HostByteCount(plan_);
  int64_t charge;
  if (__builtin_add_overflow(state_bytes_, message_bytes, &charge)) charge = std::numeric_limits<int64_t>::max();
  return ticket_->Charge(charge);
}

absl::Status Execution::ChargeCopies(int64_t byte_count) {
  copy_bytes_ = byte_count;
  return ticket_->Charge(byte_count);
}

bool Execution::TakesLong(Slices slices) const {
  int64_t byte_count = 0;
  for (const auto slice : slices) byte_count += slice.size();
  const absl::Duration estimate = info_.received_bytes > 0
                                      ? info_.compute_time * (static_cast<double>(byte_count) / info_.received_bytes)
                                      : absl::Seconds(byte_count / kBytesPerSecond) * reduction_count_;
  return estimate > kShort || TakesLong();
}

bool Execution::TakesLong() const {
  return state_bytes_ > kLongStateBytes || backend_ != &engine_.cpu();  // which is waited for
}

absl::Status Execution::Fold(Slices& slices) {
  const Clock::time_point start = Clock::now();
  Clock::time_point now = start;
  absl::Status status = Prepare();
  while (status.ok() && !slices.empty() && now - start < absl::ToChronoMicroseconds(kShort)) {
    for (absl::Span<const std::byte> rest = slices.front(); status.ok() && !rest.empty();) {
      const absl::Span<const std::byte> piece = rest.subspan(0, kPieceBytes);
      status = Interruption();
      if (status.ok()) status = accumulation_->Append(piece);
      rest.remove_prefix(piece.size());
      info_.received_bytes += piece.size();
    }
    slices.remove_prefix(1);
    now = Clock::now();
  }
  info_.compute_time += absl::FromChrono(now - start);
  // The accumulation sees cancellation within a piece, but knows nothing of deadlines.
  if (absl::IsCancelled(status)) status = Interruption();
  return status;
}

absl::StatusOr<SharedResults> Execution::Finish() {
  const Clock::time_point start = Clock::now();
  info_.receive_time = absl::FromChrono(start - admission_) - info_.compute_time;
  if (absl::Status status = Interruption(); !status.ok()) return status;
  if (absl::Status status = Prepare(); !status.ok()) return status;
  absl::StatusOr<std::vector<ReductionResult>> results = accumulation_->Finish();
  accumulation_ = nullptr;
  info_.device = std::string(backend_->name());
  info_.compute_time += absl::FromChrono(Clock::now() - start);
  if (absl::IsCancelled(results.status())) return Interruption();
  if (!results.ok()) return results.status();
  ticket_->ShrinkTo(std::min(state_bytes_, result_bytes_) + copy_bytes_);
  auto held = std::make_shared<HeldResults>(HeldResults{*std::move(ticket_), *std::move(results)});
  return SharedResults(held, &held->results);
}

absl::Status Execution::Interruption() const {
  if (absl::Now() > call_.deadline()) return absl::DeadlineExceededError("the deadline passed during the reduction");
  if (call_.cancelled().load(std::memory_order_relaxed)) return absl::CancelledError("the client cancelled");
  return absl::OkStatus();
}

absl::Status Execution::Prepare() {
  if (accumulation_ != nullptr) return absl::OkStatus();
  const bool on_cpu = backend_ == &engine_.cpu();
  absl::StatusOr<std::unique_ptr<Accumulation>> started =
      backend_->Start(on_cpu ? std::move(plan_) : plan_, &call_.cancelled());
  if (!started.ok() && ChargeForCpu(started.status())) return Prepare();
  if (!started.ok()) return started.status();
  accumulation_ = *std::move(started);
  return absl::OkStatus();
}

bool Execution::MayFallBack(const absl::Status& status) const {
  return device_is_open_ && backend_ != &engine_.cpu() && IsDeviceFailure(status);
}

bool Execution::FallBack(const absl::Status& status) {
  if (!ChargeForCpu(status)) return false;
  accumulation_ = nullptr;
  info_.received_bytes = 0;
  return true;
}

bool Execution::ChargeForCpu(const absl::Status& status) {
  if (!MayFallBack(status)) return false;
  const int64_t state_bytes = engine_.cpu().HostByteCount(plan_);
  if (!ticket_->Charge(state_bytes - state_bytes_).ok()) return false;
  state_bytes_ = state_bytes;
  backend_ = &engine_.cpu();
  return true;
}

}  // namespace treduce
