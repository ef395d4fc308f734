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
    search.digits = 0;
    search.is_few = search.is_listed = search.needs_elements = false;
    search.table_count = 1;
  }
  if (ThreadIndex() >= kMaxRanks) return;
  search.list_sizes[ThreadIndex()] = 0;
  search.above_lists[ThreadIndex()] = UINT64_MAX;
  search.found[ThreadIndex()] = {0, 0, 0, 0, UINT64_MAX, UINT64_MAX};
}

template <class Count>
TREDUCE_DEVICE_FUNCTION void Clear(Count* tables, int count) {
  for (int i = ThreadIndex(); i < count * kTableWords; i += BlockSize()) tables[i] = 0;
}

// Counts elements in the tables of the search by their next digit, and NaN.
template <class T>
TREDUCE_DEVICE_FUNCTION void CountDigits(const T* x, int n, Search& search, uint32_t* tables) {
  using R = Radix<T>;
  using Key = typename R::Key;
  const int digit = search.digits;
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
      if (Lane() == 0 && nans > 0) AtomicAdd(&search.nan_count, uint64_t{nans});
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

// Finds the next digit of every rank in the counts. REQUIRES: BlockSize() == kBlock.
template <class T, class Count>
TREDUCE_DEVICE_FUNCTION void FindDigits(const SelectionSpec& spec, const Count* tables, Search& search,
                                        PartialSums& sums) {
  using R = Radix<T>;
  const int digit = search.digits;
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
  search.digits = digit + 1;
  search.is_few = search.digits < R::kDigits;
  search.table_count = 0;
  for (int r = 0; r < spec.rank_count; ++r) {
    Found& found = search.found[r];
    int table = 0;
    while (table < search.table_count && search.prefixes[table] != found.prefix) ++table;
    if (table == search.table_count) search.prefixes[search.table_count++] = found.prefix;
    found.table = table;
    if (found.count > kMostListed) search.is_few = false;
    if (search.digits < R::kDigits) continue;
    const RankSpec& rank = spec.ranks[r];
    const bool has_high = RankAmong(rank, spec.n, static_cast<int64_t>(search.nan_count)).has_high;
    search.needs_elements |= rank.index != nullptr || (has_high && found.rank + 1 == found.count);
  }
}

// Elements in place of a table.
template <class T>
struct List {
  typename Radix<T>::Key keys[kMostListed];
  uint64_t places[kMostListed];  // among those of the output
};

template <class T, class Count>
TREDUCE_DEVICE_FUNCTION List<T>& ListOf(Count* tables, int table) {
  static_assert(sizeof(List<T>) <= kTableWords * sizeof(Count));
  return *reinterpret_cast<List<T>*>(tables + table * kTableWords);
}

// Lists the elements whose keys begin with the digits found, of elements [0, n), the first of which is number `first`.
template <class T, class Count>
TREDUCE_DEVICE_FUNCTION void ListElements(const T* x, int n, int64_t first, Search& search, Count* tables) {
  using Key = typename Radix<T>::Key;
  constexpr Key kNone = std::numeric_limits<Key>::max();
  const int below = Radix<T>::Below(search.digits - 1);
  const int table_count = search.table_count;
  Key prefixes[kMaxRanks], above[kMaxRanks];
  TREDUCE_UNROLL
  for (int t = 0; t < kMaxRanks; ++t) {
    prefixes[t] = t < table_count ? static_cast<Key>(search.prefixes[t]) : kNone;
    above[t] = kNone;
  }
  EachOfBlock<(sizeof(T) > 2 ? 2 : 1)>(x, n, [&](T element, int i) {
    const Key key = Radix<T>::Of(element);
    TREDUCE_UNROLL
    for (int t = 0; t < kMaxRanks; ++t) {
      if (key >> below > prefixes[t] && key < above[t]) above[t] = key;
      if (key >> below != prefixes[t]) continue;
      List<T>& list = ListOf<T>(tables, t);
      const uint32_t at = AtomicNext(&search.list_sizes[t]);
      list.keys[at] = key;
      list.places[at] = static_cast<uint64_t>(first + i);
    }
  });
  TREDUCE_UNROLL
  for (int t = 0; t < kMaxRanks; ++t) {
    if (t >= table_count) continue;
    const Key lowest = WarpMin(above[t]);
    if (Lane() == 0 && lowest != kNone) AtomicMin(&search.above_lists[t], uint64_t{lowest});
  }
}

// Finds the keys, and what follows them, in the lists.
template <class T, class Count>
TREDUCE_DEVICE_FUNCTION void FindInLists(int rank_count, Count* tables, Search& search) {
  using Key = typename Radix<T>::Key;
  constexpr Key kNone = std::numeric_limits<Key>::max();
  if (Warp() >= rank_count) return;
  Found& found = search.found[Warp()];
  const List<T>& list = ListOf<T>(tables, found.table);
  const auto n = static_cast<int>(search.list_sizes[found.table]);
  const auto count_below = [&](Key key) {
    int count = 0;
    for (int i = Lane(); i < n; i += kWarpSize) count += list.keys[i] < key ? 1 : 0;
    return WarpSum(count);
  };
  const auto lowest_from = [&](Key key) {
    Key from = kNone;
    for (int i = Lane(); i < n; i += kWarpSize) from = list.keys[i] >= key && list.keys[i] < from ? list.keys[i] : from;
    return WarpMin(from);
  };
  const int below = Radix<T>::Below(search.digits - 1);
  const Key lowest = static_cast<Key>(static_cast<Key>(found.prefix) << below);
  const Key highest = lowest | ((Key{1} << below) - 1);
  const Key key = KeyAt(found.rank, n, lowest, highest, count_below, lowest_from);
  const int before = count_below(key);
  const int until = key == kNone ? n : count_below(key + 1);
  const Key next = key == kNone ? kNone : lowest_from(key + 1);
  uint64_t first = UINT64_MAX;
  for (int i = Lane(); i < n; i += kWarpSize)
    first = list.keys[i] == key && list.places[i] < first ? list.places[i] : first;
  first = WarpMin(first);
  if (Lane() > 0) return;
  found.next = until < n ? uint64_t{next} : search.above_lists[found.table];
  found.first = first;
  found.prefix = key;
  found.rank -= before;
  found.count = until - before;
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
TREDUCE_KERNEL void TREDUCE_LAUNCH_BOUNDS(kBlock, 2) SelectByBlock(TREDUCE_CONSTANT SelectionSpec spec) {
  auto* tables = reinterpret_cast<uint32_t*>(SharedMemory());
  auto& search = *reinterpret_cast<Search*>(tables + spec.rank_count * kTableWords);
  auto& sums = *reinterpret_cast<PartialSums*>(&search + 1);
  for (int64_t output = BlockIndex(); output < spec.outputs; output += GridSize()) {
    const T* x = static_cast<const T*>(spec.x) + output * spec.n;
    const auto n = static_cast<int>(spec.n);
    Begin(search);
    Barrier();
    while (search.digits < Radix<T>::kDigits && !search.is_few) {
      Clear(tables, search.table_count);
      Barrier();
      CountDigits(x, n, search, tables);
      Barrier();
      FindDigits<T>(spec, tables, search, sums);
      Barrier();
    }
    if (search.is_few) {
      ListElements(x, n, 0, search, tables);
      Barrier();
      FindInLists<T>(spec.rank_count, tables, search);
      Barrier();
    }
    if (search.needs_elements) {
      FindElements(x, n, 0, spec.rank_count, search);
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
TREDUCE_KERNEL void TREDUCE_LAUNCH_BOUNDS(kBlock, 4) CountShared(TREDUCE_CONSTANT SelectionSpec spec) {
  auto* own = reinterpret_cast<uint32_t*>(SharedMemory());
  EachChunk(spec, [&](int64_t output, int64_t first, int count) {
    Search& search = spec.searches[output];
    if (search.is_few) return;
    Clear(own, search.table_count);
    Barrier();
    CountDigits(static_cast<const T*>(spec.x) + output * spec.n + first, count, search, own);
    Barrier();
    uint64_t* tables = spec.tables + output * spec.rank_count * kTableWords;
    for (int i = ThreadIndex(); i < search.table_count * kTableWords; i += BlockSize()) {
      if (own[i] > 0) AtomicAdd(&tables[i], uint64_t{own[i]});
    }
    Barrier();
  });
}

template <class T>
TREDUCE_KERNEL void TREDUCE_LAUNCH_BOUNDS(kBlock, 3) ListShared(TREDUCE_CONSTANT SelectionSpec spec) {
  EachChunk(spec, [&](int64_t output, int64_t first, int count) {
    Search& search = spec.searches[output];
    if (!search.is_few || search.is_listed) return;
    ListElements(static_cast<const T*>(spec.x) + output * spec.n + first, count, first, search,
                 spec.tables + output * spec.rank_count * kTableWords);
  });
}

template <class T>
TREDUCE_KERNEL void TREDUCE_LAUNCH_BOUNDS(kBlock, 3) FindShared(TREDUCE_CONSTANT SelectionSpec spec) {
  auto& sums = *reinterpret_cast<PartialSums*>(SharedMemory());
  for (int64_t output = BlockIndex(); output < spec.outputs; output += GridSize()) {
    uint64_t* tables = spec.tables + output * spec.rank_count * kTableWords;
    Search& search = spec.searches[output];
    if (search.is_listed) continue;
    if (search.is_few) {
      FindInLists<T>(spec.rank_count, tables, search);
      Barrier();
      if (ThreadIndex() == 0) search.is_listed = true;
      continue;
    }
    FindDigits<T>(spec, tables, search, sums);
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
