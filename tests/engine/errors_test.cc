// Tests of server/engine/values/errors.cc.
#include "server/engine/values/errors.h"

#include "gmock/gmock.h"

namespace treduce {
namespace {

TEST(Errors, TheMessageStartsWithTheField) {
  const absl::Status status = InvalidField("DIM_OUT_OF_RANGE", "reductions[1].dim", "no such dim");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(status.message()), "reductions[1].dim: no such dim");
}

TEST(Errors, WithoutAFieldTheMessageStandsAlone) {
  const absl::Status status = Error(absl::StatusCode::kResourceExhausted, {"SERVER_FULL", "", ""}, "try again");
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(std::string(status.message()), "try again");
}

TEST(Errors, TheDetailTravelsWithTheStatus) {
  const auto detail = DetailOf(Error(absl::StatusCode::kInvalidArgument, {"TOO_MANY_DIMS", "shape", "64"}, "65 dims"));
  ASSERT_TRUE(detail.has_value());
  EXPECT_EQ(detail->reason, "TOO_MANY_DIMS");
  EXPECT_EQ(detail->field, "shape");
  EXPECT_EQ(detail->limit, "64");
}

TEST(Errors, PartsNotGivenAreEmpty) {
  const auto detail = DetailOf(Error(absl::StatusCode::kUnavailable, {"DRAINING", "", ""}, "the server is draining"));
  ASSERT_TRUE(detail.has_value());
  EXPECT_EQ(detail->reason, "DRAINING");
  EXPECT_EQ(detail->field, "");
  EXPECT_EQ(detail->limit, "");
}

TEST(Errors, OtherStatusesHaveNoDetail) {
  EXPECT_FALSE(DetailOf(absl::OkStatus()).has_value());
  EXPECT_FALSE(DetailOf(absl::CancelledError("gone")).has_value());
}

}  // namespace
}  // namespace treduce
