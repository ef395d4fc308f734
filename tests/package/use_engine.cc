// Sums the columns of [[1, 2], [3, 4]] with the installed engine.
#include <array>
#include <cstddef>
#include <cstring>
#include <iostream>

#include "absl/types/span.h"
#include "server/engine/engine.h"

int main() {
  const std::array<float, 4> elements = {1, 2, 3, 4};
  const absl::Span<const std::byte> bytes(reinterpret_cast<const std::byte*>(elements.data()), sizeof elements);

  treduce::Engine engine;
  const auto results =
      engine.Reduce({treduce::DType::kFloat32, {2, 2}, bytes}, {{.op = treduce::Op::kSum, .dim = {0}}});
  if (!results.ok()) {
    std::cerr << results.status() << "\n";
    return 1;
  }

  std::array<float, 2> sums;
  std::memcpy(sums.data(), results->front().outputs.front().data.data(), sizeof sums);
  std::cout << "engine: " << sums[0] << " " << sums[1] << "\n";
  return sums == std::array<float, 2>{4, 6} ? 0 : 1;
}
