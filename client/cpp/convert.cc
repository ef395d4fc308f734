// See convert.h.
#include "client/cpp/convert.h"

#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/engine/values/errors.h"

namespace treduce::client {
namespace {

absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

// "BACKEND_CPU" is "cpu".
std::string BackendName(v1::Backend backend) {
  constexpr absl::string_view kPrefix = "BACKEND_";
  return absl::AsciiStrToLower(absl::StripPrefix(v1::Backend_Name(backend), kPrefix));
}

std::string Metadata(const google::rpc::ErrorInfo& info, const std::string& key) {
  const auto entry = info.metadata().find(key);
  return entry == info.metadata().end() ? std::string() : entry->second;
}

}  // namespace

v1::ReductionSpec ToProto(DType dtype, absl::Span<const int64_t> shape, absl::Span<const Reduction> reductions,
                          const std::string& device) {
  v1::ReductionSpec spec;
  spec.set_device(device);
  spec.set_dtype(static_cast<v1::Dtype>(dtype));
  spec.mutable_shape()->Add(shape.begin(), shape.end());
  for (const Reduction& from : reductions) {
    v1::Reduction& to = *spec.add_reductions();
    to.set_op(static_cast<v1::Op>(from.op));
    to.mutable_dim()->Add(from.dim.begin(), from.dim.end());
    to.set_keepdim(from.keepdim);
    if (from.dtype.has_value()) to.set_dtype(static_cast<v1::Dtype>(*from.dtype));
    if (const auto* variance = std::get_if<VarianceOptions>(&from.options)) {
      to.mutable_variance()->set_correction(variance->correction);
    } else if (const auto* norm = std::get_if<NormOptions>(&from.options)) {
      to.mutable_norm()->set_ord(norm->ord);
    } else if (const auto* quantile = std::get_if<QuantileOptions>(&from.options)) {
      const std::vector<double>& q = quantile->q.values();
      if (quantile->q.is_list()) {
        to.mutable_quantile()->mutable_list()->mutable_values()->Add(q.begin(), q.end());
      } else {
        to.mutable_quantile()->set_scalar(q[0]);
      }
      to.mutable_quantile()->set_interpolation(static_cast<v1::Interpolation>(quantile->interpolation));
    } else if (const auto* unique = std::get_if<UniqueOptions>(&from.options)) {
      to.mutable_unique()->set_return_inverse(unique->return_inverse);
      to.mutable_unique()->set_return_counts(unique->return_counts);
    }
  }
  return spec;
}

ReduceReply::ExecutionInfo FromProto(const v1::ExecutionInfo& info) {
  return {BackendName(info.backend()),    info.device(),
          FromProto(info.queue_time()),   FromProto(info.receive_time()),
          FromProto(info.compute_time()), info.received_bytes()};
}

ServerDescription FromProto(const v1::DescribeServerResponse& response) {
  ServerDescription server = {.version = response.version(),
                              .ops = {},
                              .backends = {},
                              .devices = {},
                              .simd = response.simd(),
                              .thread_count = response.thread_count(),
                              .max_unary_bytes = response.limits().max_unary_bytes(),
                              .max_dims = response.limits().max_dims(),
                              .max_reductions = response.limits().max_reductions(),
                              .byte_budget = response.limits().byte_budget()};
  for (const v1::OpDescription& from : response.ops()) {
    OpDescription& to =
        server.ops.emplace_back(OpDescription{v1::Op_IsValid(from.op()) ? static_cast<Op>(from.op()) : Op{},
                                              from.name(),
                                              from.summary(),
                                              {},
                                              from.options()});
    for (const int dtype : from.dtypes()) {
      // A newer server may know dtypes that this client does not.
      if (v1::Dtype_IsValid(dtype) && dtype != v1::DTYPE_UNSPECIFIED) to.dtypes.push_back(static_cast<DType>(dtype));
    }
  }
  for (const int backend : response.backends()) {
    server.backends.push_back(BackendName(static_cast<v1::Backend>(backend)));
  }
  for (const v1::Device& device : response.devices()) {
    server.devices.push_back({device.name(), device.description(), device.memory_bytes(), device.working()});
  }
  return server;
}

absl::Status ToStatus(const grpc::Status& status) {
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  google::rpc::Status details;
  if (status.ok() || !details.ParseFromString(status.error_details())) return result;
  google::rpc::RetryInfo retry;
  for (const google::protobuf::Any& detail : details.details()) {
    if (google::rpc::ErrorInfo info; detail.UnpackTo(&info)) {
      const std::string field = Metadata(info, "field");
      // The message names the field already, as Error would.
      const std::string prefix = absl::StrCat(field, ": ");
      result = Error(result.code(), {info.reason(), field, Metadata(info, "limit")},
                     std::string(absl::StripPrefix(status.error_message(), prefix)));
    } else {
      detail.UnpackTo(&retry);
    }
  }
  if (retry.has_retry_delay()) {
    result.SetPayload(kRetryDelayUrl, absl::Cord(absl::FormatDuration(FromProto(retry.retry_delay()))));
  }
  return result;
}

}  // namespace treduce::client
