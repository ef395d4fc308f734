// Starts the operations of a call.
#include "server/rpc/call.h"

#include <utility>

#include "grpc/support/time.h"
#include "server/rpc/service.h"
#include "server/status.h"

namespace treduce::rpc {

void Call::Prefetch() {
  if (reading_) return;
  reading_ = true;
  stream_.Read(&incoming_, read_.Start());
}

Event& Call::Write(const grpc::ByteBuffer& message) {
  stream_.Write(message, main_.Start());
  return main_;
}

Event& Call::Pause() {
  alarm_.emplace();
  alarm_->Set(queue_, gpr_inf_future(GPR_CLOCK_MONOTONIC), pause_.Start());
  if (done_.complete()) Wake();
  return pause_;
}

void Call::Done::Complete(bool ok) {
  cancelled.store(call.context_.IsCancelled(), std::memory_order_relaxed);
  if (call.alarm_.has_value()) call.Wake();
  Event::Complete(ok);
}

Event& Call::Accept(Service& service, int method) {
  context_.AsyncNotifyWhenDone(done_.Start());
  service.RequestCall(method, &context_, &stream_, queue_, main_.Start());
  return main_;
}

Event& Call::Finish(const absl::Status& status) {
  if (std::exchange(finishing_, true)) return main_;
  const grpc::Status wire_status = ToGrpcStatus(status);
  if (status.ok() && last_.has_value()) {
    stream_.WriteAndFinish(*last_, grpc::WriteOptions(), wire_status, main_.Start());
  } else {
    stream_.Finish(wire_status, main_.Start());
  }
  return main_;
}

}  // namespace treduce::rpc
