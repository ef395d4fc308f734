// See silent_server.h.
#include "tests/client/silent_server.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace treduce {

SilentServer::SilentServer(const std::string& path) : listener_(socket(AF_UNIX, SOCK_STREAM, 0)) {
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  unlink(path.c_str());
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) std::abort();
  listen(listener_, 1);
  greeter_ = std::thread([this] {
    connection_ = accept(listener_, nullptr, nullptr);
    // SETTINGS with INITIAL_WINDOW_SIZE 2^31 - 1, and WINDOW_UPDATE of the connection up to the same.
    constexpr char kGreeting[] =
        "\0\0\6\4\0\0\0\0\0\0\4\x7F\xFF\xFF\xFF"
        "\0\0\4\x8\0\0\0\0\0\x7F\xFE\xFF\xFF";
    (void)!write(connection_, kGreeting, sizeof(kGreeting) - 1);
  });
}

SilentServer::~SilentServer() {
  shutdown(listener_, SHUT_RDWR);
  greeter_.join();
  close(connection_);
  close(listener_);
}

}  // namespace treduce
