// One line of JSON out, one line of JSON back: see peers.py for what they hold.
#include "tests/bench/kernels/peers.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace treduce::bench {

using nlohmann::json;

absl::StatusOr<std::unique_ptr<Peers>> Peers::Start(const std::vector<std::string>& command, bool keep_memory) {
  int to_child[2], from_child[2];
  if (pipe2(to_child, O_CLOEXEC) != 0 || pipe2(from_child, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "pipe2");
  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const pid_t process = fork();
  if (process < 0) return absl::ErrnoToStatus(errno, "fork");
  if (process == 0) {
    dup2(to_child[0], STDIN_FILENO);
    dup2(from_child[1], STDOUT_FILENO);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
  close(to_child[0]);
  close(from_child[1]);
  std::unique_ptr<Peers> peers(new Peers(process, fdopen(to_child[1], "w"), fdopen(from_child[0], "r")));
  absl::StatusOr<std::unique_ptr<MemoryFile>> result = MemoryFile::Create(0);
  if (!result.ok()) return result.status();
  peers->result_ = *std::move(result);
  absl::StatusOr<json> versions = peers->Ask({{"do", "start"}, {"keep_memory", keep_memory}});
  if (!versions.ok()) return versions.status();
  peers->versions_ = absl::StrCat("PyTorch ", versions->value("torch", ""), ", NumPy ", versions->value("numpy", ""));
  return peers;
}

Peers::~Peers() {
  std::fclose(requests_);
  std::fclose(answers_);
  waitpid(process_, nullptr, 0);
}

absl::Status Peers::Open(Fill fill, DType dtype, const MemoryFile& file) {
  return Ask({{"do", "open"},
              {"name", Name(fill)},
              {"path", file.path()},
              {"dtype", Name(dtype)},
              {"count", file.bytes().size() / ByteSize(dtype)}})
      .status();
}

absl::Status Peers::Close() { return Ask({{"do", "close"}}).status(); }

absl::StatusOr<std::optional<double>> Peers::Run(std::string_view peer, const Problem& problem, int threads,
                                                 std::vector<Tensor>* outputs) {
  const Shape& shape = problem.shape->shape;
  absl::StatusOr<json> answer = Ask({{"do", "run"},
                                     {"peer", peer},
                                     {"op", problem.op},
                                     {"data", Name(problem.fill())},
                                     {"shape", std::vector<int64_t>(shape.begin(), shape.end())},
                                     {"dim", problem.shape->dim},
                                     {"threads", threads},
                                     {"result", outputs != nullptr ? result_->path() : ""}});
  if (!answer.ok()) return answer.status();
  if (answer->contains("unavailable")) return std::nullopt;
  if (outputs != nullptr) {
    const absl::Status status = ReadOutputs((*answer)["outputs"], *outputs);
    if (!status.ok()) return status;
  }
  return answer->value("seconds", 0.0);
}

absl::StatusOr<double> Peers::Time(std::string_view peer, int threads, int repeats) {
  absl::StatusOr<json> answer = Ask({{"do", "time"}, {"peer", peer}, {"threads", threads}, {"repeats", repeats}});
  if (!answer.ok()) return answer.status();
  return answer->value("seconds", 0.0);
}

absl::StatusOr<json> Peers::Ask(const json& request) {
  std::fprintf(requests_, "%s\n", request.dump().c_str());
  std::fflush(requests_);
  std::string line;
  for (int c; (c = std::fgetc(answers_)) != EOF && c != '\n';) line.push_back(static_cast<char>(c));
  json answer = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!answer.is_object()) return absl::UnavailableError("the Python process gave up; what it said is above");
  return answer;
}

absl::Status Peers::ReadOutputs(const json& described, std::vector<Tensor>& outputs) const {
  outputs.clear();
  size_t offset = 0;
  for (const json& output : described) {
    Tensor tensor;
    const std::string name = output.value("dtype", "");
    const std::optional<DType> dtype = DTypeFromName(name);
    if (!dtype) return absl::InternalError(absl::StrCat("unknown dtype ", name));
    tensor.dtype = *dtype;
    for (int64_t extent : output.value("shape", std::vector<int64_t>())) tensor.shape.push_back(extent);
    const absl::StatusOr<int64_t> size = ByteCount(tensor.dtype, tensor.shape);
    if (!size.ok()) return size.status();
    tensor.data.resize(static_cast<size_t>(*size));
    const absl::Status status = result_->Read(offset, tensor.data.size(), tensor.data.data());
    if (!status.ok()) return status;
    offset += tensor.data.size();
    outputs.push_back(std::move(tensor));
  }
  return absl::OkStatus();
}

}  // namespace treduce::bench
