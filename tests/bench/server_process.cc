// Child processes: see server_process.h.
#include "tests/bench/server_process.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/bench/socket.h"

namespace treduce::bench {
namespace {

constexpr absl::Duration kStartTimeout = absl::Seconds(20);

std::string ProcPath(pid_t pid, absl::string_view file) { return absl::StrCat("/proc/", pid, "/", file); }

absl::StatusOr<std::string> FreshAddress(Transport transport) {
  static int count = 0;
  if (transport == Transport::kTcp) return FreeTcpAddress();
  return absl::StrCat("unix:/tmp/treduce-bench-", getpid(), "-", ++count, ".sock");
}

}  // namespace

std::string_view Name(Transport transport) { return transport == Transport::kTcp ? "TCP" : "unix"; }

absl::StatusOr<std::unique_ptr<ServerProcess>> ServerProcess::Start(const std::string& program, Transport transport,
                                                                    const std::vector<std::string>& arguments) {
  const std::string path = std::filesystem::read_symlink("/proc/self/exe").replace_filename(program);
  const absl::StatusOr<std::string> address = FreshAddress(transport);
  if (!address.ok()) return address.status();
  std::vector<std::string> words = {path, "--listen", *address};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  const pid_t pid = fork();
  if (pid < 0) return absl::ErrnoToStatus(errno, "fork");
  if (pid == 0) {
    setenv("TREDUCE_LOG_LEVEL", "warning", 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execv(path.c_str(), argv.data());
    _exit(127);
  }
  auto process = std::unique_ptr<ServerProcess>(new ServerProcess(pid, *address));
  for (const absl::Time give_up = absl::Now() + kStartTimeout; absl::Now() < give_up;) {
    if (Connect(*address).ok()) return process;
    if (waitpid(pid, nullptr, WNOHANG) == pid) {
      process->pid_ = -1;
      return absl::UnavailableError(absl::StrCat(path, " ended before it listened on ", *address));
    }
    absl::SleepFor(absl::Milliseconds(5));
  }
  return absl::DeadlineExceededError(absl::StrCat(path, " does not listen on ", *address));
}

ServerProcess::~ServerProcess() {
  Stop();
  if (address_.starts_with("unix:")) unlink(address_.c_str() + 5);
}

int ServerProcess::Stop() {
  if (pid_ < 0) return 0;
  int status = 0;
  kill(pid_, SIGTERM);
  waitpid(std::exchange(pid_, -1), &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

double ServerProcess::CpuSeconds() const {
  clockid_t clock;
  timespec time;
  if (clock_getcpuclockid(pid_, &clock) != 0 || clock_gettime(clock, &time) != 0) return 0;
  return absl::ToDoubleSeconds(absl::DurationFromTimespec(time));
}

int64_t ServerProcess::StatusBytes(std::string_view key) const {
  std::ifstream status(ProcPath(pid_, "status"));
  for (std::string word; status >> word;) {
    if (word != key) continue;
    int64_t kib = 0;
    status >> kib;
    return kib * 1024;
  }
  return 0;
}

int64_t ServerProcess::PeakRssBytes() const { return StatusBytes("VmHWM:"); }

int64_t ServerProcess::RssBytes() const { return StatusBytes("VmRSS:"); }

void ServerProcess::ResetPeakRss() { std::ofstream(ProcPath(pid_, "clear_refs")) << "5"; }

}  // namespace treduce::bench
