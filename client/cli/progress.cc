// See progress.h.
#include "client/cli/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

namespace treduce::cli {
namespace {

constexpr absl::Duration kPatience = absl::Milliseconds(500);
constexpr absl::Duration kInterval = absl::Milliseconds(100);

int Columns(std::FILE* terminal) {
  winsize size = {};
  return ioctl(fileno(terminal), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

std::string BytesText(int64_t bytes) {
  if (bytes < 1024) return absl::StrCat(bytes, " B");
  auto amount = static_cast<double>(bytes);
  const char* unit = "B";
  for (const char* larger : {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}) {
    if (amount < 1024) break;
    amount /= 1024;
    unit = larger;
  }
  return absl::StrFormat("%.1f %s", amount, unit);
}

std::string ProgressLine(int64_t done, int64_t total, absl::Duration elapsed, int columns) {
  const double part = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 1;
  const double seconds = std::max(absl::ToDoubleSeconds(elapsed), 1e-3);
  const auto rate = static_cast<int64_t>(static_cast<double>(done) / seconds);
  const std::string time = done == total ? absl::StrFormat("%.1f s", seconds)
                           : done > 0    ? absl::StrFormat("%.0f s left", std::ceil(seconds * (1 - part) / part))
                                         : "";
  const std::string left = absl::StrFormat("%3.0f%% [", std::floor(100 * part));
  const std::string right =
      absl::StrFormat("] %s of %s, %s/s, %s", BytesText(done), BytesText(total), BytesText(rate), time);
  const int width = std::max(0, columns - static_cast<int>(left.size() + right.size()));
  std::string bar(width, ' ');
  const int filled = static_cast<int>(part * width);
  std::fill_n(bar.begin(), filled, '=');
  if (filled < width) bar[filled] = '>';
  return absl::StrCat(left, bar, right);
}

ProgressBar::ProgressBar(std::FILE* terminal)
    : terminal_(isatty(fileno(terminal)) ? terminal : nullptr), start_(absl::Now()), next_(start_ + kPatience) {}

ProgressBar::~ProgressBar() {
  if (drawn_) std::fputc('\n', terminal_);
}

void ProgressBar::Update(int64_t done, int64_t total) {
  if (terminal_ == nullptr) return;
  const absl::Time now = absl::Now();
  if (now < next_ && !(drawn_ && done == total)) return;
  next_ = now + kInterval;
  drawn_ = true;
  // One column less than there are: the last may wrap. What a longer line left behind is cleared.
  std::fprintf(terminal_, "\r%s\x1b[K", ProgressLine(done, total, now - start_, Columns(terminal_) - 1).c_str());
  std::fflush(terminal_);
}

}  // namespace treduce::cli
