// treduce-conformance: runs conformance vectors through the engine, or through a server.
#include <cstdint>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "nlohmann/json.hpp"
#include "tests/conformance/runner.h"
#include "tests/conformance/suite.h"
#include "tests/conformance/vectors.h"

ABSL_FLAG(std::string, server, "", "ask the server at HOST:PORT or unix:PATH, not the engine in this process");
ABSL_FLAG(std::string, device, "cpu", "the engine's device: cpu, cuda or cuda:1; the CPU does what it does not take");
ABSL_FLAG(std::string, report, "", "write one line of JSON per case to this file");

namespace treduce::conformance {
namespace {

constexpr int kFailed = 1;
constexpr int kCannotRun = 2;

absl::StatusOr<std::vector<std::unique_ptr<Runner>>> MakeRunners(const std::string& address) {
  if (!address.empty()) return NewServerRunners(address);
  std::vector<std::unique_ptr<Runner>> runners;
  runners.push_back(NewEngineRunner(absl::GetFlag(FLAGS_device)));
  return runners;
}

std::string ReportLine(const Case& test, const std::vector<std::string>& failures) {
  nlohmann::ordered_json line = {{"id", test.id}, {"op", test.op}};
  if (test.skipped.empty()) {
    line["passed"] = failures.empty();
    if (!failures.empty()) line["failures"] = failures;
  } else {
    line["skipped"] = test.skipped;
  }
  return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

int Run(const std::vector<std::string>& paths, const std::string& address, const std::string& report_path) {
  std::vector<Case> cases;
  for (const std::string& path : paths) {
    absl::StatusOr<std::vector<Case>> read = ReadCases(path);
    if (!read.ok()) {
      std::cerr << read.status().message() << "\n";
      return kCannotRun;
    }
    std::move(read->begin(), read->end(), std::back_inserter(cases));
  }
  absl::StatusOr<std::vector<std::unique_ptr<Runner>>> runners = MakeRunners(address);
  if (!runners.ok()) {
    std::cerr << runners.status().message() << "\n";
    return kCannotRun;
  }
  std::ofstream report;
  if (!report_path.empty()) {
    report.open(report_path);
    if (!report) {
      std::cerr << report_path << ": cannot be written\n";
      return kCannotRun;
    }
  }

  int64_t passed = 0;
  int64_t failed = 0;
  std::map<std::string, int64_t> skipped;
  for (const Case& test : cases) {
    std::vector<std::string> failures;
    if (!test.skipped.empty()) {
      ++skipped[test.skipped];
    } else {
      failures = RunCase(test, *runners);
      ++(failures.empty() ? passed : failed);
      for (const std::string& failure : failures) std::cout << test.id << ": " << failure << "\n";
    }
    if (report.is_open()) report << ReportLine(test, failures);
  }
  for (const auto& [reason, count] : skipped) std::cout << count << " skipped: " << reason << "\n";
  std::cout << passed << " passed, " << failed << " failed\n";
  if (report.is_open() && !report.flush()) {
    std::cerr << report_path << ": cannot be written\n";
    return kCannotRun;
  }
  return failed == 0 ? 0 : kFailed;
}

}  // namespace
}  // namespace treduce::conformance

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "runs conformance vectors (.jsonl files, or directories of them).\n\n"
      "    treduce-conformance [--server ADDRESS | --device DEVICE] [--report FILE] PATH...\n\n"
      "Exits with 0 when no case failed, 1 when one did, 2 when the vectors could not be run.");
  const std::vector<char*> args = absl::ParseCommandLine(argc, argv);
  if (args.size() < 2) {
    std::cerr << "usage: treduce-conformance [--server ADDRESS | --device DEVICE] [--report FILE] PATH...\n";
    return treduce::conformance::kCannotRun;
  }
  return treduce::conformance::Run({args.begin() + 1, args.end()}, absl::GetFlag(FLAGS_server),
                                   absl::GetFlag(FLAGS_report));
}
