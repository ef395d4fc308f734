// A queue of coroutines and the threads that resume them.
#include "server/workers.h"

namespace treduce {
namespace {

thread_local const Workers* workers_of_this_thread = nullptr;

}  // namespace

Workers::Workers(int thread_count) {
  try {
    for (int i = 0; i < thread_count; ++i) threads_.emplace_back([this] { Run(); });
  } catch (...) {
    Stop();
    throw;
  }
}

Workers::~Workers() { Stop(); }

void Workers::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool Workers::OnWorker() const { return workers_of_this_thread == this; }

void Workers::Enqueue(std::coroutine_handle<> coroutine) {
  // Notified under the lock: once a worker has the coroutine, the workers may be gone before this returns.
  const std::lock_guard lock(mutex_);
  waiting_.push_back(coroutine);
  wake_.notify_one();
}

void Workers::Run() {
  workers_of_this_thread = this;
  for (;;) {
    std::coroutine_handle<> coroutine;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      coroutine = waiting_.front();
      waiting_.pop_front();
    }
    coroutine.resume();
  }
}

}  // namespace treduce
