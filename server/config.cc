// The table of knobs, and how flags and environment are read by it.
#include "server/config.h"

#include <sys/un.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace treduce {
namespace {

constexpr int64_t kKiB = 1 << 10;
constexpr int64_t kMiB = 1 << 20;
constexpr int64_t kGiB = 1 << 30;

// One thing that can be set.
struct Knob {
  std::string flag;
  std::string help;
  std::string range;
  std::string default_value;
  // Sets it; false when the text is not within the range.
  std::function<bool(const std::string& text, Config& config)> set;

  std::string variable() const {
    return absl::StrCat("TREDUCE_", absl::AsciiStrToUpper(absl::StrReplaceAll(flag, {{"-", "_"}})));
  }
};

// A knob of an ordered type. `format` and `parse` turn values into text and back; `parse` is false for other text.
template <class T, class Format, class Parse>
Knob Ranged(std::string flag, T Config::*field, T min, T max, std::string help, std::string_view units,
            const Format& format, const Parse& parse) {
  return {std::move(flag), std::move(help), absl::StrCat(format(min), " to ", format(max), std::string(units)),
          format(Config().*field), [=](const std::string& text, Config& config) {
            T& value = config.*field;
            return parse(text, &value) && value >= min && value <= max;
          }};
}

Knob Number(std::string flag, int64_t Config::*field, int64_t min, int64_t max, std::string help) {
  return Ranged(
      std::move(flag), field, min, max, std::move(help), "", [](int64_t value) { return absl::StrCat(value); },
      [](const std::string& text, int64_t* value) { return absl::SimpleAtoi(text, value); });
}

std::string FormatBytes(int64_t bytes) {
  if (bytes == 0 || bytes % kKiB != 0) return absl::StrCat(bytes);
  if (bytes % kGiB == 0) return absl::StrCat(bytes / kGiB, "GiB");
  if (bytes % kMiB == 0) return absl::StrCat(bytes / kMiB, "MiB");
  return absl::StrCat(bytes / kKiB, "KiB");
}

bool ParseBytes(absl::string_view text, int64_t* bytes) {
  int64_t unit = 1;
  if (absl::ConsumeSuffix(&text, "KiB")) {
    unit = kKiB;
  } else if (absl::ConsumeSuffix(&text, "MiB")) {
    unit = kMiB;
  } else if (absl::ConsumeSuffix(&text, "GiB")) {
    unit = kGiB;
  }
  return absl::SimpleAtoi(text, bytes) && !__builtin_mul_overflow(*bytes, unit, bytes);
}

Knob Bytes(std::string flag, int64_t Config::*field, int64_t min, int64_t max, std::string help) {
  return Ranged(std::move(flag), field, min, max, std::move(help), ", in bytes, KiB, MiB or GiB", FormatBytes,
                ParseBytes);
}

Knob Time(std::string flag, absl::Duration Config::*field, absl::Duration max, std::string help) {
  return Ranged(std::move(flag), field, absl::ZeroDuration(), max, std::move(help), ", in ms, s, m or h",
                absl::FormatDuration, absl::ParseDuration);
}

Knob OneOf(std::string flag, std::string Config::*field, std::vector<std::string> values, std::string help) {
  return {std::move(flag), std::move(help), absl::StrJoin(values, ", "), Config().*field,
          [=](const std::string& text, Config& config) {
            config.*field = text;
            return std::find(values.begin(), values.end(), text) != values.end();
          }};
}

bool IsListenAddress(const std::string& address) {
  absl::string_view path = address;
  if (path.find_first_of("%?#") != path.npos) return false;  // gRPC takes addresses for URIs
  if (absl::ConsumePrefix(&path, "unix:")) return !path.empty() && path.size() < sizeof(sockaddr_un::sun_path);
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) return false;
  const std::string host = address.substr(0, colon);
  const std::string port_text = address.substr(colon + 1);
  const bool bracketed = absl::StartsWith(host, "[") && absl::EndsWith(host, "]");
  int port;
  return !host.empty() && (bracketed || !absl::StrContains(host, ':')) && absl::SimpleAtoi(port_text, &port) &&
         port >= 0 && port <= 65535;
}

// Replaces the addresses; several are separated by commas.
Knob Addresses(std::string flag, std::vector<std::string> Config::*field, std::string help) {
  return {std::move(flag), std::move(help), "HOST:PORT, [IPV6]:PORT or unix:PATH, separated by commas",
          absl::StrJoin(Config().*field, ","), [=](const std::string& text, Config& config) {
            config.*field = absl::StrSplit(text, ',');
            return std::all_of((config.*field).begin(), (config.*field).end(), IsListenAddress);
          }};
}

// Every knob there is.
const std::vector<Knob>& Knobs() {
  static const auto* const knobs = new std::vector<Knob>{
      Addresses("listen", &Config::listen, "Addresses to serve on. May be repeated. Port 0 takes a free one."),
      Bytes("max-unary-bytes", &Config::max_unary_bytes, kMiB, kGiB,
            "Size of a tensor in one Reduce call, of its results, and of a chunk in ReduceStream. Larger tensors go "
            "through ReduceStream."),
      Bytes("stream-window", &Config::stream_window, 64 * kKiB, 64 * kMiB,
            "Bytes of one call that may be on their way. Over a network whose round trip takes 10 ms, 4MiB allow 400 "
            "MB/s."),
      Bytes(
          "byte-budget", &Config::byte_budget, 0, kGiB * kMiB,
          "Memory that all requests together may hold, at least 4 times --max-unary-bytes, beside messages that have "
          "not arrived whole: these take at most --max-unary-bytes for each call. Requests beyond it are refused. 0 is "
          "half of what the machine or container has."),
      Number("max-calls", &Config::max_calls, 1, 1000000, "Requests served at once. Those beyond are refused."),
      Number("receive-threads", &Config::receive_threads, 1, 256,
             "Threads that receive, and that answer what is quickly done. About one for each 8 cores."),
      Number("worker-threads", &Config::worker_threads, 0, 1024,
             "Threads for requests that take long. 0 is one per core."),
      Number("fold-threads", &Config::fold_threads, 0, 1024, "Threads that share a large fold. 0 is one per core."),
      OneOf("cuda", &Config::cuda, {"on", "off"},
            "Whether CUDA devices are used, where this is a build with CUDA and there are any."),
      Bytes("cuda-memory", &Config::cuda_memory, 0, kGiB * kMiB,
            "Memory of each CUDA device that requests may hold together. 0 is nine tenths of what it has."),
      Time("drain-delay", &Config::drain_delay, absl::Hours(1),
           "On SIGTERM, time from reporting NOT_SERVING to refusing new calls."),
      Time("drain-timeout", &Config::drain_timeout, absl::Hours(24),
           "On SIGTERM, time that running calls then have before they are cancelled."),
      OneOf("log-level", &Config::log_level, {"debug", "info", "warning", "error", "off"},
            "Least severe messages to log."),
  };
  return *knobs;
}

// Sets `knob` to `text`, which came from `source`.
absl::Status SetKnob(const Knob& knob, const std::string& source, const std::string& text, Config& config) {
  if (knob.set(text, config)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(source, ": \"", text, "\" is refused; wanted: ", knob.range));
}

// What spans several knobs.
absl::Status CheckTogether(const Config& config) {
  const std::set<std::string> addresses(config.listen.begin(), config.listen.end());
  if (addresses.size() < config.listen.size()) return absl::InvalidArgumentError("--listen: an address is given twice");
  if (config.byte_budget == 0 || config.byte_budget / 4 >= config.max_unary_bytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--byte-budget: ", FormatBytes(config.byte_budget),
                                                 " is less than 4 times --max-unary-bytes, which is ",
                                                 FormatBytes(config.max_unary_bytes)));
}

}  // namespace

absl::StatusOr<CommandLine> ParseCommandLine(absl::Span<const std::string> arguments, const Environment& environment) {
  for (const std::string& argument : arguments) {
    if (argument == "--help" || argument == "-h") return CommandLine{CommandLine::Action::kShowHelp, {}};
    if (argument == "--version") return CommandLine{CommandLine::Action::kShowVersion, {}};
  }

  CommandLine result;
  for (const Knob& knob : Knobs()) {
    const std::optional<std::string> text = environment(knob.variable());
    if (!text.has_value()) continue;
    if (absl::Status status = SetKnob(knob, knob.variable(), *text, result.config); !status.ok()) return status;
  }

  std::vector<std::string> listen;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    const std::pair<std::string, std::string> split = absl::StrSplit(argument, absl::MaxSplits('=', 1));
    const std::string& flag = split.first;
    const std::string& inline_value = split.second;
    const auto knob = std::find_if(Knobs().begin(), Knobs().end(),
                                   [&](const Knob& candidate) { return "--" + candidate.flag == flag; });
    if (knob == Knobs().end()) {
      return absl::InvalidArgumentError(absl::StrCat("\"", argument, "\" is not a flag; see --help"));
    }
    const bool has_inline_value = flag.size() < argument.size();
    if (!has_inline_value && i + 1 == arguments.size()) {
      return absl::InvalidArgumentError(absl::StrCat(flag, ": needs a value: ", knob->range));
    }
    const std::string& text = has_inline_value ? inline_value : arguments[++i];
    if (absl::Status status = SetKnob(*knob, flag, text, result.config); !status.ok()) return status;
    if (knob->flag == "listen") listen.insert(listen.end(), result.config.listen.begin(), result.config.listen.end());
  }
  if (!listen.empty()) result.config.listen = std::move(listen);
  if (absl::Status status = CheckTogether(result.config); !status.ok()) return status;
  return result;
}

std::string HelpText() {
  std::string text =
      "treduce-server: reduces tensors sent over gRPC, with PyTorch's semantics.\n\n"
      "Usage: treduce-server [--FLAG VALUE | --FLAG=VALUE]...\n\n"
      "Each flag can also be set by the environment variable beside it; the flag wins.\n";
  for (const Knob& knob : Knobs()) {
    absl::StrAppend(&text, "\n  --", knob.flag, "  ", knob.variable(), "\n      ", knob.help, "\n      Default ",
                    knob.default_value, "; range ", knob.range, ".\n");
  }
  absl::StrAppend(&text, "\n  --help     Prints this.\n  --version  Prints the version.\n");
  return text;
}

}  // namespace treduce
