// Figures, tables and JSON lines: see report.h.
#include "tests/bench/report.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace treduce::bench {
namespace {

std::string CpuModel() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(": ") + 2);
  }
  return "unknown processor";
}

// Three digits, or the whole number if that has more.
std::string Rounded(double value) {
  return value >= 100 ? absl::StrFormat("%.0f", value) : absl::StrFormat("%.3g", value);
}

}  // namespace

Spread SpreadOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  const double median = values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {values.front(), median, values.back()};
}

Spread RatioSpread(absl::Span<const double> numerators, absl::Span<const double> denominators) {
  std::vector<double> ratios;
  for (size_t i = 0; i < numerators.size(); ++i) ratios.push_back(numerators[i] / denominators[i]);
  return SpreadOf(std::move(ratios));
}

std::string ToString(const Spread& spread) {
  return absl::StrFormat("%s [%s..%s]", Rounded(spread.median), Rounded(spread.min), Rounded(spread.max));
}

std::string ByteCountName(int64_t bytes) {
  for (const auto& [unit, name] : {std::pair(int64_t{1} << 30, "GiB"), {1 << 20, "MiB"}, {1 << 10, "KiB"}}) {
    if (bytes >= unit) return absl::StrFormat("%.4g %s", static_cast<double>(bytes) / static_cast<double>(unit), name);
  }
  return absl::StrCat(bytes, " B");
}

JsonLine& JsonLine::Add(std::string_view name, std::string_view value) {
  return AddMember(name, absl::StrFormat("\"%s\"", value));
}

JsonLine& JsonLine::Add(std::string_view name, double value) {
  return AddMember(name, value == std::floor(value) ? absl::StrFormat("%.0f", value) : absl::StrFormat("%.5g", value));
}

JsonLine& JsonLine::Add(std::string_view name, const Spread& value) {
  return AddMember(name, JsonLine().Add("median", value.median).Add("min", value.min).Add("max", value.max).str());
}

JsonLine& JsonLine::AddMember(std::string_view name, std::string_view json) {
  absl::StrAppendFormat(&members_, "%s\"%s\": %s", members_.empty() ? "" : ", ", name, json);
  return *this;
}

void Report::AddTarget(std::string_view what, std::string_view relation, double value, double bound, bool met) {
  targets_.push_back(
      {absl::StrFormat("%-76s %8.3g %s %-5g %s", what, value, relation, bound, met ? "met" : "MISSED"), met});
  Add(JsonLine().Add("part", "target").Add("what", what).Add("value", value).Add("bound", bound).Add("met", met));
}

bool Report::PrintTargets() const {
  if (!targets_.empty()) std::printf("\ntargets\n");
  for (const Target& target : targets_) std::printf("  %s\n", target.text.c_str());
  return std::all_of(targets_.begin(), targets_.end(), [](const Target& target) { return target.met; });
}

std::string MachineDescription() {
  utsname system = {};
  uname(&system);
  double load[1] = {};
  getloadavg(load, 1);
  return absl::StrFormat("%s, %d cores, %s %s, load %.1f", CpuModel(), sysconf(_SC_NPROCESSORS_ONLN), system.sysname,
                         system.release, load[0]);
}

}  // namespace treduce::bench
