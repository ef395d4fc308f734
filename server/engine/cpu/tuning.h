// Sizes of the CPU backend that change its speed and not its results.
#ifndef TREDUCE_SERVER_ENGINE_CPU_TUNING_H_
#define TREDUCE_SERVER_ENGINE_CPU_TUNING_H_

#include <cstddef>

namespace treduce {

// Work below this many elements is not worth a second thread: a sum of as many f32 takes 18 us, handing it over 10.
inline constexpr size_t kParallelElements = 256 * 1024;

// Leaves folded before their states are joined: enough to share out, few enough for their states to stay in cache.
inline constexpr size_t kMaxBatchLeaves = 4096;

// Leaves of a subtree that is joined at once, before it is pushed to the tree; a power of two.
inline constexpr size_t kSubtreeLeaves = 64;

// Leaves, at most, that a thread folds to states of its own before it makes results of them.
inline constexpr size_t kOwnLeaves = 256;

// Elements of the rows that all folds of a pass see in turn: rows enough to fold them side by side, few enough to stay
// in cache.
inline constexpr size_t kRowBlockElements = 8 * 1024;

// Bytes of a complex128.
inline constexpr size_t kMaxElementSize = 16;

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_CPU_TUNING_H_
