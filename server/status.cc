// Packs error details into google.rpc messages.
#include "server/status.h"

#include <optional>
#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/engine/values/errors.h"

namespace treduce {
namespace {

constexpr char kDomain[] = "treduce";
// Names that a client chooses are in messages and fields. All of a status, which holds each up to three times and
// encoded, has to fit into the 8 KiB of metadata that gRPC's clients take.
constexpr size_t kMaxMessageBytes = 900;
constexpr size_t kMaxFieldBytes = 300;

constexpr char kRetryInfoUrl[] = "type.googleapis.com/google.rpc.RetryInfo";

// The beginning of `text`, which stays UTF-8 where it is.
std::string Shortened(absl::string_view text, size_t max_bytes) {
  if (text.size() <= max_bytes) return std::string(text);
  constexpr absl::string_view kEllipsis = "...";
  size_t end = max_bytes - kEllipsis.size();
  while (end > 0 && (text[end] & 0xC0) == 0x80) --end;
  return absl::StrCat(text.substr(0, end), kEllipsis);
}

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
  details.set_message(Shortened(status.message(), kMaxMessageBytes));
  if (const std::optional<ErrorDetail> detail = DetailOf(status); detail.has_value()) {
    google::rpc::ErrorInfo info;
    info.set_reason(detail->reason);
    info.set_domain(kDomain);
    const std::string field = Shortened(detail->field, kMaxFieldBytes);
    if (!field.empty()) (*info.mutable_metadata())["field"] = field;
    if (!detail->limit.empty()) (*info.mutable_metadata())["limit"] = detail->limit;
    details.add_details()->PackFrom(info);
    if (absl::IsInvalidArgument(status) && !field.empty()) {
      google::rpc::BadRequest bad_request;
      auto* violation = bad_request.add_field_violations();
      violation->set_field(field);
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
