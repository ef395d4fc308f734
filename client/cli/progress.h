// The progress bar of a long upload.
#ifndef TREDUCE_CLIENT_CLI_PROGRESS_H_
#define TREDUCE_CLIENT_CLI_PROGRESS_H_

#include <cstdint>
#include <cstdio>
#include <string>

#include "absl/time/time.h"

namespace treduce::cli {

// "921.6 MiB", "12 B".
std::string BytesText(int64_t bytes);

// " 45% [=======>        ] 921.6 MiB of 2.0 GiB, 1.3 GB/s, 1 s left", of exactly `columns` columns where they suffice.
std::string ProgressLine(int64_t done, int64_t total, absl::Duration elapsed, int columns);

// Draws the line above on a terminal, in place, and again every tenth of a second. Nothing is drawn in the first half
// second, and nothing at all when `terminal` is none.
class ProgressBar {
 public:
  explicit ProgressBar(std::FILE* terminal);
  // Leaves the line as it is and goes to the next.
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void Update(int64_t done, int64_t total);

 private:
  std::FILE* const terminal_;  // null when it is none
  const absl::Time start_;
  absl::Time next_;  // when to draw again
  bool drawn_ = false;
};

}  // namespace treduce::cli

#endif  // TREDUCE_CLIENT_CLI_PROGRESS_H_
