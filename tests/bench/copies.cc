// What the server spends in copying: see parts.h.
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "tests/bench/contender.h"
#include "tests/bench/parts.h"
#include "tests/bench/server_process.h"

namespace treduce::bench {
namespace {

constexpr size_t kElementCount = (size_t{64} << 20) / sizeof(float);
constexpr absl::Duration kRecordTime = absl::Seconds(8);
constexpr double kMaxCopyPercent = 10;

// Percent of the samples of a recording.
struct Shares {
  double copy = 0;         // memcpy and memmove of the server
  double kernel_copy = 0;  // from the socket's buffers to the server's memory: what any receiver pays
  double fold = 0;         // the engine
};

// Runs `command` and gives what it prints.
absl::StatusOr<std::string> Output(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return absl::ErrnoToStatus(errno, command);
  std::string output;
  char buffer[4096];
  for (size_t n; (n = fread(buffer, 1, sizeof(buffer), pipe)) > 0;) output.append(buffer, n);
  if (pclose(pipe) != 0) return absl::UnavailableError(absl::StrCat("failed: ", command));
  return output;
}

// Adds up lines like " 12.34%  [k] rep_movs_alternative".
Shares SharesOf(const std::string& report) {
  Shares shares;
  for (const absl::string_view line : absl::StrSplit(report, '\n', absl::SkipWhitespace())) {
    const std::vector<std::string> words = absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    double percent = 0;
    if (words.size() < 3 || !absl::SimpleAtod(words[0].substr(0, words[0].size() - 1), &percent)) continue;
    const bool kernel = words[1] == "[k]";
    const auto has = [&](absl::string_view part) { return absl::StrContains(line, part); };
    if (kernel && (has("rep_movs") || has("copy_user") || has("copy_to_iter"))) {
      shares.kernel_copy += percent;
    } else if (!kernel && (has("memcpy") || has("memmove"))) {
      shares.copy += percent;
    } else if (!kernel && has("treduce::")) {
      shares.fold += percent;
    }
  }
  return shares;
}

// Sends requests while perf records the server.
absl::StatusOr<Shares> Record(ServerProcess& server, Contender& client) {
  const std::string file = absl::StrCat("/tmp/treduce-bench-", getpid(), ".perf");
  const std::string record =
      absl::StrFormat("perf record -q -e cpu-clock -F 2000 -p %d -o %s -- sleep %d 2>&1 >/dev/null", server.pid(), file,
                      absl::ToInt64Seconds(kRecordTime));
  FILE* recorder = popen(record.c_str(), "r");
  if (recorder == nullptr) return absl::ErrnoToStatus(errno, "perf record");
  absl::Status status;
  for (const absl::Time end = absl::Now() + kRecordTime; status.ok() && absl::Now() < end;) {
    status = client.Sum().status();
  }
  if (pclose(recorder) != 0) status.Update(absl::UnavailableError("perf record failed; is perf installed?"));
  absl::StatusOr<std::string> report;
  if (status.ok()) {
    report = Output(absl::StrFormat("perf report -i %s --stdio -q -F overhead,sym --sort sym 2>/dev/null", file));
    status = report.status();
  }
  unlink(file.c_str());
  if (!status.ok()) return status;
  return SharesOf(*report);
}

}  // namespace

absl::Status RunCopies(const Settings&, Report& report) {
  std::printf("\ncopies: share of the server's CPU time, 64 MiB float32 tensors, %s each\n",
              absl::FormatDuration(kRecordTime).c_str());
  const std::vector<float> data(kElementCount, 1.0f);
  for (const Transport transport : kTransports) {
    for (const bool streamed : {false, true}) {
      const auto server = ServerProcess::Start("treduce-server", transport, {"--max-unary-bytes=64MiB"});
      if (!server.ok()) return server.status();
      auto client = streamed ? ConnectStream((*server)->address()) : ConnectUnary((*server)->address());
      if (!client.ok()) return client.status();
      (*client)->Prepare(data);
      absl::Status status = (*client)->Sum().status();  // warms up
      if (!status.ok()) return status;
      const absl::StatusOr<Shares> shares = Record(**server, **client);
      if (!shares.ok()) return shares.status();
      const std::string what = absl::StrFormat("%s %s", Name(transport), streamed ? "streamed" : "unary");
      std::printf(
          "  %-14s copying %4.1f %%, the kernel's copy out of the socket %4.1f %%, treduce's own code %4.1f %%\n",
          what.c_str(), shares->copy, shares->kernel_copy, shares->fold);
      report.Add(JsonLine()
                     .Add("part", "copies")
                     .Add("what", what)
                     .Add("copy_percent", shares->copy)
                     .Add("kernel_copy_percent", shares->kernel_copy)
                     .Add("own_percent", shares->fold));
      report.AddAtMost(absl::StrFormat("64 MiB, %s: percent of server CPU in copying", what), shares->copy,
                       kMaxCopyPercent);
    }
  }
  return absl::OkStatus();
}

}  // namespace treduce::bench
