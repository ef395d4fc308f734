// The floor: a plain socket that feeds the engine. One connection at a time; a request is its byte count (int64, host
// order) and so many bytes of float32, the answer their float32 sum. Usage: treduce-raw-server --listen ADDRESS
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/engine/engine.h"
#include "tests/bench/socket.h"

namespace treduce::bench {
namespace {

constexpr size_t kBufferBytes = 1 << 20;

absl::Status ServeRequest(Engine& engine, Socket& connection, absl::Span<std::byte> buffer) {
  int64_t byte_count = 0;
  absl::Status status =
      connection.ReceiveAll(absl::MakeSpan(reinterpret_cast<std::byte*>(&byte_count), sizeof(int64_t)));
  if (!status.ok()) return status;
  absl::StatusOr<Plan> plan = MakePlan({DType::kFloat32, {byte_count / int64_t{sizeof(float)}}, {{.op = Op::kSum}}});
  if (!plan.ok()) return plan.status();
  const std::unique_ptr<Accumulation> accumulation = engine.Start(*std::move(plan));
  while (accumulation->byte_count() < byte_count) {
    const size_t missing = static_cast<size_t>(byte_count - accumulation->byte_count());
    absl::StatusOr<size_t> received = connection.ReceiveSome(buffer.first(std::min(buffer.size(), missing)));
    if (!received.ok()) return received.status();
    if (*received == 0) return absl::OutOfRangeError("the peer has closed");
    status = accumulation->Append(buffer.first(*received));
    if (!status.ok()) return status;
  }
  absl::StatusOr<std::vector<ReductionResult>> results = accumulation->Finish();
  if (!results.ok()) return results.status();
  return connection.SendAll(results->front().outputs.front().data);
}

int Serve(const std::string& address) {
  absl::StatusOr<Socket> listener = Listen(address);
  if (!listener.ok()) {
    std::fprintf(stderr, "treduce-raw-server: %s\n", std::string(listener.status().message()).c_str());
    return 1;
  }
  Engine engine;
  std::vector<std::byte> buffer(kBufferBytes);
  for (;;) {
    absl::StatusOr<Socket> connection = listener->Accept();
    if (!connection.ok()) return 1;
    while (ServeRequest(engine, *connection, absl::MakeSpan(buffer)).ok()) {
    }
  }
}

}  // namespace
}  // namespace treduce::bench

int main(int argc, char** argv) {
  if (argc == 3 && std::string(argv[1]) == "--listen") return treduce::bench::Serve(argv[2]);
  std::fprintf(stderr, "usage: treduce-raw-server --listen HOST:PORT|unix:PATH\n");
  return 2;
}
