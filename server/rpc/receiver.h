// The threads that receive: they own the completion queues, accept calls and run their handlers.
#ifndef TREDUCE_SERVER_RPC_RECEIVER_H_
#define TREDUCE_SERVER_RPC_RECEIVER_H_

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "grpcpp/completion_queue.h"
#include "grpcpp/server_builder.h"
#include "server/rpc/service.h"
#include "server/rpc/task.h"

namespace treduce::rpc {

// One completion queue for each thread, one thread for each queue. Handlers run on these threads, so one that takes
// long moves elsewhere (server/workers.h).
//
// In order: construct, build and start the grpc::Server, Start, shut the grpc::Server down, Stop.
class Receiver {
 public:
  Receiver(grpc::ServerBuilder& builder, int thread_count, std::vector<std::unique_ptr<Service>> services);
  ~Receiver();

  // Accepts calls from now on.
  void Start();

  // Waits until every call has ended (they do, since a handler whose call is cancelled returns), and ends the threads.
  // The grpc::Server must have been shut down.
  void Stop();

 private:
  Detached Serve(Service& service, int method, grpc::ServerCompletionQueue* queue);

  const std::vector<std::unique_ptr<Service>> services_;
  std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;  // guards the next two
  std::condition_variable none_serving_;
  int serving_ = 0;  // coroutines that accept or serve
};

}  // namespace treduce::rpc

#endif  // TREDUCE_SERVER_RPC_RECEIVER_H_
