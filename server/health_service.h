// grpc.health.v1.Health: whether the server takes requests.
//
// Own, since gRPC's keeps calls of Watch open through a shutdown, which then has to wait for its deadline.
#ifndef TREDUCE_SERVER_HEALTH_SERVICE_H_
#define TREDUCE_SERVER_HEALTH_SERVICE_H_

#include <memory>
#include <mutex>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "server/rpc/call.h"
#include "server/rpc/event.h"
#include "server/rpc/service.h"
#include "server/rpc/task.h"

namespace treduce {

// Thread-safe. Knows the names of the services that reduce and "", the server as a whole; they have one state.
class HealthService {
 public:
  enum class State {
    kServing,
    kNotServing,
    kStopped,  // as kNotServing, and ends the calls of Watch
  };

  // For the rpc layer. The health service must outlive it.
  std::unique_ptr<rpc::Service> MakeRpcService();

  // kServing in the beginning.
  void SetState(State state);

  bool serving() const { return state() == State::kServing; }

 private:
  rpc::Task Check(rpc::Call& call);
  rpc::Task Watch(rpc::Call& call);

  State state() const;
  // Something to await until the state differs from `seen`, or the call is over; null when it differs already.
  rpc::Event* StartWaiting(rpc::Call& call, State seen);
  void StopWaiting(rpc::Call& call);

  mutable std::mutex mutex_;  // guards the next two
  State state_ = State::kServing;
  absl::flat_hash_set<rpc::Call*> waiting_;
};

}  // namespace treduce

#endif  // TREDUCE_SERVER_HEALTH_SERVICE_H_
