// The server a command talks to: one at an address, or one of its own in this process.
#ifndef TREDUCE_CLIENT_CLI_ENDPOINT_H_
#define TREDUCE_CLIENT_CLI_ENDPOINT_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "client/cpp/client.h"
#include "server/server.h"

namespace treduce::cli {

class Endpoint {
 public:
  // The server at `address`, which is not contacted yet; or, when it is empty, one that is started in this process and
  // that nobody else can reach. To open CUDA devices takes that one a second, so it does only with `use_cuda`.
  static absl::StatusOr<Endpoint> Open(const std::string& address, bool use_cuda);

  const Client& client() const { return client_; }

 private:
  Endpoint(std::unique_ptr<Server> server, Client client) : server_(std::move(server)), client_(std::move(client)) {}

  std::unique_ptr<Server> server_;  // null when it is elsewhere
  Client client_;
};

}  // namespace treduce::cli

#endif  // TREDUCE_CLIENT_CLI_ENDPOINT_H_
