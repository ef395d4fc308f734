// The flag that stops what is under way.
#ifndef TREDUCE_SERVER_ENGINE_VALUES_CANCELLATION_H_
#define TREDUCE_SERVER_ENGINE_VALUES_CANCELLATION_H_

#include <algorithm>
#include <atomic>
#include <cstddef>

namespace treduce {

// Whether `flag`, which may be null, was raised.
inline bool IsRaised(const std::atomic<bool>* flag) { return flag != nullptr && flag->load(std::memory_order_relaxed); }

// Elements, or what takes as long, between two looks at the flag.
inline constexpr int kCancellationStep = 1 << 20;

// Calls `body(size_t begin, size_t end)` for blocks of [0, n), looking at the flag before each. False if it was raised.
template <class Body>
bool ForEachBlock(size_t n, const std::atomic<bool>* flag, const Body& body) {
  for (size_t begin = 0; begin < n; begin += kCancellationStep) {
    if (IsRaised(flag)) return false;
    body(begin, std::min(n, begin + kCancellationStep));
  }
  return true;
}

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_VALUES_CANCELLATION_H_
