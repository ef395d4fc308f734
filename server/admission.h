// What the server takes on at once, in calls and in bytes of memory. More is refused at once, never queued.
#ifndef TREDUCE_SERVER_ADMISSION_H_
#define TREDUCE_SERVER_ADMISSION_H_

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace treduce {

// Thread-safe and lock-free.
class Admission {
 public:
  // A call's place, and the bytes it is charged for; given back when it is destroyed. May outlive the Admission.
  // Not thread-safe.
  class Ticket {
   public:
    Ticket(Ticket&&) = default;
    Ticket& operator=(Ticket&&) = delete;
    ~Ticket();

    // Charges for so many bytes more. RESOURCE_EXHAUSTED when the budget has no room for them: with a hint to retry,
    // except when they are more than all of it.
    absl::Status Charge(int64_t byte_count);

    // Gives back all but so many bytes.
    void ShrinkTo(int64_t byte_count);

   private:
    friend class Admission;
    struct Usage;
    explicit Ticket(std::shared_ptr<Usage> usage) : usage_(std::move(usage)) {}

    std::shared_ptr<Usage> usage_;
    int64_t byte_count_ = 0;
  };

  Admission(int64_t byte_budget, int64_t max_calls);

  // A place, charged for no bytes yet. RESOURCE_EXHAUSTED, with a hint to retry, when all are taken.
  absl::StatusOr<Ticket> Admit();

  int64_t bytes_in_use() const;
  int64_t calls_in_use() const;

 private:
  const std::shared_ptr<Ticket::Usage> usage_;
};

}  // namespace treduce

#endif  // TREDUCE_SERVER_ADMISSION_H_
