// See output.h.
#include "client/cli/output.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "client/cli/json.h"
#include "client/cli/npy.h"
#include "client/cli/print.h"

namespace treduce::cli {
namespace {

// "y.npy" and {"max", "values"} are "y.max.values.npy".
std::string PathOf(const std::string& path, absl::Span<const std::string_view> parts) {
  constexpr std::string_view kExtension = ".npy";
  const bool has_extension = path.ends_with(kExtension);
  std::string result = path.substr(0, path.size() - (has_extension ? kExtension.size() : 0));
  for (std::string_view part : parts) absl::StrAppend(&result, ".", std::string(part));
  return absl::StrCat(result, has_extension ? std::string(kExtension) : "");
}

bool WriteAll(std::FILE* file, const void* bytes, size_t size) { return std::fwrite(bytes, 1, size, file) == size; }

absl::Status WriteFile(const std::string& path, const Tensor& tensor) {
  std::FILE* file = path == "-" ? stdout : std::fopen(path.c_str(), "wb");
  bool written = file != nullptr;
  if (written) {
    const std::string header = MakeNpyHeader(tensor.dtype, tensor.shape);
    written = WriteAll(file, header.data(), header.size()) && WriteAll(file, tensor.data.data(), tensor.data.size());
    written &= (file == stdout ? std::fflush(file) : std::fclose(file)) == 0;
  }
  if (written) return absl::OkStatus();
  return absl::UnknownError(absl::StrCat(path == "-" ? "standard output" : path, ": ", std::strerror(errno)));
}

}  // namespace

std::string TextOf(absl::Span<const NamedResult> results) {
  size_t width = 0;
  for (const NamedResult& named : results) width = std::max(width, named.op.size());
  std::string text;
  for (const NamedResult& named : results) {
    const std::string each = ToText(named.op, named.outputs, *named.result);
    if (results.size() == 1) return absl::StrCat(each, "\n");
    // Further lines are indented as far as the first.
    const std::string indent(width + 2, ' ');
    absl::StrAppend(&text, std::string(named.op), ":", std::string(width - named.op.size() + 1, ' '),
                    absl::StrReplaceAll(each, {{"\n", absl::StrCat("\n", indent)}}), "\n");
  }
  return text;
}

std::string JsonOf(absl::Span<const NamedResult> results) {
  std::string json;
  for (const NamedResult& named : results) {
    for (size_t i = 0; i < named.outputs.size(); ++i) {
      absl::StrAppend(&json, ToJson(named.op, named.outputs[i], *named.reduction, named.result->outputs[i]), "\n");
    }
  }
  return json;
}

absl::Status WriteFiles(const std::string& path, absl::Span<const NamedResult> results) {
  const bool one_op = results.size() == 1;
  if (one_op && results[0].outputs.size() == 1) return WriteFile(path, results[0].result->outputs[0]);
  if (path == "-") return absl::InvalidArgumentError("standard output takes one tensor, and there are several");
  for (const NamedResult& named : results) {
    for (size_t i = 0; i < named.outputs.size(); ++i) {
      std::vector<std::string_view> parts = {named.op};
      if (named.outputs.size() > 1) parts.push_back(named.outputs[i]);
      absl::Status status = WriteFile(PathOf(path, parts), named.result->outputs[i]);
      if (!status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

absl::Status Print(std::string_view text) {
  if (WriteAll(stdout, text.data(), text.size()) && std::fflush(stdout) == 0) return absl::OkStatus();
  return absl::UnknownError(absl::StrCat("standard output: ", std::strerror(errno)));
}

}  // namespace treduce::cli
