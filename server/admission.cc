// Two counters with limits.
#include "server/admission.h"

#include <atomic>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/engine/values/errors.h"
#include "server/status.h"

namespace treduce {
namespace {

// About what a 1 GiB stream takes: a budget that is full has probably room again by then.
constexpr absl::Duration kRetryDelay = absl::Milliseconds(500);

// A count that does not exceed its limit.
class Gauge {
 public:
  explicit Gauge(int64_t limit) : limit_(limit) {}

  bool TryAdd(int64_t amount) {
    int64_t value = value_.load(std::memory_order_relaxed);
    do {
      if (amount > limit_ - value) return false;
    } while (!value_.compare_exchange_weak(value, value + amount, std::memory_order_relaxed));
    return true;
  }
  void Subtract(int64_t amount) { value_.fetch_sub(amount, std::memory_order_relaxed); }

  int64_t value() const { return value_.load(std::memory_order_relaxed); }
  int64_t limit() const { return limit_; }

 private:
  const int64_t limit_;
  std::atomic<int64_t> value_ = 0;
};

absl::Status Exhausted(std::string_view reason, int64_t limit, std::string_view message) {
  return Error(absl::StatusCode::kResourceExhausted, {std::string(reason), "", absl::StrCat(limit)}, message);
}

}  // namespace

struct Admission::Ticket::Usage {
  Usage(int64_t byte_budget, int64_t max_calls) : bytes(byte_budget), calls(max_calls) {}

  Gauge bytes;
  Gauge calls;
};

Admission::Admission(int64_t byte_budget, int64_t max_calls)
    : usage_(std::make_shared<Ticket::Usage>(byte_budget, max_calls)) {}

absl::StatusOr<Admission::Ticket> Admission::Admit() {
  if (usage_->calls.TryAdd(1)) return Ticket(usage_);
  const int64_t limit = usage_->calls.limit();
  return WithRetryDelay(Exhausted("CALLS_EXHAUSTED", limit, absl::StrCat("the server has its ", limit, " calls")),
                        kRetryDelay);
}

int64_t Admission::bytes_in_use() const { return usage_->bytes.value(); }
int64_t Admission::calls_in_use() const { return usage_->calls.value(); }

Admission::Ticket::~Ticket() {
  if (usage_ == nullptr) return;
  ShrinkTo(0);
  usage_->calls.Subtract(1);
}

absl::Status Admission::Ticket::Charge(int64_t byte_count) {
  if (usage_->bytes.TryAdd(byte_count)) {
    byte_count_ += byte_count;
    return absl::OkStatus();
  }
  const int64_t limit = usage_->bytes.limit();
  if (byte_count > limit) {
    return Exhausted("REQUEST_TOO_LARGE", limit,
                     absl::StrCat("the request needs ", byte_count, " bytes of memory, more than the ", limit,
                                  " the server may use"));
  }
  return WithRetryDelay(Exhausted("BYTE_BUDGET_EXHAUSTED", limit,
                                  absl::StrCat("the request needs ", byte_count, " bytes of memory; of the ", limit,
                                               " the server may use, that many are not free")),
                        kRetryDelay);
}

void Admission::Ticket::ShrinkTo(int64_t byte_count) {
  usage_->bytes.Subtract(byte_count_ - byte_count);
  byte_count_ = byte_count;
}

}  // namespace treduce
