// How many blocks share an output, and selections by element type.
#include "server/engine/cuda/selection_kernels.h"

#include <algorithm>
#include <type_traits>

#include "server/engine/cuda/cut.h"
#include "server/engine/values/element.h"

namespace treduce::cuda {
namespace {

// Elements that are worth a block of their own, and so many that a block counts in 32 bits.
constexpr int64_t kFewestOfChunk = 16 * 1024;
constexpr int64_t kMostOfChunk = int64_t{1} << 30;
// Chunks that each multiprocessor gets, about. With half as many outputs for each it has enough to do.
constexpr int64_t kChunksEach = 8;

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

void CutSelection(SelectionSpec& spec, int multiprocessors) {
  const int64_t chunks = std::max<int64_t>(1, kChunksEach * multiprocessors / spec.outputs);
  const int64_t chunk = std::clamp(CeilDiv(spec.n, chunks), kFewestOfChunk, kMostOfChunk);
  // Aligned as the elements are.
  spec.chunk = chunk < spec.n ? CeilDiv(chunk, kFewestOfChunk) * kFewestOfChunk : spec.n;
}

bool IsShared(const SelectionSpec& spec) { return spec.chunk < spec.n; }

Error LaunchSelection(DType dtype, const SelectionSpec& spec, Stream stream) {
  return VisitRealType(dtype, [&]<class T>(std::type_identity<T>) { return LaunchSelectionOf<T>(spec, stream); });
}

}  // namespace treduce::cuda
