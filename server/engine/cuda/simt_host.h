// The threads of a block as fibers of one thread of the CPU, so that the source of the kernels runs, and is tested,
// without a GPU. A fiber runs until it waits for its warp or its block; blocks run one after the other. Races between
// threads do not show here.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_SIMT_HOST_H_
#define TREDUCE_SERVER_ENGINE_CUDA_SIMT_HOST_H_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>

#define TREDUCE_KERNEL
#define TREDUCE_DEVICE_FUNCTION inline
#define TREDUCE_CONSTANT const
#define TREDUCE_LAUNCH_BOUNDS(threads, blocks)

namespace treduce::cuda {

int ThreadIndex();
int BlockSize();
int64_t BlockIndex();
int64_t GridSize();
void Barrier();
void WarpBarrier();
std::byte* SharedMemory();

// The word that `word` is in lane (own lane + step), of the same `threads` neighbours, or (own lane ^ step); its own
// where there is none.
uint64_t ExchangeDown(uint64_t word, int step, int threads);
uint64_t ExchangeXor(uint64_t word, int step);
// The sum of the words of the warp, everywhere.
uint64_t SumOfWarp(uint64_t word);

template <class T>
uint64_t ToWord(T value) {
  uint64_t word = 0;
  std::memcpy(&word, &value, sizeof(T));
  return word;
}
template <class T>
T FromWord(uint64_t word) {
  T value;
  std::memcpy(&value, &word, sizeof(T));
  return value;
}

template <int kThreads = kWarpSize, class T>
T ShuffleDown(T value, int lanes) {
  return FromWord<T>(ExchangeDown(ToWord(value), lanes, kThreads));
}
template <class T>
T ShuffleXor(T value, int lanes) {
  return FromWord<T>(ExchangeXor(ToWord(value), lanes));
}
template <int kThreads = kWarpSize, class T>
T FromFirstLane(T value) {
  return FromWord<T>(ExchangeDown(ToWord(value), -(ThreadIndex() % kThreads), kThreads));
}

inline void AtomicAdd(uint32_t* to, uint32_t value) { *to += value; }
inline uint32_t AtomicNext(uint32_t* to) { return (*to)++; }
inline void AtomicAdd(uint64_t* to, uint64_t value) { *to += value; }
inline void AtomicMin(uint64_t* to, uint64_t value) { *to = std::min(*to, value); }
inline int BitWidth(uint32_t bits) { return std::bit_width(bits); }
inline int BitWidth(uint64_t bits) { return std::bit_width(bits); }

// Runs `body` once for each thread of each block.
void RunGrid(int64_t blocks, int threads, size_t shared_bytes, const std::function<void()>& body);

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_SIMT_HOST_H_
