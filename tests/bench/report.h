// What the benchmarks print: figures with their spread, tables for people, JSON lines for programs.
#ifndef TREDUCE_TESTS_BENCH_REPORT_H_
#define TREDUCE_TESTS_BENCH_REPORT_H_

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"

namespace treduce::bench {

// A figure measured once a round.
struct Spread {
  double min = 0;
  double median = 0;
  double max = 0;
};

// Of at least one value.
Spread SpreadOf(std::vector<double> values);
// Of numerators[i] / denominators[i]: what was measured in one round is compared with what was measured beside it.
Spread RatioSpread(absl::Span<const double> numerators, absl::Span<const double> denominators);

// "1.23 [1.10..1.40]"
std::string ToString(const Spread& spread);
// "64 KiB", "1 GiB"
std::string ByteCountName(int64_t bytes);

// One line of JSON, built member by member. Strings must need no escapes.
class JsonLine {
 public:
  JsonLine& Add(std::string_view name, std::string_view value);
  JsonLine& Add(std::string_view name, double value);
  JsonLine& Add(std::string_view name, std::same_as<bool> auto value) {
    return AddMember(name, value ? "true" : "false");
  }
  JsonLine& Add(std::string_view name, const Spread& value);
  // null for nullopt.
  JsonLine& Add(std::string_view name, std::optional<double> value) {
    return value ? Add(name, *value) : AddMember(name, "null");
  }
  std::string str() const { return "{" + members_ + "}"; }

 private:
  JsonLine& AddMember(std::string_view name, std::string_view json);

  std::string members_;
};

// Collects what is printed at the end of a run.
class Report {
 public:
  void Add(const JsonLine& line) { lines_.push_back(line.str()); }
  // A figure that the project holds itself to.
  void AddAtLeast(std::string_view what, double value, double bound) {
    AddTarget(what, ">=", value, bound, value >= bound);
  }
  void AddAtMost(std::string_view what, double value, double bound) {
    AddTarget(what, "<=", value, bound, value <= bound);
  }

  // Prints the targets; whether all are met.
  bool PrintTargets() const;
  const std::vector<std::string>& json_lines() const { return lines_; }

 private:
  void AddTarget(std::string_view what, std::string_view relation, double value, double bound, bool met);

  struct Target {
    std::string text;
    bool met;
  };
  std::vector<std::string> lines_;
  std::vector<Target> targets_;
};

// Processor, cores, system and load of this machine, in one line.
std::string MachineDescription();

}  // namespace treduce::bench

#endif  // TREDUCE_TESTS_BENCH_REPORT_H_
