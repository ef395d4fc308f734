// Builds, runs and drains the gRPC server.
#include "server/server.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/base/call_once.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "grpc/compression.h"
#include "grpc/grpc.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "server/admission.h"
#include "server/engine/engine.h"
#include "server/health_service.h"
#include "server/inference/service.h"
#include "server/reducer.h"
#include "server/reduction_service.h"
#include "server/reflection_service.h"
#include "server/rpc/receiver.h"
#include "server/wire.h"
#include "server/workers.h"

namespace treduce {
namespace {

// What a message may have beside the bytes of its tensor: the spec, and the tags and lengths around both.
constexpr int64_t kMessageRoom = kMaxSpecBytes + 1024;

// With gRPC's own choice of window and frames, which it measures, a long stream makes the server hold 150 MiB instead
// of 22; the rate and the CPU time are the same. Frames of 16 KiB, its default without measuring, cost CPU time.
constexpr int kFrameBytes = 256 << 10;

// A client that has vanished without closing its connection is noticed after about a minute.
constexpr int kKeepaliveTimeMs = 40'000;
constexpr int kKeepaliveTimeoutMs = 20'000;
// Clients may ask as often.
constexpr int kMinPingIntervalMs = 10'000;

// Calls on one connection beside those that admission counts: health, descriptions, and requests to be refused.
constexpr int64_t kOtherCalls = 128;

int OrPerCore(int64_t thread_count) {
  return thread_count > 0 ? static_cast<int>(thread_count) : std::max(1u, std::thread::hardware_concurrency());
}

// Of the machine, or of the container when that has less.
int64_t MemoryBytes() {
  int64_t bytes = sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
  std::string limit;
  if (std::ifstream("/sys/fs/cgroup/memory.max") >> limit) {
    int64_t limit_bytes;
    if (absl::SimpleAtoi(limit, &limit_bytes)) bytes = std::min(bytes, limit_bytes);
  }
  return bytes;
}

absl::Status CannotListen(const std::string& address, std::string_view reason) {
  return absl::FailedPreconditionError(absl::StrCat("cannot listen on ", address, ": ", std::string(reason)));
}

// gRPC replaces any socket file it finds. That of a running server must not be.
absl::Status CheckSocketFile(const std::string& address) {
  absl::string_view path = address;
  struct stat status;
  if (!absl::ConsumePrefix(&path, "unix:") || stat(std::string(path).c_str(), &status) != 0) return absl::OkStatus();
  if (!S_ISSOCK(status.st_mode)) return CannotListen(address, "there is a file that is not a socket");
  sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(name.sun_path, sizeof(name.sun_path) - 1);
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool in_use = connect(probe, reinterpret_cast<const sockaddr*>(&name), sizeof(name)) == 0;
  close(probe);
  return in_use ? CannotListen(address, "another server does") : absl::OkStatus();
}

// `address` with its port replaced by the one that it was bound to.
std::string WithPort(const std::string& address, int port) {
  if (absl::StartsWith(address, "unix:")) return address;
  return absl::StrCat(address.substr(0, address.rfind(':')), ":", port);
}

}  // namespace

std::string Version() { return TREDUCE_VERSION; }

class Server::Impl {
 public:
  Impl(const Config& config, std::unique_ptr<Engine> engine)
      : config_(config),
        byte_budget_(config.byte_budget > 0 ? config.byte_budget : MemoryBytes() / 2),
        worker_count_(OrPerCore(config.worker_threads)),
        fold_count_(OrPerCore(config.fold_threads)),
        engine_(engine != nullptr ? std::move(engine)
                                  : std::make_unique<Engine>(
                                        EngineOptions{.thread_count = fold_count_,
                                                      .use_cuda = config.cuda == "on",
                                                      .cuda_memory_limit = static_cast<size_t>(config.cuda_memory)})),
        admission_(byte_budget_, config.max_calls),
        workers_(worker_count_),
        reducer_(*engine_, admission_, workers_, config.max_unary_bytes),
        reductions_(reducer_, {.version = Version(),
                               .simd = std::string(engine_->simd_name()),
                               .thread_count = fold_count_,
                               .max_unary_bytes = config.max_unary_bytes,
                               .byte_budget = byte_budget_}),
        inference_(reducer_, health_, Version()) {}

  ~Impl() { Stop(absl::ZeroDuration()); }

  absl::Status Start() {
    if (byte_budget_ / 4 < config_.max_unary_bytes) {
      return absl::InvalidArgumentError(absl::StrCat("--max-unary-bytes: ", config_.max_unary_bytes,
                                                     " is more than a quarter of the byte budget, which is ",
                                                     byte_budget_));
    }
    for (const std::string& address : config_.listen) {
      if (absl::Status status = CheckSocketFile(address); !status.ok()) return status;
    }
    grpc::ServerBuilder builder;
    SetArguments(builder);
    std::vector<int> ports(config_.listen.size());
    for (size_t i = 0; i < ports.size(); ++i) {
      builder.AddListeningPort(config_.listen[i], grpc::InsecureServerCredentials(), &ports[i]);
    }
    std::vector<std::unique_ptr<rpc::Service>> services = MakeReflectionServices();
    services.push_back(reductions_.MakeRpcService());
    services.push_back(inference_.MakeRpcService());
    services.push_back(health_.MakeRpcService());
    receiver_ = std::make_unique<rpc::Receiver>(builder, config_.receive_threads, std::move(services));
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) {
      const size_t failed = std::find(ports.begin(), ports.end(), 0) - ports.begin();
      return CannotListen(config_.listen[failed], absl::StartsWith(config_.listen[failed], "unix:")
                                                      ? "not permitted, or there is no such directory"
                                                      : "in use, not permitted, or not an address of this machine");
    }
    for (size_t i = 0; i < ports.size(); ++i) addresses_.push_back(WithPort(config_.listen[i], ports[i]));
    receiver_->Start();
    return absl::OkStatus();
  }

  void Drain() {
    health_.SetState(HealthService::State::kNotServing);
    absl::SleepFor(config_.drain_delay);
    Stop(config_.drain_timeout);
  }

  std::string Summary() const {
    return absl::StrCat("treduce-server ", Version(), " on ", absl::StrJoin(addresses_, ", "), "; ", Devices(),
                        "; threads: ", config_.receive_threads, " receive, ", worker_count_, " work, ", fold_count_,
                        " fold; limits: ", config_.max_unary_bytes, " bytes unary, ", byte_budget_,
                        " bytes of memory, ", config_.max_calls, " calls");
  }

  // "AVX2; cuda:0 NVIDIA H200", "AVX2; no CUDA: there is no CUDA driver".
  std::string Devices() const {
    std::string text(engine_->simd_name());
    for (const DeviceDescription& device : reducer_.devices()) {
      if (device.name != "cpu") absl::StrAppend(&text, "; ", device.name, " ", device.description);
    }
    if (!engine_->why_no_cuda().empty()) absl::StrAppend(&text, "; no CUDA: ", engine_->why_no_cuda());
    return text;
  }

  const std::vector<std::string>& addresses() const { return addresses_; }
  const Admission& admission() const { return admission_; }

 private:
  void SetArguments(grpc::ServerBuilder& builder) const {
    builder.SetMaxReceiveMessageSize(static_cast<int>(config_.max_unary_bytes + kMessageRoom));
    // A compressed message could inflate far beyond the limit before it is looked at.
    for (const auto algorithm : {GRPC_COMPRESS_DEFLATE, GRPC_COMPRESS_GZIP}) {
      builder.SetCompressionAlgorithmSupportStatus(algorithm, false);
    }
    builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, static_cast<int>(config_.stream_window));
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_FRAME_SIZE, kFrameBytes);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, static_cast<int>(config_.max_calls + kOtherCalls));
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTimeMs);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kMinPingIntervalMs);
  }

  // Ends all calls, those that still run after `timeout` by cancelling them, and all threads that serve calls.
  void Stop(absl::Duration timeout) {
    absl::call_once(stopped_, [&] {
      health_.SetState(HealthService::State::kStopped);
      inference_.EndStreams();
      if (server_ != nullptr) server_->Shutdown(absl::ToChronoTime(absl::Now() + timeout));
      if (receiver_ != nullptr) receiver_->Stop();
    });
  }

  const Config config_;
  const int64_t byte_budget_;
  const int worker_count_;
  const int fold_count_;
  std::vector<std::string> addresses_;
  const std::unique_ptr<Engine> engine_;
  Admission admission_;
  Workers workers_;
  Reducer reducer_;
  HealthService health_;
  ReductionService reductions_;
  InferenceService inference_;
  std::unique_ptr<rpc::Receiver> receiver_;
  std::unique_ptr<grpc::Server> server_;
  absl::once_flag stopped_;
};

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const Config& config, std::unique_ptr<Engine> engine) {
  try {
    auto impl = std::make_unique<Impl>(config, std::move(engine));
    if (absl::Status status = impl->Start(); !status.ok()) return status;
    return std::unique_ptr<Server>(new Server(std::move(impl)));
  } catch (const std::system_error& error) {
    return absl::ResourceExhaustedError(absl::StrCat("cannot start a thread: ", error.what()));
  }
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

const std::vector<std::string>& Server::addresses() const { return impl_->addresses(); }
std::string Server::Summary() const { return impl_->Summary(); }
void Server::Drain() { impl_->Drain(); }
int64_t Server::bytes_in_use() const { return impl_->admission().bytes_in_use(); }
int64_t Server::calls_in_use() const { return impl_->admission().calls_in_use(); }

}  // namespace treduce
