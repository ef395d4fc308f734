// One completion of a completion queue, awaited by one coroutine.
#ifndef TREDUCE_SERVER_RPC_EVENT_H_
#define TREDUCE_SERVER_RPC_EVENT_H_

#include <atomic>
#include <coroutine>

namespace treduce::rpc {

// The tag of one operation at a time. `co_await event` gives the `ok` of the operation, at once when it has completed.
// Completing and awaiting may race: each may happen on any thread. Must live until the operation has completed.
class Event {
 public:
  Event() = default;
  virtual ~Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  // Makes the event pending and returns the tag to start its operation with.
  void* Start() {
    state_.store(nullptr, std::memory_order_release);
    return this;
  }

  // Called with what the completion queue returned for the tag. Resumes the coroutine that waits, if one does.
  virtual void Complete(bool ok) {
    state_.load(std::memory_order_acquire);  // after Start, and so after the last `ok` was taken
    ok_ = ok;
    // Whoever sees the event complete may destroy it: nothing here is touched after the exchange.
    void* waiter = state_.exchange(this, std::memory_order_acq_rel);
    if (waiter != nullptr) std::coroutine_handle<>::from_address(waiter).resume();
  }

  struct Awaiter {
    bool await_ready() const { return event.state_.load(std::memory_order_acquire) == &event; }
    bool await_suspend(std::coroutine_handle<> waiter) {
      void* pending = nullptr;
      return event.state_.compare_exchange_strong(pending, waiter.address(), std::memory_order_acq_rel);
    }
    bool await_resume() const { return event.ok_; }

    Event& event;
  };
  Awaiter operator co_await() { return {*this}; }

  bool complete() { return Awaiter{*this}.await_ready(); }

 private:
  std::atomic<void*> state_ = nullptr;  // null while pending, the coroutine that waits, `this` when complete
  bool ok_ = false;
};

}  // namespace treduce::rpc

#endif  // TREDUCE_SERVER_RPC_EVENT_H_
