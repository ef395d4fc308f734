// Small requests in flight, and after idleness: see parts.h.
#include <cstdio>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "tests/bench/parts.h"
#include "tests/bench/server_process.h"
#include "tests/bench/small_load.h"

namespace treduce::bench {
namespace {

constexpr int kInFlight[] = {1, 64};
constexpr absl::Duration kIdleTime = absl::Seconds(2);

// What was measured with so many requests in flight, round by round.
struct Series {
  std::vector<double> rate;
  std::vector<double> p50_us;
  std::vector<double> p99_us;
  std::vector<double> server_us_per_request;
};

struct Entrant {
  std::string name;
  Transport transport;
  std::unique_ptr<ServerProcess> server;
  std::unique_ptr<SmallLoad> client;
  Series series;
};

// The stock server, then treduce, for each transport.
absl::StatusOr<std::vector<Entrant>> StartEntrants() {
  std::vector<Entrant> entrants;
  for (const Transport transport : kTransports) {
    for (const auto& [name, program, request] :
         {std::tuple("stock server", "treduce-stock-server", SmallStockRequest()),
          {"treduce", "treduce-server", SmallTreduceRequest()}}) {
      auto server = ServerProcess::Start(program, transport);
      if (!server.ok()) return server.status();
      auto client = std::make_unique<SmallLoad>((*server)->address(), request);
      entrants.push_back({name, transport, *std::move(server), std::move(client), {}});
    }
  }
  return entrants;
}

absl::Status Measure(int in_flight, absl::Duration duration, Entrant& entrant) {
  const double cpu_before = entrant.server->CpuSeconds();
  const absl::StatusOr<LoadResult> result = entrant.client->Run(in_flight, duration);
  if (!result.ok()) return result.status();
  const std::vector<double>& latencies = result->latencies;
  const double cpu = entrant.server->CpuSeconds() - cpu_before;
  entrant.series.rate.push_back(result->requests_per_second);
  entrant.series.p50_us.push_back(latencies[latencies.size() / 2] * 1e6);
  entrant.series.p99_us.push_back(latencies[latencies.size() * 99 / 100] * 1e6);
  entrant.series.server_us_per_request.push_back(cpu / static_cast<double>(latencies.size()) * 1e6);
  return absl::OkStatus();
}

void PrintLoad(int in_flight, const Entrant& entrant, const Entrant& stock, Report& report) {
  const Series& series = entrant.series;
  const Spread rate = SpreadOf(series.rate);
  const Spread of_stock = RatioSpread(series.rate, stock.series.rate);
  const Spread p50 = SpreadOf(series.p50_us);
  const Spread p99 = SpreadOf(series.p99_us);
  const Spread cpu = SpreadOf(series.server_us_per_request);
  std::printf("  %-15s%-5s%4d  %-24s %-22s %-22s %-22s %s\n", entrant.name.c_str(),
              std::string(Name(entrant.transport)).c_str(), in_flight, ToString(rate).c_str(),
              ToString(of_stock).c_str(), ToString(p50).c_str(), ToString(p99).c_str(), ToString(cpu).c_str());
  report.Add(JsonLine()
                 .Add("part", "small")
                 .Add("contender", entrant.name)
                 .Add("transport", Name(entrant.transport))
                 .Add("in_flight", in_flight)
                 .Add("requests_per_s", rate)
                 .Add("ratio_to_stock", of_stock)
                 .Add("p50_us", p50)
                 .Add("p99_us", p99)
                 .Add("server_cpu_us", cpu));
  if (in_flight == 64 && &entrant != &stock) {
    report.AddAtLeast(absl::StrFormat("32 B, 64 in flight, %s: rate / stock server", Name(entrant.transport)),
                      of_stock.median, 1.5);
  }
}

}  // namespace

absl::Status RunSmall(const Settings& settings, Report& report) {
  absl::StatusOr<std::vector<Entrant>> entrants = StartEntrants();
  if (!entrants.ok()) return entrants.status();
  std::printf("\nsmall: 32-byte requests in flight on one connection; median [min..max] of %d rounds\n",
              settings.rounds);
  std::printf("  %-26s%-24s %-22s %-22s %-22s %s\n", "", "requests/s", "/ stock server", "p50 us", "p99 us",
              "server CPU us per request");
  for (const int in_flight : kInFlight) {
    for (int round = -1; round < settings.rounds; ++round) {
      for (Entrant& entrant : *entrants) {
        const absl::Status status = Measure(in_flight, settings.small_load_time, entrant);
        if (!status.ok()) return status;
        if (round < 0) entrant.series = {};  // the first round warms up
      }
    }
    for (size_t i = 0; i < entrants->size(); i += 2) {
      PrintLoad(in_flight, (*entrants)[i], (*entrants)[i], report);
      PrintLoad(in_flight, (*entrants)[i + 1], (*entrants)[i], report);
    }
    for (Entrant& entrant : *entrants) entrant.series = {};
  }
  return absl::OkStatus();
}

absl::Status RunIdle(const Settings& settings, Report& report) {
  absl::StatusOr<std::vector<Entrant>> entrants = StartEntrants();
  if (!entrants.ok()) return entrants.status();
  const int rounds = 2 * settings.rounds;
  std::vector<std::vector<double>> latencies_us(entrants->size());
  std::printf("\nidle: one 32-byte request after %s without any; median [min..max] of %d rounds\n",
              absl::FormatDuration(kIdleTime).c_str(), rounds);
  for (int round = -1; round < rounds; ++round) {
    if (round >= 0) absl::SleepFor(kIdleTime);
    for (size_t i = 0; i < entrants->size(); ++i) {
      // Whoever comes first wakes the processor up for the others.
      const size_t turn = (i + static_cast<size_t>(round + 1)) % entrants->size();
      const absl::StatusOr<absl::Duration> latency = (*entrants)[turn].client->RunOne();
      if (!latency.ok()) return latency.status();
      if (round >= 0) latencies_us[turn].push_back(absl::ToDoubleMicroseconds(*latency));
    }
  }
  for (size_t i = 0; i < entrants->size(); ++i) {
    const Entrant& entrant = (*entrants)[i];
    const Spread latency = SpreadOf(latencies_us[i]);
    std::printf("  %-15s%-5s%s us\n", entrant.name.c_str(), std::string(Name(entrant.transport)).c_str(),
                ToString(latency).c_str());
    report.Add(JsonLine()
                   .Add("part", "idle")
                   .Add("contender", entrant.name)
                   .Add("transport", Name(entrant.transport))
                   .Add("latency_us", latency));
    if (entrant.name == "treduce") {
      report.AddAtMost(absl::StrFormat("32 B after 2 s of idleness, %s: p50 ms", Name(entrant.transport)),
                       latency.median / 1000, 1);
    }
  }
  return absl::OkStatus();
}

}  // namespace treduce::bench
