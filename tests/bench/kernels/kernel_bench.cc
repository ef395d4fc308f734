// The kernel benchmark: every op of the registry, on the dtypes and shapes that matter, beside the roof of the machine,
// PyTorch and NumPy, which take turns within each round. Answers are checked first. Prints a table, a summary and the
// project's targets. `scripts/bench kernels` builds and runs it.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "tests/bench/kernels/goals.h"
#include "tests/bench/kernels/heatmap.h"
#include "tests/bench/kernels/session.h"

using Names = std::vector<std::string>;

ABSL_FLAG(Names, ops, {},
          "ops to measure, all unless given; \"fused\" is sum, amin, amax, mean and std in one request");
ABSL_FLAG(Names, dtypes, {}, "dtypes to measure, all eight unless given");
ABSL_FLAG(std::string, shapes, "", "shapes to measure, separated by spaces; all unless given");
ABSL_FLAG(Names, threads, Names({"1", "2"}), "numbers of threads");
ABSL_FLAG(bool, quick, false,
          "float32, float16, int32 and uint8 in three shapes on one thread, unless given otherwise");
ABSL_FLAG(std::string, peers, "", "Python with PyTorch and NumPy, a command line split at spaces; none unless given");
ABSL_FLAG(std::string, memory, "kept",
          "whether results and temporary tensors take memory that was used before (kept) or malloc's choice (fresh)");
ABSL_FLAG(std::string, peers_script, "tests/bench/kernels/peers.py", "what the peers' Python runs");
ABSL_FLAG(absl::Duration, cell_budget, absl::Milliseconds(300), "time after which a cell's rounds end");
ABSL_FLAG(absl::Duration, patience, absl::Seconds(3), "no call of a peer that is expected to take longer is made");
ABSL_FLAG(std::string, json, "", "file for one JSON object a line");
ABSL_FLAG(std::string, svg, "", "file for the picture of the ratios to PyTorch");
ABSL_FLAG(bool, check, false, "exit with 1 when a target is missed");

namespace treduce::bench {
namespace {

int Fail(std::string_view message) {
  std::fflush(stdout);
  std::fprintf(stderr, "treduce-kernel-bench: %s\n", std::string(message).c_str());
  return 2;
}

Selection SelectionOfFlags() {
  Selection selection = {absl::GetFlag(FLAGS_ops), absl::GetFlag(FLAGS_dtypes),
                         absl::StrSplit(absl::GetFlag(FLAGS_shapes), ' ', absl::SkipEmpty())};
  if (absl::GetFlag(FLAGS_quick)) {
    if (selection.dtypes.empty()) selection.dtypes = {"float32", "float16", "int32", "uint8"};
    if (selection.shapes.empty()) selection.shapes = {"64K", "64M", "8192x8192:0"};
  }
  return selection;
}

// Empty when one of them is no number.
std::vector<int> ThreadsOfFlags() {
  std::vector<int> threads;
  for (const std::string& text : absl::GetFlag(FLAGS_threads)) {
    int count = 0;
    if (!absl::SimpleAtoi(text, &count) || count < 1) return {};
    threads.push_back(count);
  }
  if (absl::GetFlag(FLAGS_quick)) threads.resize(1);
  return threads;
}

std::string TimeText(double seconds) {
  return seconds < 1e-3 ? absl::StrFormat("%.3g us", seconds * 1e6) : absl::StrFormat("%.3g ms", seconds * 1e3);
}

std::string RatioText(std::optional<double> ratio) { return ratio ? absl::StrFormat("%.3g", *ratio) : "-"; }

// Headed lines for each dtype and shape.
void PrintRow(const std::vector<Cell>& cells, const Problem* last) {
  const Problem& problem = cells.front().problem;
  if (last == nullptr || last->dtype != problem.dtype || last->shape != problem.shape) {
    std::printf("\n%-20s",
                absl::StrCat(std::string(Name(problem.dtype)), " ", std::string(problem.shape->name)).c_str());
    for (const Cell& cell : cells) std::printf(" | %2d x: time    roof   torch   numpy", cell.threads);
    std::printf("\n");
  }
  std::printf("%-20s", problem.op.c_str());
  for (const Cell& cell : cells) {
    std::printf(" | %10s %7s %7s %7s", TimeText(cell.seconds).c_str(), RatioText(cell.vs_roof).c_str(),
                RatioText(cell.vs_torch).c_str(), RatioText(cell.vs_numpy).c_str());
  }
  std::printf("%s\n", cells.back().wrong.empty() ? "" : " WRONG");
  std::fflush(stdout);
}

JsonLine LineOf(const Cell& cell) {
  const auto bytes = static_cast<double>(cell.problem.ByteCount());
  return JsonLine()
      .Add("cell", cell.Name())
      .Add("op", cell.problem.op)
      .Add("dtype", Name(cell.problem.dtype))
      .Add("shape", cell.problem.shape->name)
      .Add("threads", static_cast<double>(cell.threads))
      .Add("bytes", bytes)
      .Add("seconds", cell.seconds)
      .Add("roof_seconds", cell.roof_seconds)
      .Add("torch_seconds", cell.torch_seconds)
      .Add("numpy_seconds", cell.numpy_seconds)
      .Add("vs_roof", cell.vs_roof)
      .Add("vs_torch", cell.vs_torch)
      .Add("vs_numpy", cell.vs_numpy)
      .Add("disturbed", cell.disturbed)
      .Add("checked_by", cell.checked_by)
      .Add("right", cell.wrong.empty());
}

int Run() {
  const absl::StatusOr<std::vector<Problem>> problems = SelectProblems(SelectionOfFlags());
  if (!problems.ok()) return Fail(std::string(problems.status().message()));
  const std::vector<int> threads = ThreadsOfFlags();
  if (threads.empty()) return Fail("--threads: numbers of 1 and more are needed");
  const std::string memory = absl::GetFlag(FLAGS_memory);
  if (memory != "kept" && memory != "fresh") return Fail("--memory: kept or fresh");
  if (memory == "kept") KeepFreedMemory();
  std::unique_ptr<Peers> peers;
  if (const std::string command = absl::GetFlag(FLAGS_peers); !command.empty()) {
    std::vector<std::string> arguments = absl::StrSplit(command, ' ', absl::SkipEmpty());
    arguments.push_back(absl::GetFlag(FLAGS_peers_script));
    absl::StatusOr<std::unique_ptr<Peers>> started = Peers::Start(arguments, memory == "kept");
    if (!started.ok()) return Fail(absl::StrCat("--peers: ", started.status().message()));
    peers = *std::move(started);
  }
  std::ofstream json;
  if (const std::string path = absl::GetFlag(FLAGS_json); !path.empty()) json.open(path);
  double load = 0;
  if (getloadavg(&load, 1) == 1 && load > 0.5) {
    std::fprintf(stderr,
                 "treduce-kernel-bench: other work runs on this machine; PyTorch suffers first, with 2 threads\n");
  }
  std::printf("%s\n%s\n", MachineDescription().c_str(), peers ? std::string(peers->versions()).c_str() : "no peers");

  const absl::Time start = absl::Now();
  Session session(*problems, peers.get(), threads, {.budget = absl::GetFlag(FLAGS_cell_budget)},
                  absl::GetFlag(FLAGS_patience));
  Report report;
  std::vector<Cell> cells;
  const Problem* last = nullptr;
  for (const Problem& problem : *problems) {
    absl::StatusOr<std::vector<Cell>> measured = session.Measure(problem);
    if (!measured.ok()) return Fail(absl::StrCat(problem.Name(), ": ", measured.status().ToString()));
    PrintRow(*measured, last);
    for (const Cell& cell : *measured) json << LineOf(cell).str() << std::endl;
    cells.insert(cells.end(), measured->begin(), measured->end());
    last = &problem;
  }
  PrintSummary(cells);
  std::printf("\n%.0f s\n", absl::ToDoubleSeconds(absl::Now() - start));
  AddGoals(cells, report);
  for (const std::string& line : report.json_lines()) json << line << "\n";
  if (const std::string path = absl::GetFlag(FLAGS_svg); !path.empty()) std::ofstream(path) << Heatmap(cells);
  const bool met = report.PrintTargets();
  if (!AllRight(cells)) return Fail("answers are wrong");
  return absl::GetFlag(FLAGS_check) && !met ? 1 : 0;
}

}  // namespace
}  // namespace treduce::bench

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("Measures treduce's kernels. See tests/bench/README.md.");
  absl::ParseCommandLine(argc, argv);
  std::signal(SIGPIPE, SIG_IGN);  // of a Python process that gave up
  return treduce::bench::Run();
}
