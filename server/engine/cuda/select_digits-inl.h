// The kernels of selections from outputs of many elements, whose elements are together.
//
// The key at a rank is found digit by digit, from the highest on: the elements whose keys begin with the digits found
// so far are counted by their next one, and the counts tell which of these has the rank. What else is asked for, the
// next key and the index of the first occurrence, takes a last look at the elements.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_SELECT_DIGITS_INL_H_
#define TREDUCE_SERVER_ENGINE_CUDA_SELECT_DIGITS_INL_H_

#include <limits>

#include "server/engine/cuda/ranks-inl.h"
#include "server/engine/fold/value-inl.h"

namespace treduce::cuda {

// --- Elements.

// Calls body(element, i) for elements [0, n), by all threads of the block; each reads up to kMostLoads times 16 bytes
// at a time.
template <int kMostLoads, class T, class Body>
TREDUCE_DEVICE_FUNCTION void EachOfBlock(const T* x, int n, Body body) {
  struct alignas(16) Pack {
    T elements[16 / sizeof(T)];
  };
  constexpr int kPack = 16 / sizeof(T);
  constexpr int kLoads = static_cast<int>(sizeof(T)) < kMostLoads ? static_cast<int>(sizeof(T)) : kMostLoads;
  const int misaligned = static_cast<int>(reinterpret_cast<uintptr_t>(x) % 16 / sizeof(T));
  const int head = misaligned == 0 ? 0 : n < kPack - misaligned ? n : kPack - misaligned;
  const int packs = (n - head) / kPack;
  const auto* packed = reinterpret_cast<const Pack*>(x + head);
  if (ThreadIndex() < head) body(x[ThreadIndex()], ThreadIndex());
  for (int i = ThreadIndex(); i < packs; i += kLoads * BlockSize()) {
    Pack own[kLoads];
    TREDUCE_UNROLL
    for (int k = 0; k < kLoads; ++k) {
      if (i + k * BlockSize() < packs) own[k] = packed[i + k * BlockSize()];
    }
    TREDUCE_UNROLL
    for (int k = 0; k < kLoads; ++k) {
      if (i + k * BlockSize() >= packs) continue;
      TREDUCE_UNROLL
      for (int e = 0; e < kPack; ++e) body(own[k].elements[e], head + (i + k * BlockSize()) * kPack + e);
    }
  }
  const int rest = head + packs * kPack + ThreadIndex();
  if (rest < n) body(x[rest], rest);
}

// --- Steps of a search, by all threads of a block. A barrier is needed before and after each.

TREDUCE_DEVICE_FUNCTION void Begin(Search& search) {
  if (ThreadIndex() == 0) {
    search.nan_count = 0;
    search.table_count = 1;
    search.needs_elements = false;
  }
  if (ThreadIndex() < kMaxRanks) search.found[ThreadIndex()] = {0, 0, 0, 0, UINT64_MAX, UINT64_MAX};
}

template <class Count>
TREDUCE_DEVICE_FUNCTION void Clear(Count* tables, int count) {
  for (int i = ThreadIndex(); i < count * kTableWords; i += BlockSize()) tables[i] = 0;
}

// Counts elements in the tables of the search, and NaN in `nan_count`.
template <class T>
TREDUCE_DEVICE_FUNCTION void CountDigits(const T* x, int n, const Search& search, int digit, uint32_t* tables,
                                         uint64_t* nan_count) {
  using R = Radix<T>;
  using Key = typename R::Key;
  const int below = R::Below(digit);
  const int copy = Lane() % R::kCopies;
  if (digit == 0) {
    uint32_t nans = 0;
    EachOfBlock<4>(x, n, [&](T element, int) {
      const Key key = R::Of(element);
      if constexpr (FloatKey<T>) nans += key == R::kHighest ? 1 : 0;
      AtomicAdd(&tables[static_cast<int>(key >> below) * R::kCopies + copy], 1u);
    });
    if constexpr (FloatKey<T>) {
      nans = WarpSum(nans);
      if (Lane() == 0 && nans > 0) AtomicAdd(nan_count, uint64_t{nans});
    }
    return;
  }
  const int above = R::Below(digit - 1);
  const Key mask = (Key{1} << (above - below)) - 1;
  const int table_count = search.table_count;
  Key prefixes[kMaxRanks];
  TREDUCE_UNROLL
  for (int t = 0; t < kMaxRanks; ++t) prefixes[t] = t < table_count ? static_cast<Key>(search.prefixes[t]) : 0;
  EachOfBlock<4>(x, n, [&](T element, int) {
    const Key key = R::Of(element);
    TREDUCE_UNROLL
    for (int t = 0; t < kMaxRanks; ++t) {
      if (t >= table_count || key >> above != prefixes[t]) continue;
      AtomicAdd(&tables[t * kTableWords + static_cast<int>(key >> below & mask) * R::kCopies + copy], 1u);
    }
  });
}

// Sums of neighbouring words of a table, one a thread, and of these, one a warp.
struct PartialSums {
  int64_t of_thread[kBlock];
  int64_t of_warp[kWarpsOfBlock];
};

// Finds the digit of every rank in the counts. REQUIRES: BlockSize() == kBlock.
template <class T, class Count>
TREDUCE_DEVICE_FUNCTION void FindDigits(const SelectionSpec& spec, const Count* tables, int digit, Search& search,
                                        PartialSums& sums) {
  using R = Radix<T>;
  constexpr int kOwn = kTableWords / kBlock;
  if (digit == 0 && ThreadIndex() < spec.rank_count) {
    search.found[ThreadIndex()].rank =
        RankAmong(spec.ranks[ThreadIndex()], spec.n, static_cast<int64_t>(search.nan_count)).low;
  }
  Barrier();
  for (int r = 0; r < spec.rank_count; ++r) {
    Found& found = search.found[r];
    const int64_t rank = found.rank;
    const Count* own = tables + found.table * kTableWords + ThreadIndex() * kOwn;
    int64_t sum = 0;
    for (int i = 0; i < kOwn; ++i) sum += static_cast<int64_t>(own[i]);
    const int64_t warp_sum = WarpSum(sum);
    sums.of_thread[ThreadIndex()] = sum;
    if (Lane() == 0) sums.of_warp[Warp()] = warp_sum;
    Barrier();
    int64_t before = 0;
    for (int w = 0; w < Warp(); ++w) before += sums.of_warp[w];
    if (rank >= before && rank < before + warp_sum) {
      for (int lane = 0; lane < Lane(); ++lane) before += sums.of_thread[Warp() * kWarpSize + lane];
      if (rank >= before && rank < before + sum) {
        int word = 0;
        int64_t count = 0;
        for (; word < kOwn; word += R::kCopies) {
          count = 0;
          for (int i = 0; i < R::kCopies; ++i) count += static_cast<int64_t>(own[word + i]);
          if (rank < before + count) break;
          before += count;
        }
        const int value = (ThreadIndex() * kOwn + word) / R::kCopies;
        const int bits = (digit == 0 ? R::kBits : R::Below(digit - 1)) - R::Below(digit);
        found.prefix = found.prefix << bits | static_cast<uint64_t>(value);
        found.rank = rank - before;
        found.count = count;
      }
    }
    Barrier();
  }
  if (ThreadIndex() > 0) return;
  // Ranks whose keys begin alike share a table.
  search.table_count = 0;
  for (int r = 0; r < spec.rank_count; ++r) {
    Found& found = search.found[r];
    int table = 0;
    while (table < search.table_count && search.prefixes[table] != found.prefix) ++table;
    if (table == search.table_count) search.prefixes[search.table_count++] = found.prefix;
    found.table = table;
    if (digit + 1 < R::kDigits) continue;
    const RankSpec& rank = spec.ranks[r];
    const bool has_high = RankAmong(rank, spec.n, static_cast<int64_t>(search.nan_count)).has_high;
    search.needs_elements |= rank.index != nullptr || (has_high && found.rank + 1 == found.count);
  }
}

// Finds what follows the keys among elements [0, n), the first of which is number `first`.
template <class T>
TREDUCE_DEVICE_FUNCTION void FindElements(const T* x, int n, int64_t first, int rank_count, Search& search) {
  using Key = typename Radix<T>::Key;
  constexpr Key kNone = std::numeric_limits<Key>::max();
  Key keys[kMaxRanks], next[kMaxRanks];
  int firsts[kMaxRanks];
  TREDUCE_UNROLL
  for (int r = 0; r < kMaxRanks; ++r) {
    keys[r] = r < rank_count ? static_cast<Key>(search.found[r].prefix) : kNone;
    next[r] = kNone;
    firsts[r] = n;
  }
  EachOfBlock<(sizeof(T) > 2 ? 2 : 1)>(x, n, [&](T element, int i) {
    const Key key = Radix<T>::Of(element);
    TREDUCE_UNROLL
    for (int r = 0; r < kMaxRanks; ++r) {
      if (key == keys[r] && i < firsts[r]) firsts[r] = i;
      if (key > keys[r] && key < next[r]) next[r] = key;
    }
  });
  TREDUCE_UNROLL
  for (int r = 0; r < kMaxRanks; ++r) {
    if (r >= rank_count) continue;
    const Key lowest = WarpMin(next[r]);
    const int earliest = WarpMin(firsts[r]);
    if (Lane() > 0) continue;
    if (lowest != kNone) AtomicMin(&search.found[r].next, uint64_t{lowest});
    if (earliest < n) AtomicMin(&search.found[r].first, static_cast<uint64_t>(first + earliest));
  }
}

template <class T>
TREDUCE_DEVICE_FUNCTION void StoreFound(const SelectionSpec& spec, const Search& search, int64_t output) {
  using Key = typename Radix<T>::Key;
  if (ThreadIndex() >= spec.rank_count) return;
  const RankSpec& rank = spec.ranks[ThreadIndex()];
  const Found& found = search.found[ThreadIndex()];
  const WantedRank wanted = RankAmong(rank, spec.n, static_cast<int64_t>(search.nan_count));
  const bool is_next = wanted.has_high && found.rank + 1 == found.count;
  StoreRank<T>(rank, wanted.fraction, static_cast<Key>(found.prefix),
               static_cast<Key>(is_next ? found.next : found.prefix), static_cast<int64_t>(found.first), output);
}

// --- An output a block.

template <class T>
TREDUCE_KERNEL void TREDUCE_LAUNCH_BOUNDS(kBlock, 3) SelectByBlock(TREDUCE_CONSTANT SelectionSpec spec) {
  auto* tables = reinterpret_cast<uint32_t*>(SharedMemory());
  auto& search = *reinterpret_cast<Search*>(tables + spec.rank_count * kTableWords);
  auto& sums = *reinterpret_cast<PartialSums*>(&search + 1);
  for (int64_t output = BlockIndex(); output < spec.outputs; output += GridSize()) {
    const T* x = static_cast<const T*>(spec.x) + output * spec.n;
    Begin(search);
    Barrier();
    for (int digit = 0; digit < Radix<T>::kDigits; ++digit) {
      Clear(tables, search.table_count);
      Barrier();
      CountDigits(x, static_cast<int>(spec.n), search, digit, tables, &search.nan_count);
      Barrier();
      FindDigits<T>(spec, tables, digit, search, sums);
      Barrier();
    }
    if (search.needs_elements) {
      FindElements(x, static_cast<int>(spec.n), 0, spec.rank_count, search);
      Barrier();
    }
    StoreFound<T>(spec, search, output);
    Barrier();
  }
}

// --- An output many blocks. A step is a launch, and what is known lies in memory of the device.

template <class T>
TREDUCE_KERNEL void BeginShared(TREDUCE_CONSTANT SelectionSpec spec) {
  for (int64_t output = BlockIndex(); output < spec.outputs; output += GridSize()) {
    Begin(spec.searches[output]);
    Clear(spec.tables + output * spec.rank_count * kTableWords, spec.rank_count);
  }
}

// Calls body(output, its first element, how many) for the chunks of the block.
template <class Body>
TREDUCE_DEVICE_FUNCTION void EachChunk(const SelectionSpec& spec, Body body) {
  const int64_t chunks = (spec.n + spec.chunk - 1) / spec.chunk;
  for (int64_t job = BlockIndex(); job < spec.outputs * chunks; job += GridSize()) {
    const int64_t first = job % chunks * spec.chunk;
    const int64_t rest = spec.n - first;
    body(job / chunks, first, static_cast<int>(rest < spec.chunk ? rest : spec.chunk));
  }
}

template <class T>
TREDUCE_KERNEL void TREDUCE_LAUNCH_BOUNDS(kBlock, 4) CountShared(TREDUCE_CONSTANT SelectionSpec spec, int digit) {
  auto* own = reinterpret_cast<uint32_t*>(SharedMemory());
  EachChunk(spec, [&](int64_t output, int64_t first, int count) {
    Search& search = spec.searches[output];
    Clear(own, search.table_count);
    Barrier();
    CountDigits(static_cast<const T*>(spec.x) + output * spec.n + first, count, search, digit, own, &search.nan_count);
    Barrier();
    uint64_t* tables = spec.tables + output * spec.rank_count * kTableWords;
    for (int i = ThreadIndex(); i < search.table_count * kTableWords; i += BlockSize()) {
      if (own[i] > 0) AtomicAdd(&tables[i], uint64_t{own[i]});
    }
    Barrier();
  });
}

template <class T>
TREDUCE_KERNEL void TREDUCE_LAUNCH_BOUNDS(kBlock, 4) FindShared(TREDUCE_CONSTANT SelectionSpec spec, int digit) {
  auto& sums = *reinterpret_cast<PartialSums*>(SharedMemory());
  for (int64_t output = BlockIndex(); output < spec.outputs; output += GridSize()) {
    uint64_t* tables = spec.tables + output * spec.rank_count * kTableWords;
    FindDigits<T>(spec, tables, digit, spec.searches[output], sums);
    Barrier();
    Clear(tables, spec.rank_count);
  }
}

template <class T>
TREDUCE_KERNEL void TREDUCE_LAUNCH_BOUNDS(kBlock, 4) FindElementsShared(TREDUCE_CONSTANT SelectionSpec spec) {
  EachChunk(spec, [&](int64_t output, int64_t first, int count) {
    Search& search = spec.searches[output];
    if (!search.needs_elements) return;
    FindElements(static_cast<const T*>(spec.x) + output * spec.n + first, count, first, spec.rank_count, search);
  });
}

template <class T>
TREDUCE_KERNEL void StoreShared(TREDUCE_CONSTANT SelectionSpec spec) {
  for (int64_t output = BlockIndex(); output < spec.outputs; output += GridSize()) {
    StoreFound<T>(spec, spec.searches[output], output);
  }
}

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_SELECT_DIGITS_INL_H_
