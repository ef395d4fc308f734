// What a kernel is told of a selection: plain data, passed by value. The backend fills it in (device_selection.cc),
// the kernels read it; pointers are to memory of the device.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_SELECTION_SPEC_H_
#define TREDUCE_SERVER_ENGINE_CUDA_SELECTION_SPEC_H_

#include <cstdint>

#include "server/engine/values/reduction.h"

namespace treduce::cuda {

// Ranks that are looked for together: as many as have tables in the shared memory of a block.
inline constexpr int kMaxRanks = 4;

// Elements of an output that are listed in place of a table: they and their places fit there.
inline constexpr int kMostListed = 512;

// A median or a quantile of every output.
struct RankSpec {
  bool ignores_nan;
  bool is_quantile;
  Interpolation interpolation;  // of quantiles
  bool is_wide;                 // whether they are float64, else float32
  double q;
  void* out;
  int64_t* index;  // of the first occurrence of a median, or null
};

// What is known of a rank of an output.
struct Found {
  uint64_t prefix;  // the upper digits of its key, and at last all
  int64_t rank;     // among the elements whose keys begin so
  int64_t count;    // of these
  int table;        // in which they are counted, or listed
  uint64_t next;    // the lowest key above it
  uint64_t first;   // the index of its first occurrence
};

// The search for the ranks of an output.
struct Search {
  uint64_t nan_count;
  int digits;  // that are known of each key
  // Whether so few elements begin with them that these are listed, in place of further tables; and that they have been.
  bool is_few, is_listed;
  bool needs_elements;  // once more, for what follows the keys: `next` and `first`
  int table_count;
  uint64_t prefixes[kMaxRanks];     // of the elements of each table
  uint32_t list_sizes[kMaxRanks];   // elements listed in place of each
  uint64_t above_lists[kMaxRanks];  // the lowest key above those
  Found found[kMaxRanks];
};

struct SelectionSpec {
  const void* x;  // the elements of the outputs, one after the other
  int64_t outputs;
  int64_t n;         // elements of an output
  int64_t chunk;     // of these, that a block counts at a time: all, or a part where several blocks share an output
  Search* searches;  // of outputs that are shared; `tables` likewise, rank_count of them an output
  uint64_t* tables;
  int rank_count;
  RankSpec ranks[kMaxRanks];
};

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_SELECTION_SPEC_H_
