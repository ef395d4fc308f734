// Sums [[1, 2], [3, 4]] with the installed client on the server whose address is the argument.
#include <array>
#include <cstddef>
#include <cstring>
#include <iostream>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "client/cpp/client.h"

int main(int argc, char** argv) {
  const std::array<float, 4> elements = {1, 2, 3, 4};
  const absl::Span<const std::byte> bytes(reinterpret_cast<const std::byte*>(elements.data()), sizeof elements);

  const auto client = treduce::Client::Connect(argc > 1 ? argv[1] : "localhost:50051");
  if (!client.ok()) {
    std::cerr << client.status() << "\n";
    return 1;
  }
  const treduce::TensorView tensor = {treduce::DType::kFloat32, {2, 2}, bytes};
  const auto reply = client->Reduce(tensor, {{.op = treduce::Op::kSum}}, {.timeout = absl::Seconds(10)});
  if (!reply.ok()) {
    std::cerr << reply.status() << "\n";
    return 1;
  }

  float sum;
  std::memcpy(&sum, reply->results.front().outputs.front().data.data(), sizeof sum);
  std::cout << "client: " << sum << "\n";
  return sum == 10 ? 0 : 1;
}
