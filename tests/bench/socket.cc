// Plain stream sockets: see socket.h.
#include "tests/bench/socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace treduce::bench {
namespace {

struct Address {
  sockaddr_storage storage = {};
  socklen_t size = 0;

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
};

absl::StatusOr<Address> Parse(const std::string& text) {
  Address address;
  absl::string_view rest = text;
  if (absl::ConsumePrefix(&rest, "unix:")) {
    auto* unix_address = reinterpret_cast<sockaddr_un*>(&address.storage);
    if (rest.size() >= sizeof(unix_address->sun_path)) {
      return absl::InvalidArgumentError(absl::StrCat("path too long: ", text));
    }
    unix_address->sun_family = AF_UNIX;
    std::memcpy(unix_address->sun_path, rest.data(), rest.size());
    address.size = sizeof(sockaddr_un);
    return address;
  }
  auto* tcp_address = reinterpret_cast<sockaddr_in*>(&address.storage);
  const size_t colon = text.rfind(':');
  int port = 0;
  if (colon == std::string::npos || !absl::SimpleAtoi(text.substr(colon + 1), &port) ||
      inet_pton(AF_INET, text.substr(0, colon).c_str(), &tcp_address->sin_addr) != 1) {
    return absl::InvalidArgumentError(absl::StrCat("neither HOST:PORT nor unix:PATH: ", text));
  }
  tcp_address->sin_family = AF_INET;
  tcp_address->sin_port = htons(static_cast<uint16_t>(port));
  address.size = sizeof(sockaddr_in);
  return address;
}

absl::Status SystemError(absl::string_view what) { return absl::ErrnoToStatus(errno, what); }

void SendWithoutDelay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));  // fails on a unix socket, which has no delay
}

}  // namespace

Socket& Socket::operator=(Socket&& other) {
  std::swap(fd_, other.fd_);
  return *this;
}

Socket::~Socket() {
  if (fd_ >= 0) close(fd_);
}

absl::StatusOr<Socket> Socket::Accept() {
  const int fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0) return SystemError("accept");
  SendWithoutDelay(fd);
  return Socket(fd);
}

absl::Status Socket::SendAll(absl::Span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) return SystemError("send");
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return absl::OkStatus();
}

absl::StatusOr<size_t> Socket::ReceiveSome(absl::Span<std::byte> buffer) {
  const ssize_t received = recv(fd_, buffer.data(), buffer.size(), 0);
  if (received < 0) return SystemError("recv");
  return static_cast<size_t>(received);
}

absl::Status Socket::ReceiveAll(absl::Span<std::byte> buffer) {
  while (!buffer.empty()) {
    absl::StatusOr<size_t> received = ReceiveSome(buffer);
    if (!received.ok()) return received.status();
    if (*received == 0) return absl::OutOfRangeError("the peer has closed");
    buffer.remove_prefix(*received);
  }
  return absl::OkStatus();
}

absl::StatusOr<Socket> Listen(const std::string& text) {
  absl::StatusOr<Address> address = Parse(text);
  if (!address.ok()) return address.status();
  const int fd = socket(address->family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return SystemError("socket");
  Socket result(fd);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind(fd, address->get(), address->size) != 0 || listen(fd, SOMAXCONN) != 0) return SystemError(text);
  return result;
}

absl::StatusOr<Socket> Connect(const std::string& text) {
  absl::StatusOr<Address> address = Parse(text);
  if (!address.ok()) return address.status();
  const int fd = socket(address->family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return SystemError("socket");
  Socket result(fd);
  if (connect(fd, address->get(), address->size) != 0) return SystemError(text);
  SendWithoutDelay(fd);
  return result;
}

absl::StatusOr<std::string> FreeTcpAddress() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return SystemError("socket");
  Socket owner(fd);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(fd, generic, size) != 0 || getsockname(fd, generic, &size) != 0) return SystemError("127.0.0.1");
  return absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
}

}  // namespace treduce::bench
