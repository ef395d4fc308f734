// treduce-server: flags -> config -> server; no logic.
#include <malloc.h>
#include <signal.h>

#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "google/protobuf/stubs/logging.h"
#include "grpc/support/log.h"
#include "server/config.h"
#include "server/server.h"
#include "spdlog/spdlog.h"

namespace {

// Received messages are many blocks of 64 KiB. Keeping their memory instead of giving it back to the system after
// each halves the CPU time of receiving.
void KeepMemory() {
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mallopt(M_MMAP_THRESHOLD, 64 << 20);
  mallopt(M_TOP_PAD, 16 << 20);
}

void SetUpLog(const std::string& level) {
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  spdlog::set_level(spdlog::level::from_str(level));
  // What concerns users in gRPC's messages is reported by the server itself.
  gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);
  gpr_set_log_function([](gpr_log_func_args* args) { spdlog::debug("gRPC: {}", args->message); });
  // Protobuf would write a line for each message with text that is not UTF-8, which is refused anyway.
  google::protobuf::SetLogHandler([](google::protobuf::LogLevel, const char*, int, const std::string& message) {
    spdlog::debug("Protobuf: {}", message);
  });
}

std::optional<std::string> Variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::make_optional<std::string>(value);
}

// A client that does not read what it is sent keeps gRPC from closing its connection, and with it from shutting down:
// over TCP for 20 seconds, over a unix socket for as long as it likes.
void EndWithin(absl::Duration time) {
  std::thread([time] {
    absl::SleepFor(time);
    spdlog::warn("ending with connections that do not close");
    std::_Exit(0);
  }).detach();
}

// To be called before any thread starts, so that none of them receives the signals.
sigset_t BlockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

}  // namespace

int main(int argc, char** argv) {
  KeepMemory();
  const auto command = treduce::ParseCommandLine(std::vector<std::string>(argv + 1, argv + argc), Variable);
  if (!command.ok()) {
    std::cerr << "treduce-server: " << command.status().message() << "\n";
    return 2;
  }
  if (command->action == treduce::CommandLine::Action::kShowHelp) {
    std::cout << treduce::HelpText();
    return 0;
  }
  if (command->action == treduce::CommandLine::Action::kShowVersion) {
    std::cout << "treduce-server " << treduce::Version() << "\n";
    return 0;
  }

  SetUpLog(command->config.log_level);
  const sigset_t stop_signals = BlockStopSignals();
  const auto server = treduce::Server::Start(command->config);
  if (!server.ok()) {
    std::cerr << "treduce-server: " << server.status().message() << "\n";
    return 1;
  }
  spdlog::info("{}", (*server)->Summary());

  int signal;
  sigwait(&stop_signals, &signal);
  spdlog::info("draining; a second signal ends the server at once");
  pthread_sigmask(SIG_UNBLOCK, &stop_signals, nullptr);
  EndWithin(command->config.drain_delay + command->config.drain_timeout + absl::Seconds(3));
  (*server)->Drain();
  spdlog::info("drained");
  return 0;
}
