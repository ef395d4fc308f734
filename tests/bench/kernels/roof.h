// The roof: how fast a machine can read memory at all, with a given number of threads.
#ifndef TREDUCE_TESTS_BENCH_KERNELS_ROOF_H_
#define TREDUCE_TESTS_BENCH_KERNELS_ROOF_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/types/span.h"

namespace treduce::bench {

class Roof {
 public:
  explicit Roof(int thread_count);
  ~Roof();
  Roof(const Roof&) = delete;
  Roof& operator=(const Roof&) = delete;

  // The sum of the words of `bytes`, with the widest vectors of the machine. Threads share reads of 1 MiB and more.
  uint64_t Read(absl::Span<const std::byte> bytes) const;

 private:
  class Arena;
  std::unique_ptr<Arena> arena_;
};

}  // namespace treduce::bench

#endif  // TREDUCE_TESTS_BENCH_KERNELS_ROOF_H_
