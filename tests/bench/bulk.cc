// One tensor at a time: see parts.h.
#include <algorithm>
#include <cstdio>
#include <random>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "tests/bench/contender.h"
#include "tests/bench/parts.h"
#include "tests/bench/server_process.h"

namespace treduce::bench {
namespace {

constexpr char kStream[] = "treduce stream";
// Where the two that others are compared with stand among the contenders.
constexpr size_t kRawIndex = 0;
constexpr size_t kStockIndex = 1;

// Repeats short calls until so many bytes went through, so that a measurement is longer than what disturbs it.
constexpr int64_t kBytesPerMeasurement = int64_t{64} << 20;
constexpr int64_t kMaxCallsPerMeasurement = 200;

// The size that the project's targets are about.
constexpr int64_t kTargetBytes = int64_t{256} << 20;

// What was measured of one contender at one size, round by round.
struct Series {
  std::vector<double> gb_per_second;
  std::vector<double> server_seconds_per_gb;
  std::vector<double> peak_rss_mib;
};

struct Entrant {
  std::string name;
  std::unique_ptr<ServerProcess> server;
  std::unique_ptr<Contender> client;
  Series series;
};

// Whole numbers around 0, so that the sum is exact whatever the order, and near enough to 0 for float32 to hold it.
std::vector<float> MakeData(int64_t byte_count) {
  std::vector<float> data(byte_count / sizeof(float));
  std::minstd_rand random;
  for (float& element : data) element = static_cast<float>(static_cast<int>(random() % 2001) - 1000);
  return data;
}

float ExactSum(absl::Span<const float> data) {
  int64_t sum = 0;
  for (const float element : data) sum += static_cast<int64_t>(element);
  return static_cast<float>(sum);
}

absl::StatusOr<std::vector<Entrant>> StartEntrants(Transport transport) {
  using Connector = absl::StatusOr<std::unique_ptr<Contender>> (*)(const std::string&);
  struct Kind {
    const char* name;
    const char* program;
    Connector connect;
    std::vector<std::string> arguments;
  };
  // Unary calls of this size are not what the server takes unless it is told so.
  const std::vector<std::string> large_unary = {"--max-unary-bytes=1GiB", "--byte-budget=4GiB"};
  const Kind kinds[] = {{"raw socket", "treduce-raw-server", ConnectRaw, {}},
                        {"stock server", "treduce-stock-server", ConnectStock, {}},
                        {"treduce unary", "treduce-server", ConnectUnary, large_unary},
                        {kStream, "treduce-server", ConnectStream, {}}};
  std::vector<Entrant> entrants;
  for (const Kind& kind : kinds) {
    auto server = ServerProcess::Start(kind.program, transport, kind.arguments);
    if (!server.ok()) return server.status();
    auto client = kind.connect((*server)->address());
    if (!client.ok()) return client.status();
    entrants.push_back({kind.name, *std::move(server), *std::move(client), {}});
  }
  return entrants;
}

absl::Status Measure(Entrant& entrant, absl::Span<const float> data, float expected) {
  const int64_t byte_count = static_cast<int64_t>(data.size() * sizeof(float));
  const int64_t calls = std::clamp(kBytesPerMeasurement / byte_count, int64_t{1}, kMaxCallsPerMeasurement);
  const double gb = static_cast<double>(calls * byte_count) * 1e-9;
  entrant.client->Prepare(data);
  entrant.server->ResetPeakRss();
  const double cpu_before = entrant.server->CpuSeconds();
  const absl::Time start = absl::Now();
  for (int64_t i = 0; i < calls; ++i) {
    const absl::StatusOr<float> sum = entrant.client->Sum();
    if (!sum.ok()) return sum.status();
    if (*sum != expected)
      return absl::InternalError(absl::StrFormat("%s: sum %g, not %g", entrant.name, *sum, expected));
  }
  const absl::Duration time = absl::Now() - start;
  entrant.series.gb_per_second.push_back(gb / absl::ToDoubleSeconds(time));
  entrant.series.server_seconds_per_gb.push_back((entrant.server->CpuSeconds() - cpu_before) / gb);
  entrant.series.peak_rss_mib.push_back(static_cast<double>(entrant.server->PeakRssBytes()) / (1 << 20));
  entrant.client->Prepare({});
  return absl::OkStatus();
}

void AddTargets(Transport transport, const Series& stream, const Spread& of_raw, const Spread& of_stock,
                Report& report) {
  const std::string where = absl::StrFormat("%s, %s streamed", ByteCountName(kTargetBytes), Name(transport));
  report.AddAtLeast(where + ": rate / raw socket", of_raw.median, transport == Transport::kTcp ? 0.7 : 0.5);
  report.AddAtLeast(where + ": rate / stock server", of_stock.median, 5);
  report.AddAtMost(where + ": server CPU s per GB", SpreadOf(stream.server_seconds_per_gb).median, 0.3);
}

void PrintSize(int64_t bytes, Transport transport, absl::Span<const Entrant> entrants, Report& report) {
  const Series& raw = entrants[kRawIndex].series;
  const Series& stock = entrants[kStockIndex].series;
  std::printf("%s, %s\n", ByteCountName(bytes).c_str(), std::string(Name(transport)).c_str());
  for (const Entrant& entrant : entrants) {
    const Series& series = entrant.series;
    const Spread rate = SpreadOf(series.gb_per_second);
    const Spread of_raw = RatioSpread(series.gb_per_second, raw.gb_per_second);
    const Spread of_stock = RatioSpread(series.gb_per_second, stock.gb_per_second);
    const Spread cpu = SpreadOf(series.server_seconds_per_gb);
    const Spread rss = SpreadOf(series.peak_rss_mib);
    std::printf("  %-15s%-22s %-22s %-22s %-24s%6.0f\n", entrant.name.c_str(), ToString(rate).c_str(),
                ToString(of_raw).c_str(), ToString(of_stock).c_str(), ToString(cpu).c_str(), rss.max);
    report.Add(JsonLine()
                   .Add("part", "bulk")
                   .Add("contender", entrant.name)
                   .Add("transport", Name(transport))
                   .Add("bytes", static_cast<double>(bytes))
                   .Add("gb_per_s", rate)
                   .Add("ratio_to_raw", of_raw)
                   .Add("ratio_to_stock", of_stock)
                   .Add("server_cpu_s_per_gb", cpu)
                   .Add("server_peak_rss_mib", rss));
    if (bytes == kTargetBytes && entrant.name == kStream) AddTargets(transport, series, of_raw, of_stock, report);
  }
}

absl::Status RunSize(int64_t bytes, Transport transport, int rounds, std::vector<Entrant>& entrants, Report& report) {
  const std::vector<float> data = MakeData(bytes);
  const float expected = ExactSum(data);
  for (int round = -1; round < rounds; ++round) {
    for (size_t i = 0; i < entrants.size(); ++i) {
      Entrant& entrant = entrants[(i + static_cast<size_t>(round + 1)) % entrants.size()];
      const absl::Status status = Measure(entrant, data, expected);
      if (!status.ok()) return status;
      if (round < 0) entrant.series = {};  // the first round warms up
    }
  }
  PrintSize(bytes, transport, entrants, report);
  return absl::OkStatus();
}

}  // namespace

absl::Status RunBulk(const Settings& settings, Report& report) {
  std::printf("\nbulk: one float32 tensor summed, one connection; median [min..max] of %d rounds\n", settings.rounds);
  std::printf("  %-15s%-22s %-22s %-22s %-24s%s\n", "", "GB/s", "/ raw socket", "/ stock server", "server CPU s per GB",
              "peak RSS MiB");
  for (const Transport transport : kTransports) {
    absl::StatusOr<std::vector<Entrant>> entrants = StartEntrants(transport);
    if (!entrants.ok()) return entrants.status();
    for (const int64_t bytes : settings.sizes) {
      const absl::Status status = RunSize(bytes, transport, settings.rounds, *entrants, report);
      if (!status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace treduce::bench
