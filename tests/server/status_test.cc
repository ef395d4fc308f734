// Errors as clients get them.
#include "server/status.h"

#include <string>

#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "server/engine/values/errors.h"

namespace treduce {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::StartsWith;

google::rpc::Status Details(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.code(), status.error_code());
  EXPECT_EQ(details.message(), status.error_message());
  return details;
}

TEST(Status, OfSuccessHasNoDetails) {
  const grpc::Status status = ToGrpcStatus(absl::OkStatus());
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(status.error_details(), "");
}

TEST(Status, NamesTheFieldTwice) {
  const grpc::Status status = ToGrpcStatus(InvalidField("DIM_OUT_OF_RANGE", "reductions[1].dim", "too high"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "reductions[1].dim: too high");
  const google::rpc::Status details = Details(status);
  ASSERT_EQ(details.details_size(), 2);

  google::rpc::ErrorInfo info;
  ASSERT_TRUE(details.details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "DIM_OUT_OF_RANGE");
  EXPECT_EQ(info.domain(), "treduce");
  EXPECT_EQ(info.metadata().at("field"), "reductions[1].dim");
  EXPECT_FALSE(info.metadata().contains("limit"));

  google::rpc::BadRequest bad_request;
  ASSERT_TRUE(details.details(1).UnpackTo(&bad_request));
  EXPECT_EQ(bad_request.field_violations(0).field(), "reductions[1].dim");
}

TEST(Status, CarriesTheLimitAndTheRetryDelay) {
  const absl::Status error = Error(absl::StatusCode::kResourceExhausted, {"FULL", "", "42"}, "full");
  const google::rpc::Status details = Details(ToGrpcStatus(WithRetryDelay(error, absl::Milliseconds(1250))));
  ASSERT_EQ(details.details_size(), 2);
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(details.details(0).UnpackTo(&info));
  EXPECT_EQ(info.metadata().at("limit"), "42");
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(details.details(1).UnpackTo(&retry));
  EXPECT_EQ(retry.retry_delay().seconds(), 1);
  EXPECT_EQ(retry.retry_delay().nanos(), 250000000);
}

TEST(Status, OfLongNamesFitsIntoATrailer) {
  std::string name;
  while (name.size() < 100'000) name += "名前";
  const grpc::Status status = ToGrpcStatus(InvalidField("UNKNOWN_PARAMETER", name, "unknown"));
  const google::rpc::Status details = Details(status);
  EXPECT_THAT(status.error_message(), AllOf(StartsWith("名前名前"), EndsWith("名...")));
  // As gRPC encodes them: what is not ASCII as %XX, the details in base64.
  EXPECT_LT(status.error_message().size() * 3 + status.error_details().size() * 4 / 3, 7 * 1024);

  google::rpc::BadRequest bad_request;
  ASSERT_TRUE(details.details(1).UnpackTo(&bad_request));
  EXPECT_THAT(bad_request.field_violations(0).field(), AllOf(StartsWith("名前"), EndsWith("...")));
}

TEST(Status, WithoutADetailHasCodeAndMessage) {
  const google::rpc::Status details = Details(ToGrpcStatus(absl::DeadlineExceededError("late")));
  EXPECT_EQ(details.details_size(), 0);
}

}  // namespace
}  // namespace treduce
