// The progress line, and where it is drawn.
#include "client/cli/progress.h"

#include <gtest/gtest.h>

#include <cstdio>

namespace treduce::cli {
namespace {

TEST(Progress, BytesAreReadable) {
  EXPECT_EQ(BytesText(12), "12 B");
  EXPECT_EQ(BytesText(1536), "1.5 KiB");
  EXPECT_EQ(BytesText(int64_t{2} << 30), "2.0 GiB");
  EXPECT_EQ(BytesText(INT64_MAX), "8.0 EiB");
}

TEST(Progress, LinesShowPartRateAndTime) {
  EXPECT_EQ(ProgressLine(1 << 20, 4 << 20, absl::Seconds(1), 60),
            " 25% [===>         ] 1.0 MiB of 4.0 MiB, 1.0 MiB/s, 3 s left");
  EXPECT_EQ(ProgressLine(int64_t{2} << 30, int64_t{2} << 30, absl::Seconds(2), 60),
            "100% [================] 2.0 GiB of 2.0 GiB, 1.0 GiB/s, 2.0 s");
  EXPECT_EQ(ProgressLine(0, 4, absl::ZeroDuration(), 40), "  0% [>            ] 0 B of 4 B, 0 B/s, ");
}

TEST(Progress, NarrowLinesHaveNoBar) {
  EXPECT_EQ(ProgressLine(1, 2, absl::Seconds(1), 10), " 50% [] 1 B of 2 B, 1 B/s, 1 s left");
}

TEST(Progress, AFileIsNoTerminal) {
  std::FILE* file = std::tmpfile();
  {
    ProgressBar bar(file);
    bar.Update(1, 2);
    bar.Update(2, 2);
  }
  EXPECT_EQ(std::ftell(file), 0);
  std::fclose(file);
}

}  // namespace
}  // namespace treduce::cli
