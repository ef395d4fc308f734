// LaunchFolds and LaunchJoin, for the file that compiles them.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_LAUNCH_INL_H_
#define TREDUCE_SERVER_ENGINE_CUDA_LAUNCH_INL_H_

#include <algorithm>
#include <bit>

#include "server/engine/cuda/kernels-inl.h"
#include "server/engine/cuda/launch.h"
#include "server/engine/cuda/launch_folds.h"

namespace treduce::cuda {

template <class T, FoldSet kSet, int kThreads>
Error LaunchStagedRows(PassSpec& spec, Stream stream) {
  const size_t row_bytes = static_cast<size_t>(StagedPitch<T, kThreads>(static_cast<int>(spec.rows))) * sizeof(T) +
                           static_cast<size_t>(spec.word_count) * sizeof(int64_t);
  const int64_t wanted = std::clamp<int64_t>(spec.segments / kEnoughJobs, kWarpSize, kMostStagedRows);
  spec.run = static_cast<int>(std::bit_floor(std::min(static_cast<uint64_t>(wanted), kSharedBytes / row_bytes)));
  return Launch(&FoldStagedRows<T, kSet, kThreads>, CeilDiv(spec.segments, spec.run),
                std::min(kBlock, spec.run * kThreads), static_cast<size_t>(spec.run) * row_bytes, stream, spec);
}

template <class T, FoldSet kSet>
Error LaunchColumnRuns(const PassSpec& spec, Stream stream) {
  const int columns = ColumnsOfThread(spec.packed, sizeof(T));
  const int down = LeavesDown(spec.word_count, spec.across, columns);
  const int threads = down * spec.across / columns;
  const int64_t jobs = CeilDiv(spec.segments * spec.runs, down / spec.run) * CeilDiv(spec.width, spec.across);
  const size_t shared_bytes = static_cast<size_t>(down * spec.across * spec.word_count) * sizeof(int64_t);
  if constexpr (sizeof(T) <= 2 && (kSet == FoldSet::kSum || kSet == FoldSet::kOrder)) {
    if (spec.packed) return Launch(&FoldColumnRuns<T, kSet, true>, jobs, threads, shared_bytes, stream, spec);
  }
  return Launch(&FoldColumnRuns<T, kSet, false>, jobs, threads, shared_bytes, stream, spec);
}

template <class T, FoldSet kSet>
Error LaunchFolds(PassSpec& spec, Stream stream) {
  if constexpr (kSet != FoldSet::kStatistics) {  // which is for long rows
    if (spec.columns) return LaunchColumnRuns<T, kSet>(spec, stream);
    if constexpr (!ComplexElement<T>) {
      if (spec.rows <= kLaneCount) return LaunchStagedRows<T, kSet, 1>(spec, stream);
      if (spec.rows < kStagedElements<T>) return LaunchStagedRows<T, kSet, kThreadsOfRow>(spec, stream);
    }
  }
  const int64_t jobs = spec.leaves == 1 ? CeilDiv(spec.segments, spec.run) : spec.segments * spec.runs;
  const int warp_run = spec.run / spec.team;
  return Launch(&FoldRowRuns<T, kSet>, CeilDiv(jobs * spec.team, kWarpsOfBlock), kBlock,
                static_cast<size_t>(kWarpsOfBlock * warp_run * spec.word_count) * sizeof(int64_t), stream, spec);
}

// Of all sets that elements T have.
template <class T>
inline constexpr FoldSet kEverySet = kIsFloat<T> || ComplexElement<T> ? FoldSet::kAll : FoldSet::kCheap;

template <class T>
Error LaunchJoin(const PassSpec& spec, int down, States to, int64_t chunks, Stream stream) {
  const int threads = down * spec.across;
  return Launch(&JoinNodes<T, kEverySet<T>>, CeilDiv(spec.kept_count, spec.across) * chunks, threads,
                static_cast<size_t>(threads * spec.word_count) * sizeof(int64_t), stream, spec, to,
                spec.columns ? int64_t{1} : chunks, spec.columns ? spec.kept_count : int64_t{1});
}

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_LAUNCH_INL_H_
