// The parts of the wire benchmark. Each starts its own servers, measures, prints a table and adds its figures to the
// report. INTERNAL or worse when a server fails or gives a wrong answer.
#ifndef TREDUCE_TESTS_BENCH_PARTS_H_
#define TREDUCE_TESTS_BENCH_PARTS_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tests/bench/report.h"

namespace treduce::bench {

struct Settings {
  int rounds = 5;
  std::vector<int64_t> sizes;      // bytes of the tensors of the bulk part
  absl::Duration small_load_time;  // of one measurement of requests in flight
};

// One tensor at a time, of each size over each transport: raw socket, stock server, treduce unary and streamed, in
// turn; `rounds` times.
absl::Status RunBulk(const Settings& settings, Report& report);

// 32-byte requests, 1 and 64 in flight, over each transport: stock server and treduce in turn; `rounds` times.
absl::Status RunSmall(const Settings& settings, Report& report);

// One 32-byte request after 2 s without any, to the same servers; `rounds` times.
absl::Status RunIdle(const Settings& settings, Report& report);

// The server's peak memory while an 8 GiB tensor is streamed to it.
absl::Status RunMemory(const Settings& settings, Report& report);

// The share of its CPU time that the server spends in copying bytes, with 64 MiB tensors. Needs `perf`.
absl::Status RunCopies(const Settings& settings, Report& report);

}  // namespace treduce::bench

#endif  // TREDUCE_TESTS_BENCH_PARTS_H_
