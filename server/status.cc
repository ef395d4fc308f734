// Packs error details into google.rpc messages.
#include "server/status.h"

#include <optional>
#include <string>

#include "absl/strings/cord.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/engine/values/errors.h"

namespace treduce {
namespace {

constexpr char kDomain[] = "treduce";
constexpr char kRetryInfoUrl[] = "type.googleapis.com/google.rpc.RetryInfo";

}  // namespace

absl::Status WithRetryDelay(absl::Status status, absl::Duration delay) {
  google::rpc::RetryInfo info;
  const int64_t seconds = absl::IDivDuration(delay, absl::Seconds(1), &delay);
  info.mutable_retry_delay()->set_seconds(seconds);
  info.mutable_retry_delay()->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(delay)));
  status.SetPayload(kRetryInfoUrl, absl::Cord(info.SerializeAsString()));
  return status;
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;

  google::rpc::Status details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(std::string(status.message()));
  if (const std::optional<ErrorDetail> detail = DetailOf(status); detail.has_value()) {
    google::rpc::ErrorInfo info;
    info.set_reason(detail->reason);
    info.set_domain(kDomain);
    if (!detail->field.empty()) (*info.mutable_metadata())["field"] = detail->field;
    if (!detail->limit.empty()) (*info.mutable_metadata())["limit"] = detail->limit;
    details.add_details()->PackFrom(info);
    if (absl::IsInvalidArgument(status) && !detail->field.empty()) {
      google::rpc::BadRequest bad_request;
      auto* violation = bad_request.add_field_violations();
      violation->set_field(detail->field);
      violation->set_description(details.message());
      details.add_details()->PackFrom(bad_request);
    }
  }
  if (const auto retry_info = status.GetPayload(kRetryInfoUrl); retry_info.has_value()) {
    auto* any = details.add_details();
    any->set_type_url(kRetryInfoUrl);
    any->set_value(std::string(*retry_info));
  }
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), details.message(), details.SerializeAsString());
}

}  // namespace treduce
