// Runs the completion queues.
#include "server/rpc/receiver.h"

#include <utility>

namespace treduce::rpc {
namespace {

// Calls that can be accepted before the thread comes round to accept more; others wait inside gRPC meanwhile.
constexpr int kAcceptedAhead = 16;

void Run(grpc::ServerCompletionQueue* queue) {
  void* tag;
  bool ok;
  while (queue->Next(&tag, &ok)) static_cast<Event*>(tag)->Complete(ok);
}

}  // namespace

Receiver::Receiver(grpc::ServerBuilder& builder, int thread_count, std::vector<std::unique_ptr<Service>> services)
    : services_(std::move(services)) {
  for (const auto& service : services_) builder.RegisterService(service.get());
  for (int i = 0; i < thread_count; ++i) queues_.push_back(builder.AddCompletionQueue());
}

Receiver::~Receiver() { Stop(); }

void Receiver::Start() {
  for (const auto& queue : queues_) {
    for (const auto& service : services_) {
      for (size_t method = 0; method < service->methods().size(); ++method) {
        for (int i = 0; i < kAcceptedAhead; ++i) Serve(*service, static_cast<int>(method), queue.get());
      }
    }
    threads_.emplace_back(Run, queue.get());
  }
}

void Receiver::Stop() {
  {
    std::unique_lock lock(mutex_);
    none_serving_.wait(lock, [this] { return serving_ == 0; });
  }
  for (const auto& queue : queues_) queue->Shutdown();
  // A queue must be drained before it is destroyed, also if its thread was never started.
  if (threads_.empty()) {
    for (const auto& queue : queues_) Run(queue.get());
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  queues_.clear();
}

Detached Receiver::Serve(Service& service, int method, grpc::ServerCompletionQueue* queue) {
  {
    const std::lock_guard lock(mutex_);
    ++serving_;
  }
  {
    Call call(queue);
    if (co_await call.Accept(service, method)) {
      Serve(service, method, queue);  // the next client
      const absl::Status status = co_await service.methods()[method].handler(call);
      co_await call.Finish(status);
      co_await call.done_;
      if (call.reading_) co_await call.read_;
    }
  }
  const std::lock_guard lock(mutex_);
  if (--serving_ == 0) none_serving_.notify_all();
}

}  // namespace treduce::rpc
