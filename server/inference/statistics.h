// How often each model has been used, and for how long.
#ifndef TREDUCE_SERVER_INFERENCE_STATISTICS_H_
#define TREDUCE_SERVER_INFERENCE_STATISTICS_H_

#include <cstdint>
#include <mutex>
#include <vector>

#include "absl/time/time.h"
#include "inference/grpc_service.pb.h"
#include "server/engine/plan/op_registry.h"
#include "server/wire.h"

namespace treduce {

// Thread-safe.
class Statistics {
 public:
  Statistics() : models_(AllOps().size()) {}

  // A request for `model` that was answered at `time`, after `duration` in all.
  void AddSuccess(const OpInfo& model, absl::Time time, absl::Duration duration, const ExecutionInfo& info);
  void AddFailure(const OpInfo& model, absl::Duration duration);

  inference::ModelStatistics Of(const OpInfo& model) const;

 private:
  static size_t IndexOf(const OpInfo& model) { return &model - AllOps().data(); }

  mutable std::mutex mutex_;
  std::vector<inference::ModelStatistics> models_;  // without their names
};

}  // namespace treduce

#endif  // TREDUCE_SERVER_INFERENCE_STATISTICS_H_
