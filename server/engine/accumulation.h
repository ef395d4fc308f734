// A reduction under way: bytes go in as they arrive, results come out at the end.
#ifndef TREDUCE_SERVER_ENGINE_ACCUMULATION_H_
#define TREDUCE_SERVER_ENGINE_ACCUMULATION_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/engine/plan/plan.h"
#include "server/engine/values/tensor.h"

namespace treduce {

// Not thread-safe: one caller at a time (which may be a different thread each time).
class Accumulation {
 public:
  virtual ~Accumulation() = default;

  // Folds the next bytes of the tensor, of any number: an element may straddle two calls. `bytes` is not kept and
  // needs no alignment. INVALID_ARGUMENT (field `data`) when more arrive than the shape says, CANCELLED when the flag
  // given at the start was raised (looked at every 64 MiB or less; by selections
  // and UNIQUE between their scans and the digits of their sorts); either ends the accumulation.
  virtual absl::Status Append(absl::Span<const std::byte> bytes) = 0;

  // The results, in the order of the request's reductions. Call once. INVALID_ARGUMENT (field `data`) when bytes are
  // missing, CANCELLED as above.
  virtual absl::StatusOr<std::vector<ReductionResult>> Finish() = 0;

  // Bytes appended so far.
  virtual int64_t byte_count() const = 0;
};

// Upper bound of the memory, in bytes, that an accumulation of `plan` on the CPU holds: states, staging, results; of
// what each thread holds while it selects from small outputs, that of one. Known before any data arrives, so that a
// server can admit by it. Saturates at 2^63 - 1.
int64_t AccumulationByteCount(const Plan& plan);

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_ACCUMULATION_H_
