// Threads for work that would hold up the threads that receive.
#ifndef TREDUCE_SERVER_WORKERS_H_
#define TREDUCE_SERVER_WORKERS_H_

#include <condition_variable>
#include <coroutine>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace treduce {

// Thread-safe. Coroutines that wait for a worker are served in order; their number is bounded by admission.
class Workers {
 public:
  // Throws std::system_error when a thread cannot be started.
  explicit Workers(int thread_count);
  // All coroutines must have left the workers.
  ~Workers();

  // `co_await workers.Schedule()` goes on on a worker, at once when it runs on one already.
  auto Schedule() {
    struct Awaiter {
      Workers& workers;
      bool await_ready() const { return workers.OnWorker(); }
      void await_suspend(std::coroutine_handle<> coroutine) { workers.Enqueue(coroutine); }
      void await_resume() const {}
    };
    return Awaiter{*this};
  }

 private:
  // Whether the calling thread is one of these workers.
  bool OnWorker() const;
  void Enqueue(std::coroutine_handle<> coroutine);
  void Run();
  void Stop();

  std::mutex mutex_;  // guards the next three
  std::condition_variable wake_;
  std::deque<std::coroutine_handle<>> waiting_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace treduce

#endif  // TREDUCE_SERVER_WORKERS_H_
