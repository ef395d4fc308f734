// How a pass is cut into blocks, and the sequence of its launches.
#include "server/engine/cuda/pass_kernels.h"

#include <algorithm>
#include <bit>
#include <type_traits>
#include <utility>

#include "server/engine/cuda/cut.h"
#include "server/engine/cuda/launch_folds.h"
#include "server/engine/values/element.h"

namespace treduce::cuda {
namespace {

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

int64_t PowerOfTwoFrom(int64_t n) { return static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(n))); }

template <class T>
inline constexpr bool kIsFloat =
    std::is_floating_point_v<T> || std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>;

bool AreIn(FoldSet set, const PassSpec& spec) {
  return std::all_of(spec.folds, spec.folds + spec.fold_count,
                     [&](const FoldSpec& fold) { return IsIn(set, fold.kind); });
}

// With the kernels of the smallest set that has the folds of the pass.
template <class T>
Error LaunchFoldsOf(PassSpec& spec, Stream stream) {
  if (AreIn(FoldSet::kSum, spec)) return LaunchFolds<T, FoldSet::kSum>(spec, stream);
  if (AreIn(FoldSet::kOrder, spec)) return LaunchFolds<T, FoldSet::kOrder>(spec, stream);
  if constexpr (kIsFloat<T>) {
    if (AreIn(FoldSet::kMoments, spec)) return LaunchFolds<T, FoldSet::kMoments>(spec, stream);
    if constexpr (!std::is_same_v<T, double>) {
      const bool has_moments = std::any_of(spec.folds, spec.folds + spec.fold_count,
                                           [](const FoldSpec& fold) { return fold.kind == FoldKind::kMoments; });
      const bool are_long_rows = !spec.columns && spec.rows >= kStagedElements<T>;
      if (has_moments && are_long_rows && AreIn(FoldSet::kStatistics, spec)) {
        return LaunchFolds<T, FoldSet::kStatistics>(spec, stream);
      }
    }
    if (!AreIn(FoldSet::kCheap, spec)) return LaunchFolds<T, FoldSet::kAll>(spec, stream);
  }
  return LaunchFolds<T, FoldSet::kCheap>(spec, stream);
}

// Complex elements have one set.
template <ComplexElement T>
Error LaunchFoldsOf(PassSpec& spec, Stream stream) {
  return LaunchFolds<T, FoldSet::kAll>(spec, stream);
}

template <class T>
Error LaunchPassOf(PassSpec spec, void* nodes, Stream stream) {
  std::byte* memory = static_cast<std::byte*>(nodes);
  const auto place = [&](int64_t nodes_per_output) {
    const States states = {memory, static_cast<size_t>(nodes_per_output * spec.kept_count) * sizeof(int64_t)};
    memory += states.stride * static_cast<size_t>(spec.word_count);
    return states;
  };
  const bool has_nodes = spec.nodes_per_output > 1 || spec.interleaved;
  if (has_nodes) spec.nodes = place(spec.nodes_per_output);
  if (const Error error = LaunchFoldsOf<T>(spec, stream); error != kSuccess || !has_nodes) return error;
  States other = {};
  while (true) {
    const int threads = ThreadsFor(spec.word_count);
    const auto groups = static_cast<uint64_t>(CeilDiv(spec.nodes_per_output, kOwnNodes));
    // At least two outputs, where there are: the parts of a complex number.
    const auto down = static_cast<int>(
        std::min(static_cast<uint64_t>(threads) / (spec.kept_count > 1 ? 2 : 1), std::bit_ceil(groups)));
    spec.across = static_cast<int>(
        std::min(static_cast<uint64_t>(threads / down), std::bit_ceil(static_cast<uint64_t>(spec.kept_count))));
    const int64_t chunks = CeilDiv(spec.nodes_per_output, int64_t{down} * kOwnNodes);
    if (chunks > 1 && other.base == nullptr) other = place(chunks);
    const Error error = LaunchJoin<T>(spec, down, other, chunks, stream);
    if (error != kSuccess || chunks == 1) return error;
    std::swap(spec.nodes, other);
    spec.nodes_per_output = chunks;
    spec.output_stride = spec.columns ? 1 : chunks;
    spec.node_stride = spec.columns ? spec.kept_count : 1;
  }
}

}  // namespace

void CutPass(PassSpec& spec, DType dtype, int multiprocessors) {
  spec.leaves = CeilDiv(spec.rows, spec.leaf_rows);
  // What a run may have without straddling subtrees: anything, or what divides the leaves of a segment where the next
  // segment's are numbered from there on.
  const int64_t most = spec.interleaved ? spec.leaves & -spec.leaves : PowerOfTwoFrom(spec.leaves);
  spec.team = 1;
  spec.across = 1;
  spec.packed = false;
  if (!spec.columns && spec.leaves == 1) {
    spec.run = kWarpRows;
    while (kWarpsOfBlock * spec.run > StatesOfBlock(spec.word_count)) spec.run /= 2;
  } else if (!spec.columns) {
    // Enough runs that what is left at their ends is little, but whole segments where that is possible: they need no
    // nodes.
    const int64_t leaves = spec.leaves * spec.segments;
    const int64_t blocks = int64_t{16} * multiprocessors;
    const bool is_small = leaves <= kWarpsOfBlock * kMaxWarpRun;
    const int64_t wanted = std::max<int64_t>(1, leaves / (is_small ? kWarpsOfBlock : blocks * kWarpsOfBlock));
    const auto warp_run = static_cast<int64_t>(
        std::min(std::bit_ceil(static_cast<uint64_t>(wanted)), static_cast<uint64_t>(kMaxWarpRun)));
    spec.team = static_cast<int>(std::clamp<int64_t>(most / warp_run, 1, kWarpsOfBlock));
    spec.run = static_cast<int>(std::min(most, warp_run * spec.team));
  } else {
    const size_t element_bytes = ByteSize(dtype);
    spec.packed = element_bytes <= 2 && spec.width % ColumnsOfThread(true, element_bytes) == 0 &&
                  (AreIn(FoldSet::kSum, spec) || AreIn(FoldSet::kOrder, spec));
    const int columns = ColumnsOfThread(spec.packed, element_bytes);
    spec.across = static_cast<int>(std::min<int64_t>(spec.width, kMaxAcross * columns));
    spec.run = static_cast<int>(std::min<int64_t>(most, LeavesDown(spec.word_count, spec.across, columns)));
  }
  spec.runs = CeilDiv(spec.leaves, spec.run);
  spec.nodes_per_output = spec.segments_per_output * spec.runs;
  spec.output_stride = spec.columns ? 1 : spec.nodes_per_output;
  spec.node_stride = spec.columns ? spec.kept_count : 1;
}

size_t NodeByteCount(const PassSpec& spec) {
  if (spec.nodes_per_output == 1 && !spec.interleaved) return 0;
  const int64_t joined = CeilDiv(spec.nodes_per_output, kOwnNodes);
  return static_cast<size_t>((spec.nodes_per_output + joined) * spec.kept_count * spec.word_count) * sizeof(int64_t);
}

Error LaunchPass(DType dtype, PassSpec spec, void* nodes, Stream stream) {
  if (dtype == DType::kComplex64) return LaunchPassOf<Complex64>(spec, nodes, stream);
  if (dtype == DType::kComplex128) return LaunchPassOf<Complex128>(spec, nodes, stream);
  return VisitRealType(dtype, [&]<class T>(std::type_identity<T>) { return LaunchPassOf<T>(spec, nodes, stream); });
}

}  // namespace treduce::cuda
