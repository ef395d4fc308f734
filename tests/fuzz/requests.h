// Requests as fuzz targets carry them out, in the steps of the server.
#ifndef TREDUCE_TESTS_FUZZ_REQUESTS_H_
#define TREDUCE_TESTS_FUZZ_REQUESTS_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/engine/engine.h"
#include "server/engine/values/errors.h"
#include "server/wire_format.h"

namespace treduce {

// Requests that ask for more are for the server to refuse.
inline constexpr int64_t kMaxBytes = int64_t{4} << 20;

// Cuts into slices of lengths that `seed` decides; 0 leaves the message whole.
inline grpc::ByteBuffer CutBySeed(const std::string& message, uint8_t seed) {
  std::vector<grpc::Slice> slices;
  uint32_t state = seed;
  for (size_t offset = 0; offset < message.size();) {
    state = state * 1664525 + 1013904223;
    const size_t wanted = seed == 0 ? message.size() : 1 + (state >> 24) % seed;
    const size_t length = std::min(wanted, message.size() - offset);
    slices.emplace_back(message.data() + offset, length);
    offset += length;
  }
  return grpc::ByteBuffer(slices.data(), slices.size());
}

inline bool IsMalformed(const absl::Status& status) {
  const std::optional<ErrorDetail> detail = DetailOf(status);
  return detail.has_value() && detail->reason == "MALFORMED_MESSAGE";
}

// Starts what a server of this size would; nullptr when it would refuse.
inline std::unique_ptr<Accumulation> Start(const ReductionSpec& spec) {
  static Engine& engine = *new Engine({.thread_count = 1});
  absl::StatusOr<Plan> plan = MakePlan(spec);
  if (!plan.ok() || plan->byte_count > kMaxBytes || AccumulationByteCount(*plan) > kMaxBytes) return nullptr;
  return engine.Start(*std::move(plan));
}

// False when it is refused.
inline bool Append(const Payload& payload, Accumulation& accumulation) {
  return std::all_of(payload.begin(), payload.end(),
                     [&](absl::Span<const std::byte> part) { return accumulation.Append(part).ok(); });
}

// nullptr when it is refused.
inline SharedResults Finish(Accumulation& accumulation) {
  absl::StatusOr<std::vector<ReductionResult>> results = accumulation.Finish();
  if (!results.ok()) return nullptr;
  return std::make_shared<const std::vector<ReductionResult>>(*std::move(results));
}

}  // namespace treduce

#endif  // TREDUCE_TESTS_FUZZ_REQUESTS_H_
