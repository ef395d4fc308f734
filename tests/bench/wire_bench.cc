// The wire benchmark: what treduce's transport costs beside a plain socket and beside a server written the usual way.
// Every server is a process of its own, contenders take turns within each round, every answer is checked. Prints
// tables, then JSON lines, then the project's targets. `scripts/bench` builds and runs it.
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tests/bench/parts.h"

ABSL_FLAG(std::vector<std::string>, parts, std::vector<std::string>({"bulk", "small", "idle"}),
          "what to measure: any of bulk, small, idle, memory, copies");
ABSL_FLAG(int, rounds, 5, "rounds that the medians are taken over");
ABSL_FLAG(std::vector<std::string>, sizes, std::vector<std::string>({"64KiB", "1MiB", "16MiB", "256MiB", "1GiB"}),
          "sizes of the tensors of the bulk part");
ABSL_FLAG(bool, quick, false, "3 rounds of 1 MiB and 256 MiB");
ABSL_FLAG(bool, check, false, "exit with 1 when a target is missed");

namespace treduce::bench {
namespace {

using Part = absl::Status (*)(const Settings&, Report&);

const std::map<std::string, Part>& Parts() {
  static const auto& parts = *new std::map<std::string, Part>{
      {"bulk", RunBulk}, {"small", RunSmall}, {"idle", RunIdle}, {"memory", RunMemory}, {"copies", RunCopies}};
  return parts;
}

// "64KiB", "1GiB"; 0 for anything else.
int64_t ParseSize(absl::string_view text) {
  const std::pair<absl::string_view, int> units[] = {{"KiB", 10}, {"MiB", 20}, {"GiB", 30}};
  for (const auto& [unit, shift] : units) {
    int64_t count = 0;
    if (absl::ConsumeSuffix(&text, unit)) return absl::SimpleAtoi(text, &count) && count > 0 ? count << shift : 0;
  }
  return 0;
}

int Fail(const std::string& message) {
  std::fprintf(stderr, "treduce-wire-bench: %s\n", message.c_str());
  return 2;
}

int Run() {
  Settings settings = {.rounds = absl::GetFlag(FLAGS_rounds), .sizes = {}, .small_load_time = absl::Seconds(1)};
  std::vector<std::string> sizes = absl::GetFlag(FLAGS_sizes);
  if (absl::GetFlag(FLAGS_quick)) {
    settings = {.rounds = 3, .sizes = {}, .small_load_time = absl::Milliseconds(300)};
    sizes = {"1MiB", "256MiB"};
  }
  if (settings.rounds < 1) return Fail("--rounds must be at least 1");
  for (const std::string& size : sizes) {
    settings.sizes.push_back(ParseSize(size));
    if (settings.sizes.back() == 0) return Fail(absl::StrCat("--sizes: not a size: ", size));
  }
  Report report;
  std::printf("%s\n", MachineDescription().c_str());
  for (const std::string& name : absl::GetFlag(FLAGS_parts)) {
    const auto part = Parts().find(name);
    if (part == Parts().end()) return Fail(absl::StrCat("--parts: no such part: ", name));
    const absl::Status status = part->second(settings, report);
    if (!status.ok()) return Fail(absl::StrCat(name, ": ", status.ToString()));
    std::fflush(stdout);
  }
  std::printf("\n");
  for (const std::string& line : report.json_lines()) std::printf("%s\n", line.c_str());
  const bool met = report.PrintTargets();
  return absl::GetFlag(FLAGS_check) && !met ? 1 : 0;
}

}  // namespace
}  // namespace treduce::bench

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("Measures treduce's transport. See tests/bench/README.md.");
  absl::ParseCommandLine(argc, argv);
  return treduce::bench::Run();
}
