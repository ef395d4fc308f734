// See args.h.
#include "client/cli/args.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace treduce::cli {
namespace {

absl::Status Usage(std::string_view what) { return absl::InvalidArgumentError(std::string(what)); }

absl::Status NotA(std::string_view option, std::string_view value, std::string_view what) {
  return Usage(absl::StrCat(std::string(option), ": '", std::string(value), "' is not ", std::string(what)));
}

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

absl::Status ParseDim(std::string_view option, std::string_view value, std::vector<int64_t>* dims) {
  for (absl::string_view part : absl::StrSplit(View(value), ',')) {
    int64_t dim;
    if (!absl::SimpleAtoi(part, &dim)) return NotA(option, value, "a list of dims, such as 0 or 0,-1");
    dims->push_back(dim);
  }
  return absl::OkStatus();
}

absl::Status ParseDType(std::string_view option, std::string_view value, std::optional<DType>* dtype) {
  *dtype = DTypeFromName(value);
  if (dtype->has_value()) return absl::OkStatus();
  const std::string names =
      absl::StrJoin(kAllDTypes, ", ", [](std::string* out, DType each) { out->append(Name(each)); });
  return NotA(option, value, absl::StrCat("one of ", names));
}

absl::Status ParseNumber(std::string_view option, std::string_view value, std::optional<double>* number) {
  double parsed;
  if (!absl::SimpleAtod(View(value), &parsed)) return NotA(option, value, "a number");
  *number = parsed;
  return absl::OkStatus();
}

// "0.5" is one quantile, "0.5,0.9" a list, and so is "0.5,".
absl::Status ParseQuantiles(std::string_view option, std::string_view value, std::optional<Quantiles>* q) {
  std::vector<double> values;
  for (absl::string_view part : absl::StrSplit(absl::StripSuffix(View(value), ","), ',')) {
    if (!absl::SimpleAtod(part, &values.emplace_back())) {
      return NotA(option, value, "a number or a list of numbers, such as 0.5 or 0.1,0.9");
    }
  }
  if (absl::StrContains(View(value), ',')) {
    *q = std::move(values);
  } else {
    *q = values[0];
  }
  return absl::OkStatus();
}

absl::Status ParseInterpolation(std::string_view option, std::string_view value,
                                std::optional<Interpolation>* interpolation) {
  *interpolation = InterpolationFromName(value);
  return interpolation->has_value() ? absl::OkStatus()
                                    : NotA(option, value, "one of linear, lower, higher, midpoint, nearest");
}

absl::Status ParseTimeout(std::string_view option, std::string_view value, absl::Duration* timeout) {
  double seconds;
  if (!absl::SimpleAtod(View(value), &seconds) || !(seconds > 0))
    return NotA(option, value, "a number of seconds above 0");
  *timeout = absl::Seconds(seconds);
  return absl::OkStatus();
}

// "float32:2x3"; nothing behind the colon is a 0-d tensor.
absl::Status ParseRaw(std::string_view option, std::string_view value, std::optional<RawLayout>* raw) {
  constexpr std::string_view kWanted = "DTYPE:SHAPE, such as float32:2x3";
  const size_t colon = value.find(':');
  const std::optional<DType> dtype = DTypeFromName(value.substr(0, colon));
  if (colon == std::string_view::npos || !dtype.has_value()) return NotA(option, value, kWanted);
  Shape shape;
  const absl::string_view extents = View(value.substr(colon + 1));
  for (absl::string_view part : absl::StrSplit(extents, 'x', absl::AllowEmpty())) {
    int64_t extent;
    if (extents.empty()) break;
    if (!absl::SimpleAtoi(part, &extent) || extent < 0) return NotA(option, value, kWanted);
    shape.push_back(extent);
  }
  *raw = RawLayout{*dtype, std::move(shape)};
  return absl::OkStatus();
}

// Changes of one letter (one more, one less, another) that turn `a` into `b`.
int EditDistance(std::string_view a, std::string_view b) {
  std::vector<int> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 0; i < a.size(); ++i) {
    int diagonal = std::exchange(row[0], static_cast<int>(i) + 1);
    for (size_t j = 0; j < b.size(); ++j) {
      const int change = diagonal + (a[i] != b[j] ? 1 : 0);
      diagonal = std::exchange(row[j + 1], std::min({change, row[j] + 1, row[j + 1] + 1}));
    }
  }
  return row.back();
}

absl::Status UnknownOp(std::string_view word) {
  std::vector<std::pair<int, std::string_view>> near;
  for (const OpInfo& op : AllOps()) {
    const int distance = EditDistance(word, op.name);
    // Another word altogether is no typing mistake.
    if (distance <= (op.name.size() < 6 ? 1 : 2)) near.emplace_back(distance, op.name);
  }
  absl::c_sort(near);
  if (near.empty()) {
    return Usage(absl::StrCat("unknown op '", std::string(word),
                              "'; ops come first, one FILE last, and 'treduce ops' lists the ops"));
  }
  near.resize(std::min<size_t>(near.size(), 3));
  return Usage(absl::StrCat(
      "unknown op '", std::string(word), "'; did you mean ",
      absl::StrJoin(near, " or ", [](std::string* out, const auto& each) { out->append(each.second); }), "?"));
}

// The words that are neither options nor their values.
absl::Status ParsePositionals(absl::Span<const std::string_view> words, Arguments* arguments) {
  constexpr std::pair<std::string_view, Command> kCommands[] = {{"health", Command::kHealth},
                                                                {"describe", Command::kDescribe},
                                                                {"ops", Command::kOps},
                                                                {"help", Command::kHelp},
                                                                {"version", Command::kVersion}};
  for (const auto& [name, command] : kCommands) {
    if (words.empty() || words[0] != name) continue;
    if (words.size() > 1) return Usage(absl::StrCat("'", std::string(name), "' stands alone"));
    if (arguments->command != Command::kHelp) arguments->command = command;
    return absl::OkStatus();
  }
  const bool helps = arguments->command == Command::kHelp;
  if (words.empty()) return helps ? absl::OkStatus() : Usage("what to reduce? Try 'treduce sum x.npy'");
  const bool has_file = words.size() > 1 && FindOp(words.back()) == nullptr;
  if (has_file) {
    arguments->file = std::string(words.back());
    words.remove_suffix(1);
  }
  for (std::string_view word : words) {
    const OpInfo* op = FindOp(word);
    if (op == nullptr) return UnknownOp(word);
    if (absl::c_linear_search(arguments->ops, op)) {
      return Usage(absl::StrCat("op '", std::string(word), "' is given twice"));
    }
    arguments->ops.push_back(op);
  }
  if (has_file || helps) return absl::OkStatus();
  return Usage(absl::StrCat("no file is given after '", std::string(words.back()), "'; - is standard input"));
}

// An option that no op would look at is a mistake.
absl::Status CheckOptionsAreUsed(const Arguments& arguments) {
  const auto unused = [&](bool given, std::string_view option, auto takes) -> absl::Status {
    if (!given || absl::c_any_of(arguments.ops, [&](const OpInfo* op) { return takes(*op); })) return absl::OkStatus();
    std::vector<std::string_view> takers;
    for (const OpInfo& op : AllOps()) {
      if (takes(op)) takers.push_back(op.name);
    }
    return Usage(
        absl::StrCat(std::string(option), " is an option of ",
                     absl::StrJoin(takers, ", ", [](std::string* out, std::string_view each) { out->append(each); })));
  };
  absl::Status status = unused(arguments.dtype.has_value(), "--dtype", [](const OpInfo& op) { return op.casts; });
  status.Update(unused(arguments.correction.has_value(), "--correction",
                       [](const OpInfo& op) { return op.options == OptionsKind::kVariance; }));
  status.Update(
      unused(arguments.ord.has_value(), "--ord", [](const OpInfo& op) { return op.options == OptionsKind::kNorm; }));
  const auto is_quantile = [](const OpInfo& op) { return op.options == OptionsKind::kQuantile; };
  status.Update(unused(arguments.q.has_value(), "--q", is_quantile));
  status.Update(unused(arguments.interpolation.has_value(), "--interpolation", is_quantile));
  const auto is_unique = [](const OpInfo& op) { return op.options == OptionsKind::kUnique; };
  status.Update(unused(arguments.unique.return_inverse, "--return-inverse", is_unique));
  status.Update(unused(arguments.unique.return_counts, "--return-counts", is_unique));
  return status;
}

// The option's name, and its value when it was joined by "=".
std::pair<std::string_view, std::optional<std::string_view>> SplitOption(std::string_view word) {
  const size_t equals = word.find('=');
  if (equals == std::string_view::npos) return {word, std::nullopt};
  return {word.substr(0, equals), word.substr(equals + 1)};
}

}  // namespace

absl::StatusOr<Arguments> ParseArguments(absl::Span<const std::string_view> words, std::string_view server) {
  Arguments arguments;
  arguments.server = std::string(server);
  std::vector<std::string_view> positionals;
  bool options_end = false;
  for (size_t i = 0; i < words.size(); ++i) {
    if (options_end || !words[i].starts_with('-') || words[i] == "-") {
      positionals.push_back(words[i]);
      continue;
    }
    const auto [name, joined] = SplitOption(words[i]);
    const auto is_flag = [&, name = name, joined = joined](std::string_view flag) {
      return name == flag && !joined.has_value();
    };
    if (is_flag("--")) {
      options_end = true;
    } else if (is_flag("--help") || is_flag("-h")) {
      arguments.command = Command::kHelp;
    } else if (is_flag("--version")) {
      arguments.command = Command::kVersion;
    } else if (is_flag("--keepdim")) {
      arguments.keepdim = true;
    } else if (is_flag("--return-inverse")) {
      arguments.unique.return_inverse = true;
    } else if (is_flag("--return-counts")) {
      arguments.unique.return_counts = true;
    } else if (is_flag("--json")) {
      arguments.json = true;
    } else {
      const bool has_value = joined.has_value() || i + 1 < words.size();
      const std::string_view value = joined.has_value() ? *joined : has_value ? words[i + 1] : "";
      absl::Status status;
      if (name == "--dim") {
        status = ParseDim(name, value, &arguments.dim);
      } else if (name == "--dtype") {
        status = ParseDType(name, value, &arguments.dtype);
      } else if (name == "--correction") {
        status = ParseNumber(name, value, &arguments.correction);
      } else if (name == "--ord") {
        status = ParseNumber(name, value, &arguments.ord);
      } else if (name == "--q") {
        status = ParseQuantiles(name, value, &arguments.q);
      } else if (name == "--interpolation") {
        status = ParseInterpolation(name, value, &arguments.interpolation);
      } else if (name == "--input-dtype") {
        status = ParseDType(name, value, &arguments.input.opaque_dtype);
      } else if (name == "--raw") {
        status = ParseRaw(name, value, &arguments.input.raw);
      } else if (name == "--output" || name == "-o") {
        arguments.output = std::string(value);
        if (has_value && value.empty()) status = NotA(name, value, "a file");
      } else if (name == "--server") {
        arguments.server = std::string(value);
      } else if (name == "--device") {
        arguments.device = std::string(value);
      } else if (name == "--timeout") {
        status = ParseTimeout(name, value, &arguments.timeout);
      } else {
        return Usage(absl::StrCat("unknown option '", std::string(words[i]), "'"));
      }
      if (!has_value) return Usage(absl::StrCat("option '", std::string(name), "' needs a value"));
      if (!status.ok()) return status;
      if (!joined.has_value()) ++i;
    }
  }
  if (arguments.command == Command::kVersion) return arguments;
  if (absl::Status status = ParsePositionals(positionals, &arguments); !status.ok()) return status;
  if (arguments.command != Command::kReduce) return arguments;
  if (arguments.json && !arguments.output.empty()) return Usage("--json and --output exclude each other");
  if (absl::Status status = CheckOptionsAreUsed(arguments); !status.ok()) return status;
  return arguments;
}

std::vector<Reduction> ReductionsOf(const Arguments& arguments) {
  std::vector<Reduction> reductions;
  for (const OpInfo* op : arguments.ops) {
    Reduction& reduction = reductions.emplace_back(
        Reduction{.op = op->op, .dim = arguments.dim, .keepdim = arguments.keepdim, .dtype = {}, .options = {}});
    if (op->casts) reduction.dtype = arguments.dtype;
    if (op->options == OptionsKind::kVariance && arguments.correction.has_value()) {
      reduction.options = VarianceOptions{*arguments.correction};
    } else if (op->options == OptionsKind::kNorm && arguments.ord.has_value()) {
      reduction.options = NormOptions{*arguments.ord};
    } else if (op->options == OptionsKind::kQuantile) {
      QuantileOptions options;
      if (arguments.q.has_value()) options.q = *arguments.q;
      if (arguments.interpolation.has_value()) options.interpolation = *arguments.interpolation;
      reduction.options = std::move(options);
    } else if (op->options == OptionsKind::kUnique) {
      reduction.options = arguments.unique;
    }
  }
  return reductions;
}

}  // namespace treduce::cli
