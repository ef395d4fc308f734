// Counts in the message that is sent.
#include "server/inference/statistics.h"

#include <string>

#include "server/inference/models.h"

namespace treduce {
namespace {

void Add(absl::Duration duration, inference::StatisticDuration& total) {
  total.set_count(total.count() + 1);
  total.set_ns(total.ns() + absl::ToInt64Nanoseconds(duration));
}

}  // namespace

void Statistics::AddSuccess(const OpInfo& model, absl::Time time, absl::Duration duration, const ExecutionInfo& info) {
  const std::lock_guard lock(mutex_);
  inference::ModelStatistics& counted = models_[IndexOf(model)];
  counted.set_last_inference(absl::ToUnixMillis(time));
  counted.set_inference_count(counted.inference_count() + 1);
  counted.set_execution_count(counted.execution_count() + 1);
  inference::InferStatistics& times = *counted.mutable_inference_stats();
  Add(duration, *times.mutable_success());
  Add(info.queue_time, *times.mutable_queue());
  Add(info.receive_time, *times.mutable_compute_input());
  Add(info.compute_time, *times.mutable_compute_infer());
  Add(duration - info.queue_time - info.receive_time - info.compute_time, *times.mutable_compute_output());
}

void Statistics::AddFailure(const OpInfo& model, absl::Duration duration) {
  const std::lock_guard lock(mutex_);
  Add(duration, *models_[IndexOf(model)].mutable_inference_stats()->mutable_fail());
}

inference::ModelStatistics Statistics::Of(const OpInfo& model) const {
  const std::lock_guard lock(mutex_);
  inference::ModelStatistics counted = models_[IndexOf(model)];
  counted.set_name(std::string(model.name));
  counted.set_version(kModelVersion);
  return counted;
}

}  // namespace treduce
