// The byte budget and the places.
#include "server/admission.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/engine/values/errors.h"
#include "server/status.h"
#include "tests/server/test_server.h"

namespace treduce {
namespace {

TEST(Admission, GivesBackBytesAndPlaces) {
  Admission admission(100, 1);
  {
    absl::StatusOr<Admission::Ticket> ticket = admission.Admit();
    ASSERT_TRUE(ticket.ok());
    EXPECT_TRUE(ticket->Charge(60).ok());
    EXPECT_TRUE(ticket->Charge(40).ok());
    EXPECT_EQ(admission.bytes_in_use(), 100);
    EXPECT_EQ(admission.calls_in_use(), 1);
    ticket->ShrinkTo(10);
    EXPECT_EQ(admission.bytes_in_use(), 10);
    const Admission::Ticket moved = *std::move(ticket);
    EXPECT_EQ(admission.bytes_in_use(), 10);
  }
  EXPECT_EQ(admission.bytes_in_use(), 0);
  EXPECT_EQ(admission.calls_in_use(), 0);
}

TEST(Admission, RefusesBytesBeyondTheBudgetForNow) {
  Admission admission(100, 2);
  absl::StatusOr<Admission::Ticket> first = admission.Admit();
  absl::StatusOr<Admission::Ticket> second = admission.Admit();
  ASSERT_TRUE(first->Charge(70).ok());
  const absl::Status status = second->Charge(31);
  EXPECT_EQ(DetailOf(status)->reason, "BYTE_BUDGET_EXHAUSTED");
  EXPECT_EQ(DetailOf(status)->limit, "100");
  EXPECT_TRUE(HasRetryInfo(ToGrpcStatus(status)));
  EXPECT_TRUE(second->Charge(30).ok());
}

TEST(Admission, RefusesForGoodWhatIsMoreThanTheBudget) {
  Admission admission(100, 1);
  absl::StatusOr<Admission::Ticket> ticket = admission.Admit();
  const absl::Status status = ticket->Charge(std::numeric_limits<int64_t>::max());
  EXPECT_EQ(DetailOf(status)->reason, "REQUEST_TOO_LARGE");
  EXPECT_FALSE(HasRetryInfo(ToGrpcStatus(status)));
  EXPECT_EQ(admission.bytes_in_use(), 0);
}

TEST(Admission, RefusesCallsBeyondThePlaces) {
  Admission admission(100, 1);
  std::optional<absl::StatusOr<Admission::Ticket>> first = admission.Admit();
  const absl::Status status = admission.Admit().status();
  EXPECT_TRUE(absl::IsResourceExhausted(status));
  EXPECT_EQ(DetailOf(status)->reason, "CALLS_EXHAUSTED");
  first.reset();
  EXPECT_TRUE(admission.Admit().ok());
}

TEST(Admission, LetsTicketsOutliveIt) {
  auto admission = std::make_optional<Admission>(100, 1);
  absl::StatusOr<Admission::Ticket> ticket = admission->Admit();
  ASSERT_TRUE(ticket->Charge(10).ok());
  admission.reset();
  ticket->ShrinkTo(5);
}

TEST(Admission, NeverExceedsTheBudgetWhenThreadsCompete) {
  Admission admission(10, 1000);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 10000; ++j) {
        absl::StatusOr<Admission::Ticket> ticket = admission.Admit();
        ticket->Charge(1 + j % 7).IgnoreError();
        EXPECT_LE(admission.bytes_in_use(), 10);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(admission.bytes_in_use(), 0);
  EXPECT_EQ(admission.calls_in_use(), 0);
}

}  // namespace
}  // namespace treduce
