// Many clients at once, most of them ill-behaved, against one server: well-formed requests, streams cancelled or past
// their deadline, clients that vanish, wrong requests, bytes that are not HTTP. Holds that every call gets the status
// it should, right answers, memory within bounds, a server that works afterwards and stops cleanly.
//
// Usage: treduce-load [--seconds=N] [--clients=N]
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cpp/client.h"
#include "tests/bench/server_process.h"
#include "tests/bench/socket.h"

ABSL_FLAG(int, seconds, 30, "how long");
ABSL_FLAG(int, clients, 12, "clients at once");
ABSL_FLAG(std::string, vanish, "", "internal: start a stream to this address and exit in its midst");

namespace treduce {
namespace {

using Random = std::minstd_rand;

constexpr int64_t kStreamBytes = int64_t{8} << 20;
constexpr int64_t kUnaryBytes = 4 << 10;
// What the server may hold at rest for each client that it had: gRPC's buffers, which the heap keeps for the next. A
// server that kept one stream in ten would hold more after a few seconds.
constexpr int64_t kMaxBytesPerClient = int64_t{32} << 20;

// float32 ones; `interrupt` is called when the client has taken `interrupt_at` bytes and asks for more.
TensorSource Ones(int64_t byte_count, int64_t interrupt_at = INT64_MAX, std::function<void()> interrupt = {}) {
  auto sent = std::make_shared<int64_t>(0);
  auto interrupted = std::make_shared<bool>(false);
  return {DType::kFloat32, {byte_count / 4}, [=](absl::Span<std::byte> buffer) -> absl::StatusOr<size_t> {
            if (*sent >= interrupt_at && !std::exchange(*interrupted, true)) interrupt();
            static constexpr float kOne = 1;
            const size_t count = std::min<size_t>(buffer.size(), static_cast<size_t>(byte_count - *sent)) / 4;
            for (size_t i = 0; i < count; ++i) std::memcpy(buffer.data() + 4 * i, &kOne, sizeof(kOne));
            *sent += static_cast<int64_t>(4 * count);
            return 4 * count;
          }};
}

absl::StatusCode ExpectSum(const absl::StatusOr<ReduceReply>& reply, float expected) {
  if (!reply.ok()) return reply.status().code();
  float sum;
  std::memcpy(&sum, reply->results[0].outputs[0].data.data(), sizeof(sum));
  return sum == expected ? absl::StatusCode::kOk : absl::StatusCode::kDataLoss;
}

// The ways to behave. Each makes one call, or something like it, and gives its status.

absl::StatusCode Unary(const Client& client, const std::string&, Random& random) {
  const std::vector<float> data(1 + random() % (kUnaryBytes / sizeof(float)), 2.0f);
  const TensorView view = {DType::kFloat32,
                           {static_cast<int64_t>(data.size())},
                           {reinterpret_cast<const std::byte*>(data.data()), data.size() * sizeof(float)}};
  return ExpectSum(client.Reduce(view, {{.op = Op::kSum}}), 2.0f * static_cast<float>(data.size()));
}

absl::StatusCode Stream(const Client& client, const std::string&, Random&) {
  return ExpectSum(client.Reduce(Ones(kStreamBytes), {{.op = Op::kSum}}), static_cast<float>(kStreamBytes / 4));
}

absl::StatusCode Cancel(const Client& client, const std::string&, Random& random) {
  std::stop_source stop;
  const auto cancel = [&] { stop.request_stop(); };
  const auto cancel_at = static_cast<int64_t>(random() % (kStreamBytes / 2));
  return client.Reduce(Ones(kStreamBytes, cancel_at, cancel), {{.op = Op::kVar}}, {.cancel = stop.get_token()})
      .status()
      .code();
}

absl::StatusCode MissDeadline(const Client& client, const std::string&, Random& random) {
  const auto wait = [] { absl::SleepFor(absl::Milliseconds(60)); };
  const auto wait_at = static_cast<int64_t>(random() % (kStreamBytes / 2));
  return client
      .Reduce(Ones(kStreamBytes, wait_at, wait), {{.op = Op::kMax, .dim = {0}}}, {.timeout = absl::Milliseconds(30)})
      .status()
      .code();
}

absl::StatusCode AskWrongly(const Client& client, const std::string&, Random&) {
  return client.Reduce(Ones(kStreamBytes), {{.op = Op::kSum, .dim = {3}}}).status().code();
}

absl::StatusCode Vanish(const Client&, const std::string& address, Random&) {
  std::string program = "/proc/self/exe";
  std::string flag = absl::StrCat("--vanish=", address);
  char* argv[] = {program.data(), flag.data(), nullptr};
  pid_t pid;
  if (posix_spawn(&pid, program.c_str(), nullptr, nullptr, argv, environ) != 0) return absl::StatusCode::kInternal;
  int status;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? absl::StatusCode::kOk : absl::StatusCode::kUnknown;
}

absl::StatusCode SendNoise(const Client&, const std::string& address, Random& random) {
  absl::StatusOr<bench::Socket> socket = bench::Connect(address);
  if (!socket.ok()) return socket.status().code();
  // Half of them get past HTTP/2's preface.
  std::string noise = random() % 2 == 0 ? "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" : "";
  for (size_t i = 0, size = random() % 4096; i < size; ++i) noise.push_back(static_cast<char>(random() >> 8));
  // The server may have closed already.
  socket->SendAll({reinterpret_cast<const std::byte*>(noise.data()), noise.size()}).IgnoreError();
  return absl::StatusCode::kOk;
}

struct Behaviour {
  const char* name;
  absl::StatusCode (*run)(const Client& client, const std::string& address, Random& random);
  absl::StatusCode expected;
  int weight;
};

constexpr Behaviour kBehaviours[] = {
    {"unary", Unary, absl::StatusCode::kOk, 40},
    {"stream", Stream, absl::StatusCode::kOk, 10},
    {"cancel", Cancel, absl::StatusCode::kCancelled, 10},
    {"miss the deadline", MissDeadline, absl::StatusCode::kDeadlineExceeded, 5},
    {"ask wrongly", AskWrongly, absl::StatusCode::kInvalidArgument, 10},
    {"vanish", Vanish, absl::StatusCode::kOk, 2},
    {"send noise", SendNoise, absl::StatusCode::kOk, 5},
};

// Calls by behaviour and status.
class Tally {
 public:
  void Add(const Behaviour& behaviour, absl::StatusCode code) {
    std::lock_guard lock(mutex_);
    const bool as_expected = code == behaviour.expected;
    ++counts_[absl::StrCat(behaviour.name, ": ", absl::StatusCodeToString(code), as_expected ? "" : "  UNEXPECTED")];
    failed_ = failed_ || !as_expected;
  }

  // Prints the counts; whether every status was as expected.
  bool Print() const {
    for (const auto& [what, count] : counts_) std::printf("  %8d  %s\n", count, what.c_str());
    return !failed_;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, int> counts_;
  bool failed_ = false;
};

void Behave(const std::string& address, unsigned seed, absl::Time end, Tally& tally) {
  Random random(seed);
  const absl::StatusOr<Client> client = Client::Connect(address);
  std::vector<int> weights;
  for (const Behaviour& behaviour : kBehaviours) weights.push_back(behaviour.weight);
  std::discrete_distribution<size_t> choice(weights.begin(), weights.end());
  while (absl::Now() < end) {
    const Behaviour& behaviour = kBehaviours[choice(random)];
    tally.Add(behaviour, behaviour.run(*client, address, random));
  }
}

void Load(const bench::ServerProcess& server, absl::Duration duration, Tally& tally) {
  static unsigned seed = 0;
  std::vector<std::jthread> clients;
  for (int i = 0; i < absl::GetFlag(FLAGS_clients); ++i) {
    clients.emplace_back(Behave, server.address(), ++seed, absl::Now() + duration, std::ref(tally));
  }
}

bool Check(bool held, const std::string& what) {
  std::printf("  %s: %s\n", what.c_str(), held ? "yes" : "NO");
  return held;
}

int Run() {
  bool held = true;
  for (const bench::Transport transport : bench::kTransports) {
    const auto server = bench::ServerProcess::Start("treduce-server", transport);
    if (!server.ok()) {
      std::fprintf(stderr, "treduce-load: %s\n", server.status().ToString().c_str());
      return 2;
    }
    std::printf("%s\n", (*server)->address().c_str());
    Tally tally;
    Load(**server, absl::Seconds(absl::GetFlag(FLAGS_seconds)) / 2, tally);
    held &= tally.Print();
    absl::SleepFor(absl::Milliseconds(300));
    const int64_t bytes = (*server)->RssBytes();
    held &= Check(bytes <= kMaxBytesPerClient * absl::GetFlag(FLAGS_clients),
                  absl::StrCat("memory stays within bounds (", bytes >> 20, " MiB)"));
    Random random;
    const absl::StatusOr<Client> client = Client::Connect((*server)->address());
    held &= Check(Stream(*client, "", random) == absl::StatusCode::kOk, "the next request works");
    held &= Check((*server)->Stop() == 0, "stops cleanly");
  }
  return held ? 0 : 1;
}

int RunVanish(const std::string& address) {
  const absl::StatusOr<Client> client = Client::Connect(address);
  const auto exit = [] { _exit(0); };
  (void)client->Reduce(Ones(kStreamBytes, kStreamBytes / 2, exit), {{.op = Op::kSum}});
  return 1;
}

}  // namespace
}  // namespace treduce

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  const std::string vanish = absl::GetFlag(FLAGS_vanish);
  return vanish.empty() ? treduce::Run() : treduce::RunVanish(vanish);
}
