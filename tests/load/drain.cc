// A client that asks for much and reads nothing: gRPC cannot close its connection, and the server must end all the
// same. The client speaks HTTP/2 by hand, since gRPC's own always reads.
#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/bench/server_process.h"
#include "tests/bench/socket.h"
#include "treduce/v1/treduce.pb.h"

namespace treduce {
namespace {

constexpr int64_t kResultBytes = int64_t{64} << 20;
// The drain timeout below, 3 seconds for connections to close, and as long for a busy machine.
constexpr absl::Duration kMostTime = absl::Seconds(7);

// The low `count` bytes of `value`, the highest first.
std::string BigEndian(uint64_t value, int count) {
  std::string bytes;
  for (int i = count - 1; i >= 0; --i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

// A frame of HTTP/2 (RFC 9113, 4.1).
std::string Frame(char type, char flags, int stream, const std::string& payload) {
  return absl::StrCat(BigEndian(payload.size(), 3), std::string{type, flags}, BigEndian(stream, 4), payload);
}

// A header that is not indexed (RFC 7541, 6.2.2).
std::string Header(const std::string& name, const std::string& value) {
  return absl::StrCat(std::string(1, '\0'), BigEndian(name.size(), 1), name, BigEndian(value.size(), 1), value);
}

// Windows as large as they can be, and a call of ReduceStream that has kResultBytes of results and is half-closed.
std::string CallWithoutLimits() {
  v1::ReduceStreamRequest request;
  v1::ReductionSpec& spec = *request.mutable_spec();
  spec.set_dtype(v1::DTYPE_BOOL);
  spec.add_shape(0);
  spec.add_shape(kResultBytes);
  spec.add_reductions()->set_op(v1::OP_ANY);
  spec.mutable_reductions(0)->add_dim(0);
  const std::string message = request.SerializeAsString();

  const std::string settings = absl::StrCat(BigEndian(4, 2), BigEndian(0x7FFFFFFF, 4));  // INITIAL_WINDOW_SIZE
  const std::string headers =
      absl::StrCat(Header(":method", "POST"), Header(":scheme", "http"), Header(":authority", "localhost"),
                   Header(":path", "/treduce.v1.ReductionService/ReduceStream"),
                   Header("content-type", "application/grpc"), Header("te", "trailers"));
  const std::string data = absl::StrCat(std::string(1, '\0'), BigEndian(message.size(), 4), message);
  constexpr char kData = 0, kHeaders = 1, kSettings = 4, kWindowUpdate = 8;
  constexpr char kEndStream = 1, kEndHeaders = 4;
  return absl::StrCat("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Frame(kSettings, 0, 0, settings),
                      Frame(kWindowUpdate, 0, 0, BigEndian(0x7FFF0000, 4)), Frame(kHeaders, kEndHeaders, 1, headers),
                      Frame(kData, kEndStream, 1, data));
}

int Fail(const std::string& message) {
  std::fprintf(stderr, "treduce-drain-test: %s\n", message.c_str());
  return 1;
}

int Run() {
  const auto server = bench::ServerProcess::Start("treduce-server", bench::Transport::kUnix, {"--drain-timeout=1s"});
  if (!server.ok()) return Fail(server.status().ToString());
  absl::StatusOr<bench::Socket> socket = bench::Connect((*server)->address());
  if (!socket.ok()) return Fail(socket.status().ToString());
  const std::string call = CallWithoutLimits();
  const absl::Status sent = socket->SendAll({reinterpret_cast<const std::byte*>(call.data()), call.size()});
  if (!sent.ok()) return Fail(sent.ToString());

  const absl::Time patience = absl::Now() + absl::Seconds(30);
  while ((*server)->RssBytes() < kResultBytes) {
    if (absl::Now() > patience) return Fail("the server makes no results");
    absl::SleepFor(absl::Milliseconds(10));
  }
  absl::SleepFor(absl::Milliseconds(500));  // by now it writes

  const absl::Time start = absl::Now();
  const int status = (*server)->Stop();
  const absl::Duration time = absl::Now() - start;
  std::printf("ended with %d after %s\n", status, absl::FormatDuration(time).c_str());
  return status == 0 && time <= kMostTime ? 0 : 1;
}

}  // namespace
}  // namespace treduce

int main() { return treduce::Run(); }
