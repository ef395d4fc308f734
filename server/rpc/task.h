// The two kinds of coroutines of the server.
#ifndef TREDUCE_SERVER_RPC_TASK_H_
#define TREDUCE_SERVER_RPC_TASK_H_

#include <coroutine>
#include <exception>
#include <new>
#include <utility>

#include "absl/status/status.h"
#include "server/engine/values/errors.h"

namespace treduce::rpc {

// A coroutine that ends in `co_return status`. Starts when it is awaited; `co_await task` gives the status.
class [[nodiscard]] Task {
 public:
  struct promise_type {
    // Goes on with the coroutine that awaits the task.
    struct FinalAwaiter {
      bool await_ready() const noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> task) const noexcept {
        return task.promise().awaiting;
      }
      void await_resume() const noexcept {}
    };

    Task get_return_object() { return Task(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    FinalAwaiter final_suspend() noexcept { return {}; }
    void return_value(absl::Status value) { status = std::move(value); }
    // No input may end the process: memory is all that it can make run out.
    void unhandled_exception() {
      try {
        throw;
      } catch (const std::bad_alloc&) {
        status = OutOfMemory();
      }
    }

    std::coroutine_handle<> awaiting;
    absl::Status status;
  };

  Task(Task&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (coroutine_) coroutine_.destroy();
  }

  bool await_ready() const { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) {
    coroutine_.promise().awaiting = awaiting;
    return coroutine_;
  }
  absl::Status await_resume() { return std::move(coroutine_.promise().status); }

 private:
  explicit Task(std::coroutine_handle<promise_type> coroutine) : coroutine_(coroutine) {}

  std::coroutine_handle<promise_type> coroutine_;
};

// A coroutine that starts at once, that nobody awaits, and that frees itself at its end.
struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

}  // namespace treduce::rpc

#endif  // TREDUCE_SERVER_RPC_TASK_H_
