// Sizes that the kernels and those who launch them agree on.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_CUT_H_
#define TREDUCE_SERVER_ENGINE_CUDA_CUT_H_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace treduce::cuda {

inline constexpr int kBlock = 256;  // threads, at most
inline constexpr int kWarpsOfBlock = kBlock / 32;
// Leaves of rows that a warp folds before it joins them, and rows of one leaf.
inline constexpr int kMaxWarpRun = 16;
inline constexpr int kWarpRows = 32;
// Rows of fewer elements than these are staged in shared memory: a thread folds those of up to 32, kThreadsOfRow longer
// ones.
template <class T>
inline constexpr int64_t kStagedElements = sizeof(T) <= 2 ? 1024 : 512;
inline constexpr int kThreadsOfRow = 8;
// Staged at a time, at most, and how many such jobs keep any device busy.
inline constexpr int64_t kMostStagedRows = 1024;
inline constexpr int64_t kEnoughJobs = 512;
// Threads of a block side by side in columns.
inline constexpr int kMaxAcross = 32;
// Columns that a thread folds: those of a word where elements are `packed`.
constexpr int ColumnsOfThread(bool packed, size_t element_bytes) {
  return packed ? static_cast<int>(sizeof(uint32_t) / element_bytes) : 1;
}
// Nodes that a thread joins by itself.
inline constexpr int kOwnNodes = 8;
// Words of a table in which the digits of keys are counted.
inline constexpr int kTableWords = 2048;
// Shared memory that every device has.
inline constexpr size_t kSharedBytes = 48 * 1024;

// Elements from one staged row of `n` to the next: threads that read them at the same time find them in different
// banks, and rows of whole words begin with a word.
template <class T, int kThreads>
constexpr int StagedPitch(int n) {
  constexpr int kQuantum = std::max(kThreads, static_cast<int>(4 / sizeof(T)));
  return kQuantum * ((n + kQuantum - 1) / kQuantum | 1);
}

// States of so many words that a block has room for.
constexpr int StatesOfBlock(int words) {
  return static_cast<int>(kSharedBytes / (static_cast<size_t>(words) * sizeof(int64_t)));
}

// Threads of a block that keeps a state for each.
constexpr int ThreadsFor(int words) {
  int threads = kBlock;
  while (threads > StatesOfBlock(words)) threads /= 2;
  return threads;
}

// Leaves that a block has below one another in columns, a power of two: `across` columns side by side, `columns` a
// thread.
constexpr int LeavesDown(int words, int across, int columns) {
  return static_cast<int>(std::bit_floor(static_cast<unsigned>(ThreadsFor(words * columns) * columns / across)));
}

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_CUT_H_
