// See endpoint.h.
#include "client/cli/endpoint.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "server/config.h"

namespace treduce::cli {

absl::StatusOr<Endpoint> Endpoint::Open(const std::string& address, bool use_cuda) {
  if (!address.empty()) {
    absl::StatusOr<Client> client = Client::Connect(address);
    if (!client.ok()) return client.status();
    return Endpoint(nullptr, *std::move(client));
  }

  // A directory of mode 0700. Not in TMPDIR: the path of a socket has room for about a hundred characters.
  std::string directory = "/tmp/treduce-XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) {
    return absl::UnknownError(absl::StrCat(directory, ": ", std::strerror(errno)));
  }
  const std::string path = absl::StrCat(directory, "/socket");
  // Once the client is connected the path has served its purpose, and a command that is killed leaves nothing behind.
  const absl::Cleanup remove = [&] {
    unlink(path.c_str());
    rmdir(directory.c_str());
  };
  const std::string own_address = absl::StrCat("unix:", path);
  absl::StatusOr<std::unique_ptr<Server>> server =
      Server::Start({.listen = {own_address}, .cuda = use_cuda ? "on" : "off"});
  if (!server.ok()) return server.status();
  absl::StatusOr<Client> client = Client::Connect(own_address);
  if (!client.ok()) return client.status();
  if (absl::Status status = client->Health(); !status.ok()) return status;
  return Endpoint(*std::move(server), *std::move(client));
}

}  // namespace treduce::cli
