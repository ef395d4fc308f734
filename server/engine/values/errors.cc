// Errors carry their detail as payloads of the status, one per part.
#include "server/engine/values/errors.h"

#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"

namespace treduce {
namespace {

constexpr char kReasonUrl[] = "treduce/reason";
constexpr char kFieldUrl[] = "treduce/field";
constexpr char kLimitUrl[] = "treduce/limit";

std::string PayloadOf(const absl::Status& status, const char* url) {
  const auto payload = status.GetPayload(url);
  return payload.has_value() ? std::string(*payload) : std::string();
}

}  // namespace

absl::Status Error(absl::StatusCode code, ErrorDetail detail, std::string_view message) {
  std::string text =
      detail.field.empty() ? std::string(message) : absl::StrCat(detail.field, ": ", std::string(message));
  absl::Status status(code, text);
  status.SetPayload(kReasonUrl, absl::Cord(std::move(detail.reason)));
  if (!detail.field.empty()) status.SetPayload(kFieldUrl, absl::Cord(std::move(detail.field)));
  if (!detail.limit.empty()) status.SetPayload(kLimitUrl, absl::Cord(std::move(detail.limit)));
  return status;
}

absl::Status InvalidField(std::string_view reason, std::string_view field, std::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, {std::string(reason), std::string(field), ""}, message);
}

absl::Status OutOfMemory() {
  return Error(absl::StatusCode::kResourceExhausted, {"OUT_OF_MEMORY", "", ""}, "not enough memory for this reduction");
}

std::optional<ErrorDetail> DetailOf(const absl::Status& status) {
  if (!status.GetPayload(kReasonUrl).has_value()) return std::nullopt;
  return ErrorDetail{PayloadOf(status, kReasonUrl), PayloadOf(status, kFieldUrl), PayloadOf(status, kLimitUrl)};
}

}  // namespace treduce
