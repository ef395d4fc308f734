// What python_bench.py compares the Python client with: the C++ client, which sums a float32 tensor of ones each time
// that a line arrives, and prints the sum and the seconds that it took.
//
//   treduce-client-loop unix:/tmp/socket 268435456
#include <cstdio>
#include <iostream>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "client/cpp/client.h"

int main(int argc, char** argv) {
  int64_t byte_count = 0;
  if (argc != 3 || !absl::SimpleAtoi(argv[2], &byte_count) || byte_count < 0) {
    std::fprintf(stderr, "usage: treduce-client-loop ADDRESS BYTES\n");
    return 2;
  }
  const absl::StatusOr<treduce::Client> client = treduce::Client::Connect(argv[1]);
  if (!client.ok()) {
    std::fprintf(stderr, "treduce-client-loop: %s\n", client.status().ToString().c_str());
    return 1;
  }
  const std::vector<float> ones(byte_count / sizeof(float), 1.0f);
  const treduce::TensorView tensor = {
      treduce::DType::kFloat32, {static_cast<int64_t>(ones.size())}, std::as_bytes(std::span(ones))};
  for (std::string line; std::getline(std::cin, line);) {
    const absl::Time start = absl::Now();
    const absl::StatusOr<treduce::ReduceReply> reply = client->Reduce(tensor, {{.op = treduce::Op::kSum}});
    const double seconds = absl::ToDoubleSeconds(absl::Now() - start);
    if (!reply.ok()) {
      std::fprintf(stderr, "treduce-client-loop: %s\n", reply.status().ToString().c_str());
      return 1;
    }
    const float sum = *reinterpret_cast<const float*>(reply->results[0].outputs[0].data.data());
    std::printf("%.0f %.9f\n", sum, seconds);
    std::fflush(stdout);
  }
  return 0;
}
