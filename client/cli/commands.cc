// See commands.h.
#include "client/cli/commands.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "client/cli/endpoint.h"
#include "client/cli/help.h"
#include "client/cli/input.h"
#include "client/cli/output.h"
#include "client/cli/progress.h"
#include "server/engine/values/errors.h"
#include "server/server.h"

namespace treduce::cli {
namespace {

int Fail(int exit_status, const absl::Status& status) {
  PrintError(status);
  return exit_status;
}

// `what` is the file or address at fault.
int Fail(int exit_status, const std::string& what, const absl::Status& status) {
  return Fail(exit_status, absl::Status(status.code(), absl::StrCat(what, ": ", status.message())));
}

std::string InputName(const Arguments& arguments) { return arguments.file == "-" ? "standard input" : arguments.file; }

// The message of a refusal in terms of the command line: "reductions[1].options.norm.ord: ..." is about --ord of the
// second op.
std::string MessageOf(const Arguments& arguments, const absl::Status& status, const ErrorDetail& detail) {
  absl::string_view message = status.message();
  if (detail.field == "data" && absl::ConsumePrefix(&message, "data: ")) {
    return absl::StrCat(InputName(arguments), ": ", message);
  }
  for (size_t i = 0; i < arguments.ops.size(); ++i) {
    if (!absl::StartsWith(detail.field, absl::StrCat("reductions[", i, "]"))) continue;
    absl::ConsumePrefix(&message, absl::StrCat(detail.field, ": "));
    const size_t dot = detail.field.rfind('.');
    const std::string option = dot == std::string::npos ? "" : absl::StrCat(" --", detail.field.substr(dot + 1));
    return absl::StrCat(std::string(arguments.ops[i]->name), option, ": ", message);
  }
  const bool castable = absl::c_any_of(arguments.ops, [](const OpInfo* op) { return op->accepts_cast(DType::kInt64); });
  const char* hint = detail.reason == "UNSUPPORTED_DTYPE" && castable ? "; --dtype casts the input first" : "";
  return absl::StrCat(message, hint);
}

// For what a server, or the way to it, answered.
int FailAsServer(const Arguments& arguments, const absl::Status& status) {
  if (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status)) {
    return Fail(kNoAnswer, arguments.server.empty() ? "server" : arguments.server, status);
  }
  const std::optional<ErrorDetail> detail = DetailOf(status);
  if (detail.has_value() && detail->field == "address") return Fail(kUsageError, status);
  std::string message = detail.has_value() ? MessageOf(arguments, status, *detail) : std::string(status.message());
  const std::optional<absl::Duration> delay = RetryDelayOf(status);
  if (delay.has_value()) absl::StrAppend(&message, "; try again in ", absl::FormatDuration(*delay));
  return Fail(kFailed, absl::Status(status.code(), message));
}

int Finish(const absl::Status& status) { return status.ok() ? kDone : Fail(kFailed, status); }

int RunReduce(const Arguments& arguments) {
  const absl::StatusOr<std::unique_ptr<Input>> input = Input::Open(arguments.file, arguments.input);
  if (!input.ok()) return Fail(kFailed, InputName(arguments), input.status());
  const absl::StatusOr<Endpoint> endpoint =
      Endpoint::Open(arguments.server, absl::StartsWith(arguments.device, "cuda"));
  if (!endpoint.ok()) return FailAsServer(arguments, endpoint.status());

  const std::vector<Reduction> reductions = ReductionsOf(arguments);
  absl::StatusOr<ReduceReply> reply = [&] {
    ProgressBar bar(stderr);
    const CallOptions options = {.timeout = arguments.timeout,
                                 .cancel = {},
                                 .device = arguments.device,
                                 .progress = [&](int64_t sent, int64_t total) { bar.Update(sent, total); },
                                 .out = {}};
    return std::visit([&](const auto& tensor) { return endpoint->client().Reduce(tensor, reductions, options); },
                      (*input)->tensor());
  }();
  if (!reply.ok()) return FailAsServer(arguments, reply.status());

  if (reply->results.size() != reductions.size()) {
    return Fail(kFailed, absl::InternalError("the server answered another number of ops than it was asked"));
  }
  std::vector<NamedResult> results;
  for (size_t i = 0; i < reductions.size(); ++i) {
    const OpInfo& op = *arguments.ops[i];
    auto outputs = OutputNames(op, reductions[i]);
    if (reply->results[i].outputs.size() != outputs.size()) {
      return Fail(kFailed, absl::InternalError(
                               absl::StrCat("the server does not give what ", std::string(op.name), " gives here")));
    }
    results.push_back({op.name, std::move(outputs), &reductions[i], &reply->results[i]});
  }
  if (!arguments.output.empty()) return Finish(WriteFiles(arguments.output, results));
  return Finish(Print(arguments.json ? JsonOf(results) : TextOf(results)));
}

int RunHealth(const Arguments& arguments) {
  if (arguments.server.empty()) {
    return Fail(kUsageError, absl::InvalidArgumentError("health of which server? Use --server or TREDUCE_SERVER"));
  }
  const absl::StatusOr<Endpoint> endpoint = Endpoint::Open(arguments.server, false);
  if (!endpoint.ok()) return FailAsServer(arguments, endpoint.status());
  const absl::Status status = endpoint->client().Health({.timeout = arguments.timeout});
  // Whatever else the answer may be, it is not that of a server that takes requests.
  if (!status.ok()) return Fail(kNoAnswer, arguments.server, status);
  return Finish(Print("serving\n"));
}

std::string OpsText(const ServerDescription& server) {
  size_t width = 0;
  for (const OpDescription& op : server.ops) width = std::max(width, op.name.size());
  std::string text;
  for (const OpDescription& op : server.ops) {
    absl::StrAppend(&text, op.name, std::string(width - op.name.size() + 2, ' '), op.summary, "\n");
  }
  return text;
}

std::string DescriptionText(const ServerDescription& server) {
  std::string devices;
  for (const DeviceDescription& device : server.devices) {
    absl::StrAppend(&devices, devices.empty() ? "" : ", ", device.name, " (", device.description,
                    device.working ? ")" : "; lost)");
  }
  return absl::StrFormat(
      "version          %s\n"
      "devices          %s\n"
      "SIMD             %s\n"
      "threads          %d\n"
      "ops              %d\n"
      "max dims         %d\n"
      "max reductions   %d\n"
      "max unary bytes  %s\n"
      "byte budget      %s\n",
      server.version, devices, server.simd, server.thread_count, server.ops.size(), server.max_dims,
      server.max_reductions, BytesText(server.max_unary_bytes), BytesText(server.byte_budget));
}

int RunDescribe(const Arguments& arguments) {
  const absl::StatusOr<Endpoint> endpoint = Endpoint::Open(arguments.server, arguments.command == Command::kDescribe);
  if (!endpoint.ok()) return FailAsServer(arguments, endpoint.status());
  const absl::StatusOr<ServerDescription> server = endpoint->client().Describe({.timeout = arguments.timeout});
  if (!server.ok()) return FailAsServer(arguments, server.status());
  return Finish(Print(arguments.command == Command::kOps ? OpsText(*server) : DescriptionText(*server)));
}

}  // namespace

int Run(const Arguments& arguments) {
  switch (arguments.command) {
    case Command::kReduce:
      return RunReduce(arguments);
    case Command::kHealth:
      return RunHealth(arguments);
    case Command::kDescribe:
    case Command::kOps:
      return RunDescribe(arguments);
    case Command::kHelp:
      return Finish(Print(arguments.ops.empty() ? HelpText() : HelpText(*arguments.ops[0])));
    case Command::kVersion:
      return Finish(Print(absl::StrCat("treduce ", Version(), "\n")));
  }
  return kUsageError;
}

void PrintError(const absl::Status& status) { absl::FPrintF(stderr, "treduce: %s\n", status.message()); }

}  // namespace treduce::cli
