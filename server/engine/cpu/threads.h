// Work split over the engine's threads.
#ifndef TREDUCE_SERVER_ENGINE_CPU_THREADS_H_
#define TREDUCE_SERVER_ENGINE_CPU_THREADS_H_

#include <cstddef>
#include <memory>

#include "absl/functional/function_ref.h"

namespace treduce {

// A fixed number of threads. Thread-safe; calls share the threads.
class Threads {
 public:
  // 1 or more; 0 takes one per core. Threads start on first use.
  explicit Threads(int count);
  ~Threads();
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

  int count() const { return count_; }

  // Calls `body(begin, end)` for ranges that make up [0, size), side by side, and returns when all are done. Who runs
  // which range must not matter to the result.
  void ParallelFor(size_t size, absl::FunctionRef<void(size_t begin, size_t end)> body) const;

 private:
  class Arena;
  int count_;
  std::unique_ptr<Arena> arena_;
};

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_CPU_THREADS_H_
