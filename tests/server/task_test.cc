// Tasks: what they end in reaches the coroutine that awaits them.
#include "server/rpc/task.h"

#include <new>
#include <optional>

#include "gtest/gtest.h"

namespace treduce {
namespace {

rpc::Task Fails() { co_return absl::NotFoundError("gone"); }

rpc::Task RunsOutOfMemory() {
  throw std::bad_alloc();
  co_return absl::OkStatus();
}

rpc::Task Awaits(rpc::Task task) { co_return co_await task; }

rpc::Detached RunToEnd(rpc::Task task, std::optional<absl::Status>& status) { status = co_await task; }

TEST(Task, GivesItsStatus) {
  std::optional<absl::Status> status;
  RunToEnd(Awaits(Fails()), status);
  EXPECT_EQ(status, absl::NotFoundError("gone"));
}

TEST(Task, RunningOutOfMemoryIsAStatus) {
  std::optional<absl::Status> status;
  RunToEnd(Awaits(RunsOutOfMemory()), status);
  ASSERT_TRUE(status.has_value());
  EXPECT_TRUE(absl::IsResourceExhausted(*status)) << *status;
  EXPECT_EQ(DetailOf(*status)->reason, "OUT_OF_MEMORY");
}

}  // namespace
}  // namespace treduce
