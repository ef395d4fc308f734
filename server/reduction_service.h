// treduce.v1.ReductionService: one short method per RPC.
#ifndef TREDUCE_SERVER_REDUCTION_SERVICE_H_
#define TREDUCE_SERVER_REDUCTION_SERVICE_H_

#include <memory>
#include <utility>

#include "server/reducer.h"
#include "server/rpc/call.h"
#include "server/rpc/service.h"
#include "server/rpc/task.h"
#include "server/wire.h"

namespace treduce {

// Thread-safe. The reducer must outlive it.
class ReductionService {
 public:
  ReductionService(Reducer& reducer, ServerDescription description)
      : reducer_(reducer), description_(std::move(description)) {}

  // For the rpc layer. The service must outlive it.
  std::unique_ptr<rpc::Service> MakeRpcService();

 private:
  rpc::Task Reduce(rpc::Call& call);
  rpc::Task ReduceStream(rpc::Call& call);
  rpc::Task DescribeServer(rpc::Call& call);

  Reducer& reducer_;
  const ServerDescription description_;
};

}  // namespace treduce

#endif  // TREDUCE_SERVER_REDUCTION_SERVICE_H_
