// How requests are carried out, whatever protocol they come by: what is taken on, which thread does it, what fits into
// one message.
#ifndef TREDUCE_SERVER_REDUCER_H_
#define TREDUCE_SERVER_REDUCER_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/admission.h"
#include "server/engine/engine.h"
#include "server/execution.h"
#include "server/rpc/call.h"
#include "server/rpc/task.h"
#include "server/wire.h"
#include "server/wire_format.h"
#include "server/workers.h"

namespace treduce {

// Thread-safe. What it is constructed with must outlive it.
class Reducer {
 public:
  Reducer(Engine& engine, Admission& admission, Workers& workers, int64_t max_unary_bytes)
      : engine_(engine), admission_(admission), workers_(workers), max_unary_bytes_(max_unary_bytes) {}

  // The execution of a call that has just arrived, with a place; RESOURCE_EXHAUSTED when there is none. To be asked
  // for before messages are read. The call must outlive it.
  absl::StatusOr<Execution> Admit(const rpc::Call& call);

  // Plans a request whose tensor and results go into one message each, and charges for it. RESOURCE_EXHAUSTED, naming
  // ReduceStream, when they do not fit.
  absl::Status StartUnary(const ReductionSpec& spec, int64_t message_bytes, Execution& execution) const;

  // Plans a request that comes in many messages, and charges for it.
  absl::Status StartStream(const ReductionSpec& spec, Execution& execution) const;

  // The devices as they are now.
  std::vector<DeviceDescription> devices() const;

  // Folds all of `payload`, moving to a worker for what takes long.
  rpc::Task Fold(Execution::Slices payload, Execution& execution);

  // Folds all of `payload` and gives the results, which must fit into one message; once more, on the CPU, where a
  // device that the server has chosen fails.
  rpc::Task ReduceUnary(Execution::Slices payload, Execution& execution, SharedResults& results);

  // `co_await reducer.OnWorker()`: for what takes long beside folding.
  auto OnWorker() { return workers_.Schedule(); }

  // Gives the results, likewise.
  rpc::Task Finish(Execution& execution, SharedResults& results);
  // RESOURCE_EXHAUSTED, naming ReduceStream, when they do not fit into one message.
  rpc::Task FinishUnary(Execution& execution, SharedResults& results);

 private:
  absl::Status CheckUnary(std::string_view field, std::string_view what, int64_t byte_count) const;

  Engine& engine_;
  Admission& admission_;
  Workers& workers_;
  const int64_t max_unary_bytes_;
};

}  // namespace treduce

#endif  // TREDUCE_SERVER_REDUCER_H_
