// treduce.v1.ReductionService: one short method per RPC.
#ifndef TREDUCE_SERVER_REDUCTION_SERVICE_H_
#define TREDUCE_SERVER_REDUCTION_SERVICE_H_

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "server/admission.h"
#include "server/engine/engine.h"
#include "server/execution.h"
#include "server/rpc/call.h"
#include "server/rpc/service.h"
#include "server/rpc/task.h"
#include "server/wire.h"
#include "server/workers.h"

namespace treduce {

// Thread-safe. What it is constructed with must outlive it.
class ReductionService {
 public:
  ReductionService(Engine& engine, Admission& admission, Workers& workers, ServerDescription description)
      : engine_(engine), admission_(admission), workers_(workers), description_(std::move(description)) {}

  // For the rpc layer. The service must outlive it.
  std::unique_ptr<rpc::Service> MakeRpcService();

 private:
  rpc::Task Reduce(rpc::Call& call);
  rpc::Task ReduceStream(rpc::Call& call);
  rpc::Task DescribeServer(rpc::Call& call);

  // Folds all of `payload`, moving to a worker for what takes long.
  rpc::Task Fold(Execution& execution, const Payload& payload);

  // RESOURCE_EXHAUSTED, naming ReduceStream, for what does not fit into one message: of a plan as far as it says, of
  // results for certain.
  absl::Status CheckUnary(const Plan& plan) const;
  absl::Status CheckUnary(absl::Span<const ReductionResult> results) const;
  absl::Status CheckUnary(std::string_view field, std::string_view what, int64_t byte_count) const;

  Engine& engine_;
  Admission& admission_;
  Workers& workers_;
  const ServerDescription description_;  // also holds the limits
};

}  // namespace treduce

#endif  // TREDUCE_SERVER_REDUCTION_SERVICE_H_
