// The memory of a long stream: see parts.h.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <vector>

#include "absl/strings/str_format.h"
#include "client/cpp/client.h"
#include "tests/bench/parts.h"
#include "tests/bench/server_process.h"

namespace treduce::bench {
namespace {

constexpr int64_t kStreamBytes = int64_t{8} << 30;
constexpr double kMaxPeakMib = 128;

// Streams a tensor of ones; gives the number of elements that the server counts.
absl::StatusOr<int64_t> StreamOnes(const std::string& address) {
  absl::StatusOr<Client> client = Client::Connect(address);
  if (!client.ok()) return client.status();
  const std::vector<float> ones((1 << 20) / sizeof(float), 1.0f);
  int64_t left = kStreamBytes;
  const TensorSource source = {
      DType::kFloat32,
      {kStreamBytes / int64_t{sizeof(float)}},
      [&](absl::Span<std::byte> buffer) -> absl::StatusOr<size_t> {
        const size_t bytes = std::min<size_t>({buffer.size(), ones.size() * sizeof(float), static_cast<size_t>(left)});
        std::memcpy(buffer.data(), ones.data(), bytes);
        left -= static_cast<int64_t>(bytes);
        return bytes;
      }};
  const absl::StatusOr<ReduceReply> reply =
      client->Reduce(source, {{.op = Op::kSum}, {.op = Op::kMax}, {.op = Op::kCountNonzero}});
  if (!reply.ok()) return reply.status();
  int64_t count;
  std::memcpy(&count, reply->results.back().outputs.front().data.data(), sizeof(count));
  return count;
}

}  // namespace

absl::Status RunMemory(const Settings&, Report& report) {
  std::printf("\nmemory: %s of float32 streamed, three reductions\n", ByteCountName(kStreamBytes).c_str());
  for (const Transport transport : kTransports) {
    const auto server = ServerProcess::Start("treduce-server", transport);
    if (!server.ok()) return server.status();
    (*server)->ResetPeakRss();
    const absl::StatusOr<int64_t> count = StreamOnes((*server)->address());
    if (!count.ok()) return count.status();
    if (*count != kStreamBytes / int64_t{sizeof(float)}) {
      return absl::InternalError(absl::StrFormat("%d elements counted", *count));
    }
    const double peak_mib = static_cast<double>((*server)->PeakRssBytes()) / (1 << 20);
    std::printf("  %-5s peak RSS of the server %.1f MiB\n", std::string(Name(transport)).c_str(), peak_mib);
    report.Add(JsonLine()
                   .Add("part", "memory")
                   .Add("transport", Name(transport))
                   .Add("bytes", static_cast<double>(kStreamBytes))
                   .Add("server_peak_rss_mib", peak_mib));
    report.AddAtMost(absl::StrFormat("%s streamed, %s: peak RSS MiB", ByteCountName(kStreamBytes), Name(transport)),
                     peak_mib, kMaxPeakMib);
  }
  return absl::OkStatus();
}

}  // namespace treduce::bench
