// The server: listens, serves, drains. The program treduce-server is little more; others may embed it.
#ifndef TREDUCE_SERVER_SERVER_H_
#define TREDUCE_SERVER_SERVER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/config.h"
#include "server/engine/engine.h"

namespace treduce {

// Thread-safe.
class Server {
 public:
  // Serves from now on. A socket file that no server listens on any more is replaced. FAILED_PRECONDITION when an
  // address cannot be listened on: in use, not permitted, not of this machine. INVALID_ARGUMENT when the byte budget,
  // which may depend on the machine, is less than 4 times `max_unary_bytes`. RESOURCE_EXHAUSTED when there can be no
  // more threads. Reduces with `engine`, if there is one, else with an engine of its own.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const Config& config, std::unique_ptr<Engine> engine = nullptr);

  // Cancels what still runs; Drain first to let it end.
  ~Server();

  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // What it listens on: those of the config, with the ports that were taken for port 0.
  const std::vector<std::string>& addresses() const;

  // One line for the log: version, addresses, SIMD instructions, threads, limits.
  std::string Summary() const;

  // Stops serving, in this order: health turns NOT_SERVING; after `drain_delay` new calls are refused with
  // UNAVAILABLE, as are streams that wait for their next request; those still running after `drain_timeout` are
  // cancelled. Returns when the last one has ended and all connections are closed, for which gRPC waits for clients
  // that have stopped reading: over TCP 20 seconds, over unix sockets until they go.
  void Drain();

  // What requests are charged for at present, and how many there are.
  int64_t bytes_in_use() const;
  int64_t calls_in_use() const;

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

// "1.2.3".
std::string Version();

}  // namespace treduce

#endif  // TREDUCE_SERVER_SERVER_H_
