// The kernels of a pass over elements T: leaves to nodes, nodes to results. A block folds runs of leaves into states in
// its shared memory, a warp or a thread a leaf, and joins each run there.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_KERNELS_INL_H_
#define TREDUCE_SERVER_ENGINE_CUDA_KERNELS_INL_H_

#include "server/engine/cuda/cut.h"
#include "server/engine/cuda/folds_complex-inl.h"
#include "server/engine/cuda/nest-inl.h"
#include "server/engine/cuda/packed-inl.h"
#include "server/engine/cuda/pass_spec.h"
#include "server/engine/cuda/results-inl.h"

namespace treduce::cuda {

// --- States in memory.

template <class State>
TREDUCE_DEVICE_FUNCTION void StoreState(const State& state, States out, int first_word, int64_t k) {
  using Word = std::remove_cvref_t<decltype(state.f[0])>;
  TREDUCE_UNROLL
  for (int i = 0; i < State::kFieldCount; ++i) out.field<Word>(first_word + i)[k] = state.f[i];
}

template <class State>
TREDUCE_DEVICE_FUNCTION State LoadState(States in, int first_word, int64_t k) {
  State state;
  using Word = std::remove_cvref_t<decltype(state.f[0])>;
  TREDUCE_UNROLL
  for (int i = 0; i < State::kFieldCount; ++i) state.f[i] = in.field<Word>(first_word + i)[k];
  return state;
}

// `capacity` states of the pass in the block's shared memory.
TREDUCE_DEVICE_FUNCTION States SharedStates(int capacity) {
  return {SharedMemory(), static_cast<size_t>(capacity) * sizeof(int64_t)};
}

// Merges state `right` of every fold into state `left`.
template <class T, FoldSet kSet>
TREDUCE_DEVICE_FUNCTION void MergeStates(const PassSpec& spec, States states, int left, int right) {
  for (int f = 0; f < spec.fold_count; ++f) {
    const FoldSpec& fold = spec.folds[f];
    VisitFold<T, kSet>(fold.kind, [&](auto kernel_fold) {
      using Fold = decltype(kernel_fold);
      auto state = LoadState<typename Fold::State>(states, fold.first_word, left);
      Fold::Merge(state, LoadState<typename Fold::State>(states, fold.first_word, right), fold.params);
      StoreState(state, states, fold.first_word, left);
    });
  }
}

// --- Where nodes are.

TREDUCE_DEVICE_FUNCTION int64_t NodeAt(const PassSpec& spec, int64_t output, int64_t node) {
  return output * spec.output_stride + node * spec.node_stride;
}

TREDUCE_DEVICE_FUNCTION void CopyState(States from, int64_t at, States to, int64_t k, int words) {
  for (int w = 0; w < words; ++w) to.field<int64_t>(w)[k] = from.field<int64_t>(w)[at];
}

// --- Rows.

// Blocks of a multiprocessor at a time, which the registers of a kernel must be enough for.
template <class T, FoldSet kSet>
inline constexpr int kBlocksAtOnce = kSet == FoldSet::kCheap || kSet == FoldSet::kAll ? 2 : 3;

// The states of a leaf of `n` elements from `x` on, number `first` and so on of their output, as state `at`: by a warp.
template <class T, FoldSet kSet>
TREDUCE_DEVICE_FUNCTION void FoldRowLeaf(const PassSpec& spec, const T* x, int n, int64_t first, States states,
                                         int at) {
  const auto store = [&](const FoldSpec& fold, const auto& state) {
    if (Lane() == 0) StoreState(state, states, fold.first_word, at);
  };
  if constexpr (kSet == FoldSet::kStatistics) {
    return FoldStatistics<T>(spec.folds, spec.fold_count, RowTile<T, kWarpSize>(x, n, first), store);
  }
  const auto fold_tile = [&](const auto& tile) {
    for (int f = 0; f < spec.fold_count; ++f) {
      const FoldSpec& fold = spec.folds[f];
      VisitFold<T, kSet>(fold.kind,
                         [&](auto kernel_fold) { store(fold, decltype(kernel_fold)::OfLeaf(tile, fold.params)); });
    }
  };
  if constexpr (sizeof(T) <= 2 && (kSet == FoldSet::kSum || kSet == FoldSet::kOrder)) {
    if (n == kRowLeaf && reinterpret_cast<uintptr_t>(x) % 16 == 0) return fold_tile(PackedTile<T>(x, first));
  }
  fold_tile(RowTile<T, kWarpSize>(x, n, first));
}

// A run of leaves of one segment, or as many segments of one leaf, a warp; where spec.team warps have neighbouring
// runs, these are joined too.
template <class T, FoldSet kSet>
TREDUCE_KERNEL void TREDUCE_LAUNCH_BOUNDS(kBlock, (kBlocksAtOnce<T, kSet>))
    FoldRowRuns(TREDUCE_CONSTANT PassSpec spec) {
  const bool is_single = spec.leaves == 1;
  const int warp_run = spec.run / spec.team;
  const States all = SharedStates(kWarpsOfBlock * warp_run);
  const States states = all.From(static_cast<size_t>(Warp() * warp_run));
  const int teams = kWarpsOfBlock / spec.team;
  const int member = Warp() % spec.team;
  const int64_t jobs = is_single ? (spec.segments + spec.run - 1) / spec.run : spec.segments * spec.runs;
  for (int64_t team = BlockIndex(); team * teams < jobs; team += GridSize()) {
    const int64_t job = team * teams + Warp() / spec.team;
    const bool is_here = job < jobs;
    const int64_t segment = is_single ? job * spec.run : job / spec.runs;
    const int64_t leaf = is_single ? 0 : job % spec.runs * spec.run + member * warp_run;
    const int64_t left = !is_here ? 0 : is_single ? spec.segments - segment : spec.leaves - leaf;
    const int count = static_cast<int>(left < 0 ? 0 : left < warp_run ? left : warp_run);
    const Location location = Locate(spec, is_here ? segment : 0);
    for (int i = 0; i < count; ++i) {
      const int64_t own_segment = is_single ? segment + i : segment;
      const int64_t from = is_single ? 0 : (leaf + i) * kRowLeaf;
      const int64_t rest = spec.rows - from;
      const int64_t place = is_single && spec.interleaved ? Locate(spec, own_segment).place : location.place;
      FoldRowLeaf<T, kSet>(spec, static_cast<const T*>(spec.x) + own_segment * spec.rows + from,
                           static_cast<int>(rest < kRowLeaf ? rest : kRowLeaf), place * spec.rows + from, states, i);
    }
    WarpBarrier();
    if (is_single) {
      if (!spec.interleaved) {
        StoreResults<T>(spec, states, count, segment, Lane(), kWarpSize);
      } else if (Lane() < count) {
        const Location own = Locate(spec, segment + Lane());
        CopyState(states, Lane(), spec.nodes, NodeAt(spec, own.output, own.place), spec.word_count);
      }
    } else {
      for (int step = 1; step < warp_run; step *= 2) {
        const int at = Lane() * 2 * step;
        if (at + step < count) MergeStates<T, kSet>(spec, states, at, at + step);
        WarpBarrier();
      }
      for (int step = 1; step < spec.team; step *= 2) {
        Barrier();
        const bool has_right = leaf + step * warp_run < spec.leaves && is_here;
        if (Lane() == 0 && member % (2 * step) == 0 && has_right) {
          MergeStates<T, kSet>(spec, states, 0, step * warp_run);
        }
      }
      if (member == 0 && is_here) {
        if (spec.runs == 1 && !spec.interleaved) {
          StoreResults<T>(spec, states, 1, location.output, Lane(), kWarpSize);
        } else if (Lane() == 0) {
          const int64_t node = location.place * spec.runs + leaf / spec.run;
          CopyState(states, 0, spec.nodes, NodeAt(spec, location.output, node), spec.word_count);
        }
      }
    }
    if (spec.team > 1) Barrier();
    WarpBarrier();
  }
}

// Copies `rows` rows of `n` parts from `from`, which is aligned to 16 bytes, to rows `pitch` parts apart: 16 bytes at a
// time, many at once to hide how long memory takes.
template <class Part>
TREDUCE_DEVICE_FUNCTION void StageRows(const void* from, int rows, int n, int pitch, void* to) {
  constexpr int kParts = 16 / sizeof(Part);
  constexpr int kLoads = 3;  // at a time
  Part* parts = static_cast<Part*>(to);
  const uint32_t reciprocal = n == 1 ? 0 : 0xFFFFFFFF / static_cast<uint32_t>(n) + 1;
  const auto row_of = [&](int part) {  // part / n
    return n == 1 ? part : static_cast<int>(uint64_t{static_cast<uint32_t>(part)} * reciprocal >> 32);
  };
  const int gap = pitch - n;
  const int vectors = rows * n / kParts;
  TREDUCE_UNROLL_BY(1)
  for (int v = ThreadIndex(); v < vectors; v += kLoads * BlockSize()) {
    Vector own[kLoads];
    TREDUCE_UNROLL
    for (int k = 0; k < kLoads; ++k) {
      if (v + k * BlockSize() < vectors) own[k] = static_cast<const Vector*>(from)[v + k * BlockSize()];
    }
    TREDUCE_UNROLL
    for (int k = 0; k < kLoads; ++k) {
      if (v + k * BlockSize() >= vectors) break;
      const int part = (v + k * BlockSize()) * kParts;
      const int row = row_of(part);
      int left = (row + 1) * n - part;  // in the row
      int at = part + row * gap;
      if (left >= kParts) {
        TREDUCE_UNROLL
        for (int i = 0; i < kParts; ++i) parts[at + i] = ElementOf<Part>(own[k], i);
        continue;
      }
      TREDUCE_UNROLL
      for (int i = 0; i < kParts; ++i) {
        parts[at + i] = ElementOf<Part>(own[k], i);
        if (--left > 0) continue;
        left = n;
        at += gap;
      }
    }
  }
  const int rest = vectors * kParts + ThreadIndex();
  if (rest < rows * n) parts[rest + row_of(rest) * gap] = static_cast<const Part*>(from)[rest];
}

// As words where rows are whole words.
template <class T>
TREDUCE_DEVICE_FUNCTION void StageElements(const T* from, int rows, int n, int pitch, T* to) {
  const auto stage = [&]<class Part>(Part) {
    const auto parts = [](int elements) {
      return elements * static_cast<int>(sizeof(T)) / static_cast<int>(sizeof(Part));
    };
    StageRows<Part>(from, rows, parts(n), parts(pitch), to);
  };
  if constexpr (sizeof(T) < 4) {
    if (n % static_cast<int>(4 / sizeof(T)) != 0) return stage(std::make_unsigned_t<BitsOf<T>>());
  }
  stage(uint32_t());
}

// Segments of one leaf of fewer than kStagedElements, `run` of them side by side in shared memory: kThreads fold each.
template <class T, FoldSet kSet, int kThreads>
TREDUCE_KERNEL void TREDUCE_LAUNCH_BOUNDS(kBlock, (kBlocksAtOnce<T, kSet>))
    FoldStagedRows(TREDUCE_CONSTANT PassSpec spec) {
  using Tile = RowTile<T, kThreads>;
  const States states = SharedStates(spec.run);
  T* elements = reinterpret_cast<T*>(SharedMemory() + states.stride * static_cast<size_t>(spec.word_count));
  const int n = static_cast<int>(spec.rows);
  const int pitch = StagedPitch<T, kThreads>(n);
  const int64_t jobs = (spec.segments + spec.run - 1) / spec.run;
  for (int64_t job = BlockIndex(); job < jobs; job += GridSize()) {
    const int64_t segment = job * spec.run;
    const int64_t left = spec.segments - segment;
    const int count = static_cast<int>(left < spec.run ? left : spec.run);
    StageElements(static_cast<const T*>(spec.x) + segment * n, count, n, pitch, elements);
    Barrier();
    const int rows_at_once = BlockSize() / kThreads;
    TREDUCE_UNROLL_BY(1)
    for (int first = 0; first < count; first += rows_at_once) {
      // All threads of a warp fold, those of no row the last once more.
      const int row = first + ThreadIndex() / kThreads;
      const int i = row < count ? row : count - 1;
      const int64_t place = spec.interleaved ? Locate(spec, segment + i).place : 0;
      const Tile tile(elements + i * pitch, n, place * n);
      for (int f = 0; f < spec.fold_count; ++f) {
        const FoldSpec& fold = spec.folds[f];
        VisitFold<T, kSet>(fold.kind, [&](auto kernel_fold) {
          const auto state = decltype(kernel_fold)::OfLeaf(tile, fold.params);
          if (Tile::Rank() == 0 && i == row) StoreState(state, states, fold.first_word, i);
        });
      }
    }
    Barrier();
    if (!spec.interleaved) {
      StoreResults<T>(spec, states, count, segment, ThreadIndex(), BlockSize());
    } else {
      for (int i = ThreadIndex(); i < count; i += BlockSize()) {
        const Location own = Locate(spec, segment + i);
        CopyState(states, i, spec.nodes, NodeAt(spec, own.output, own.place), spec.word_count);
      }
    }
    Barrier();
  }
}

// --- Columns.

// The states of the columns of a tile of words, from state `at` on: merged into those there where `extends`, of folds
// that may look at elements in any order.
template <class Fold, class T>
TREDUCE_DEVICE_FUNCTION void FoldWords(const WordTile<T>& tile, bool extends, const FoldSpec& fold, States states,
                                       int at) {
  Packed<Fold> packed;
  tile.Each([&](uint32_t word, int row) { packed.Add(word, row); });
  TREDUCE_UNROLL
  for (int c = 0; c < kColumnsOfWord<T>; ++c) {
    auto state = packed.State(c, tile);
    if (extends) {
      const auto next = state;
      state = LoadState<typename Fold::State>(states, fold.first_word, at + c);
      Fold::Merge(state, next, fold.params);
    }
    StoreState(state, states, fold.first_word, at + c);
  }
}

// A thread folds a column of a leaf, or where kPacked the columns of a word: `across` columns are side by side, and
// below one another as many leaves as make up a block, whole runs of them.
template <class T, FoldSet kSet, bool kPacked>
TREDUCE_KERNEL void TREDUCE_LAUNCH_BOUNDS(kBlock, (kBlocksAtOnce<T, kSet>))
    FoldColumnRuns(TREDUCE_CONSTANT PassSpec spec) {
  constexpr int kColumns = kPacked ? kColumnsOfWord<T> : 1;
  // Where the order does not matter the threads of a run take its rows in turn, so that a warp reads neighbours also
  // where rows are short.
  constexpr bool kInTurn = kPacked && (kSet == FoldSet::kOrder || !kIsFloat<T>);
  const int across = spec.across;
  const int down = BlockSize() * kColumns / across;
  const int runs_at_once = down / spec.run;
  const States states = SharedStates(BlockSize() * kColumns);
  const int own = ThreadIndex() * kColumns;
  const int own_column = own % across;
  const int own_leaf = own / across;
  const int64_t stripes = (spec.width + across - 1) / across;
  const int64_t all_runs = spec.segments * spec.runs;
  const int64_t jobs = (all_runs + runs_at_once - 1) / runs_at_once * stripes;
  for (int64_t job = BlockIndex(); job < jobs; job += GridSize()) {
    const int64_t first_column = job % stripes * across;
    const int64_t first_run = job / stripes * runs_at_once;
    const int64_t run = first_run + own_leaf / spec.run;
    const int64_t segment = run / spec.runs;
    const int64_t leaf = run % spec.runs * spec.run + own_leaf % spec.run;
    // What the thread has of the segment: a leaf, or rows from one of them on.
    const int member = own_leaf % spec.run;
    const int64_t part = kInTurn ? (leaf - member) * spec.leaf_rows + member : leaf;
    const int64_t parts = kInTurn ? spec.rows : spec.leaves;
    const bool is_here = first_column + own_column < spec.width && run < all_runs && part < parts;
    const Location location = Locate(spec, is_here ? segment : 0);
    const int64_t from = kInTurn ? part : leaf * spec.leaf_rows;
    const int row_step = kInTurn ? spec.run : 1;
    const int64_t rest = is_here ? (spec.rows - from + row_step - 1) / row_step : 0;
    const int rows = static_cast<int>(rest < spec.leaf_rows ? rest : spec.leaf_rows);
    const T* x = static_cast<const T*>(spec.x) + (segment * spec.rows + from) * spec.width + first_column + own_column;
    const int64_t first = location.place * spec.rows + from;
    // As many rows at a time as every fold finds in the cache after the first.
    const int step = spec.fold_count == 1 ? rows : static_cast<int>(kWholeColumnLeaf);
    const auto tile_from = [&](int r) {
      const int count = rows - r < step ? rows - r : step;
      if constexpr (kPacked) {
        return WordTile<T>{x + int64_t{r} * row_step * spec.width, spec.width, row_step, count,
                           first + int64_t{r} * row_step};
      } else {
        return ColumnTile<T>(x + r * spec.width, spec.width, count, first + r);
      }
    };
    for (int r = 0; r < rows; r += step) {
      const auto tile = tile_from(r);
      for (int f = 0; f < spec.fold_count; ++f) {
        const FoldSpec& fold = spec.folds[f];
        VisitFold<T, kSet>(fold.kind, [&](auto kernel_fold) {
          using Fold = decltype(kernel_fold);
          if constexpr (kPacked) {
            FoldWords<Fold>(tile, kInTurn && r > 0, fold, states, own);
          } else if (r == 0) {
            StoreState(Fold::OfLeaf(tile, fold.params), states, fold.first_word, own);
          } else {
            auto state = LoadState<typename Fold::State>(states, fold.first_word, own);
            Fold::Extend(state, tile, fold.params);
            StoreState(state, states, fold.first_word, own);
          }
        });
      }
    }
    // Runs are whole but for the last of a segment.
    for (int step = 1; step < spec.run; step *= 2) {
      Barrier();
      if (!is_here || own_leaf % spec.run % (2 * step) != 0 || part + step >= parts) continue;
      for (int c = 0; c < kColumns; ++c) MergeStates<T, kSet>(spec, states, own + c, own + c + step * across);
    }
    Barrier();
    if (spec.runs == 1 && !spec.interleaved) {
      const int64_t columns = spec.width - first_column;
      for (int i = 0; i < runs_at_once && first_run + i < all_runs; ++i) {
        StoreResults<T>(spec, states.From(static_cast<size_t>(i * spec.run * across)),
                        static_cast<int>(columns < across ? columns : across),
                        (first_run + i) * spec.width + first_column, ThreadIndex(), BlockSize());
      }
    } else if (is_here && own_leaf % spec.run == 0) {
      const int64_t output = location.output + first_column + own_column;
      const int64_t node = location.place * spec.runs + leaf / spec.run;
      for (int c = 0; c < kColumns; ++c) {
        CopyState(states, own + c, spec.nodes, NodeAt(spec, output + c, node), spec.word_count);
      }
    }
    Barrier();
  }
}

// --- Nodes.

// The subtree of up to 2^kLevels nodes of an output from `node` on.
template <class Fold, int kLevels>
TREDUCE_DEVICE_FUNCTION typename Fold::State JoinOwn(const PassSpec& spec, const FoldSpec& fold, int64_t output,
                                                     int64_t node) {
  if constexpr (kLevels == 0) {
    return LoadState<typename Fold::State>(spec.nodes, fold.first_word, NodeAt(spec, output, node));
  } else {
    auto left = JoinOwn<Fold, kLevels - 1>(spec, fold, output, node);
    const int64_t middle = node + (int64_t{1} << (kLevels - 1));
    if (middle < spec.nodes_per_output) {
      Fold::Merge(left, JoinOwn<Fold, kLevels - 1>(spec, fold, output, middle), fold.params);
    }
    return left;
  }
}

// Nodes to fewer nodes, `to`, or to results where these are one per output: `across` outputs side by side, and below
// one another threads that join kOwnNodes each.
template <class T, FoldSet kSet>
TREDUCE_KERNEL void TREDUCE_LAUNCH_BOUNDS(kBlock, 2)
    JoinNodes(TREDUCE_CONSTANT PassSpec spec, States to, int64_t to_output_stride, int64_t to_node_stride) {
  const int across = spec.across;
  const int down = BlockSize() / across;
  const States states = SharedStates(BlockSize());
  const int64_t chunk = int64_t{down} * kOwnNodes;
  const int64_t chunks = (spec.nodes_per_output + chunk - 1) / chunk;
  const int64_t stripes = (spec.kept_count + across - 1) / across;
  const int place = ThreadIndex() / across;
  for (int64_t job = BlockIndex(); job < stripes * chunks; job += GridSize()) {
    const int64_t first_output = job % stripes * across;
    const int64_t output = first_output + ThreadIndex() % across;
    const int64_t first_node = job / stripes * chunk;
    const int64_t node = first_node + int64_t{place} * kOwnNodes;
    const bool is_here = output < spec.kept_count && node < spec.nodes_per_output;
    if (is_here) {
      for (int f = 0; f < spec.fold_count; ++f) {
        const FoldSpec& fold = spec.folds[f];
        VisitFold<T, kSet>(fold.kind, [&](auto kernel_fold) {
          StoreState(JoinOwn<decltype(kernel_fold), std::countr_zero(unsigned{kOwnNodes})>(spec, fold, output, node),
                     states, fold.first_word, ThreadIndex());
        });
      }
    }
    const int64_t rest = spec.nodes_per_output - first_node;
    const int count = static_cast<int>(rest < chunk ? (rest + kOwnNodes - 1) / kOwnNodes : down);
    for (int step = 1; step < down; step *= 2) {
      Barrier();
      if (place % (2 * step) == 0 && place + step < count && is_here) {
        MergeStates<T, kSet>(spec, states, ThreadIndex(), ThreadIndex() + step * across);
      }
    }
    Barrier();
    const int64_t left = spec.kept_count - first_output;
    const int outputs = static_cast<int>(left < across ? left : across);
    if (chunks == 1) {
      StoreResults<T>(spec, states, outputs, first_output, ThreadIndex(), BlockSize());
    } else if (ThreadIndex() < outputs) {
      CopyState(states, ThreadIndex(), to, output * to_output_stride + job / stripes * to_node_stride, spec.word_count);
    }
    Barrier();
  }
}

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_KERNELS_INL_H_
