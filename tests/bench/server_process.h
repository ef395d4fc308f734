// A server under measurement: a child process of its own, so that its CPU time and memory can be told apart.
#ifndef TREDUCE_TESTS_BENCH_SERVER_PROCESS_H_
#define TREDUCE_TESTS_BENCH_SERVER_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace treduce::bench {

// How a server is reached.
enum class Transport { kTcp, kUnix };

inline constexpr Transport kTransports[] = {Transport::kTcp, Transport::kUnix};

// "TCP", "unix".
std::string_view Name(Transport transport);

class ServerProcess {
 public:
  // Runs `program`, which lies beside this one, as `program --listen ADDRESS arguments...` with an address of its own,
  // and waits until that takes connections.
  static absl::StatusOr<std::unique_ptr<ServerProcess>> Start(const std::string& program, Transport transport,
                                                              const std::vector<std::string>& arguments = {});
  // Stops the process.
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  const std::string& address() const { return address_; }
  pid_t pid() const { return pid_; }

  // User and system time of all its threads so far.
  double CpuSeconds() const;
  // The most memory it had resident since the start or the last reset.
  int64_t PeakRssBytes() const;
  void ResetPeakRss();
  // The memory it has resident now.
  int64_t RssBytes() const;

  // Asks the process to stop (SIGTERM) and gives its exit status; 128 + the signal when one ended it.
  int Stop();

 private:
  ServerProcess(pid_t pid, std::string address) : pid_(pid), address_(std::move(address)) {}

  // A line of /proc/PID/status that holds KiB; 0 when there is none.
  int64_t StatusBytes(std::string_view key) const;

  pid_t pid_;  // -1 when it has ended
  std::string address_;
};

}  // namespace treduce::bench

#endif  // TREDUCE_TESTS_BENCH_SERVER_PROCESS_H_
