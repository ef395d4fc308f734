// Splits work with oneTBB, in an arena of the engine's own.
#include "server/engine/cpu/threads.h"

#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <thread>

#ifdef TREDUCE_THREAD_SANITIZER
#include <sanitizer/tsan_interface.h>
#endif

namespace treduce {
namespace {

// What oneTBB orders, told to ThreadSanitizer, which does not see into it: all that was done before Publish happens
// before all that is done after Observe. Only the address of `what` counts.
#ifdef TREDUCE_THREAD_SANITIZER
void Publish(char& what) { __tsan_release(&what); }
void Observe(char& what) { __tsan_acquire(&what); }
#else
void Publish(char&) {}
void Observe(char&) {}
#endif

}  // namespace

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
  char begun = 0;
  char ended = 0;
  const auto run = [&](const tbb::blocked_range<size_t>& range) {
    Observe(begun);
    body(range.begin(), range.end());
    Publish(ended);
  };
  Publish(begun);
  arena_->get().execute(
      [&] { tbb::parallel_for(tbb::blocked_range<size_t>(0, size, grain), run, tbb::simple_partitioner()); });
  Observe(ended);
}

}  // namespace treduce
