#include "server/engine/cpu/threads.h"

#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <thread>

namespace treduce {

class Threads::Arena {
 public:
  explicit Arena(int count) : arena_(count) {}
  tbb::task_arena& get() { return arena_; }

 private:
  tbb::task_arena arena_;
};

Threads::Threads(int count)
    : count_(count > 0 ? count : std::max(1, static_cast<int>(std::thread::hardware_concurrency()))),
      arena_(count_ > 1 ? std::make_unique<Arena>(count_) : nullptr) {}

Threads::~Threads() = default;

void Threads::ParallelFor(size_t size, absl::FunctionRef<void(size_t, size_t)> body) const {
  if (arena_ == nullptr || size < 2) return body(0, size);
  // A few ranges a thread even out what else the machine is doing.
  const size_t grain = std::max<size_t>(1, size / (static_cast<size_t>(count_) * 4));
  arena_->get().execute([&] {
    tbb::parallel_for(
        tbb::blocked_range<size_t>(0, size, grain),
        [&](const tbb::blocked_range<size_t>& range) { body(range.begin(), range.end()); }, tbb::simple_partitioner());
  });
}

}  // namespace treduce
