// The flag that stops what is under way.
#ifndef TREDUCE_SERVER_ENGINE_VALUES_CANCELLATION_H_
#define TREDUCE_SERVER_ENGINE_VALUES_CANCELLATION_H_

#include <atomic>

namespace treduce {

// Whether `flag`, which may be null, was raised.
inline bool IsRaised(const std::atomic<bool>* flag) { return flag != nullptr && flag->load(std::memory_order_relaxed); }

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_VALUES_CANCELLATION_H_
