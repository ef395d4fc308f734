// A fold: init, accumulate, merge. It holds no data, only how to work with data; what it accumulates are states.
//
// A state is plain data, a few 8-byte words, one state per kept element. States lie as one array per word, so that
// neighbouring kept elements are merged side by side. Since a state is all there is, it can be moved, kept, and merged
// with the state of other elements; left before right, in the canonical order (server/engine/README.md).
#ifndef TREDUCE_SERVER_ENGINE_FOLD_FOLD_H_
#define TREDUCE_SERVER_ENGINE_FOLD_FOLD_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "server/engine/fold/states.h"
#include "server/engine/values/dtype.h"

namespace treduce {

enum class FoldKind : uint8_t {
  kSum,        // sum of x
  kNanSum,     // sum of x that are not NaN, and their number
  kProduct,    // product of x
  kMax,        // largest x, as an order key
  kMin,        // smallest x, as an order key
  kMinMax,     // kMin and kMax
  kArgMax,     // kMax and the index of its first occurrence
  kArgMin,     // kMin and the index of its first occurrence
  kCount,      // number of non-zero x
  kMoments,    // number, mean, sum of squared deviations
  kAbsSum,     // sum of |x|
  kAbsMax,     // largest |x|, as an order key
  kAbsMin,     // smallest |x|, as an order key
  kSquareSum,  // sum of x^2
  kPowerSum,   // sum of |x|^ord, scaled
  kLogSumExp,  // largest x, sum of exp(x - largest)
};

// Owned states, uninitialised.
class StateBlock {
 public:
  StateBlock() = default;
  StateBlock(int field_count, size_t count)
      : stride_(count * 8), data_(new std::byte[static_cast<size_t>(field_count) * count * 8]) {}

  States states() const { return {data_.get(), stride_}; }
  explicit operator bool() const { return data_ != nullptr; }

 private:
  size_t stride_ = 0;
  std::unique_ptr<std::byte[]> data_;
};

struct FoldParams {
  double ord = 2.0;  // of kPowerSum
};

// `x` below are packed elements of the fold's dtype, without alignment. Indices `first` number the elements reduced
// into one state, row-major.
struct Fold {
  int field_count;
  // A leaf of columns must be whole when it is folded (the fold reads it more than once), so that it is short;
  // otherwise rows are folded as they come.
  bool whole_leaves;

  // States of no elements.
  void (*init)(States out, size_t count);
  // Row `k` of `rows`, `n` elements each, is one leaf: its state is written to out[k].
  void (*rows)(const FoldParams& params, const std::byte* x, size_t rows, size_t n, int64_t first, States out);
  // Folds `rows` elements into each of `columns` states, in sequence; a row starts `stride` elements after the last.
  void (*columns)(const FoldParams& params, const std::byte* x, size_t rows, size_t columns, size_t stride,
                  int64_t first, States states);
  // left[k] = left[k] merged with right[k].
  void (*merge)(const FoldParams& params, States left, States right, size_t count);

  // The order of elements does not change the state, so that neighbouring leaves may be folded as one, and the states
  // of no elements merged from the right. (Of an element with the smallest key, merged into a state of none, the index
  // is lost.)
  bool any_order = false;
};

// The fold of elements of `dtype` for the best SIMD target of this machine (of those Highway is told to use);
// nullptr where there is none.
const Fold* FindFold(FoldKind kind, DType dtype);

// Name of that target: "AVX3", "AVX2", "SSE4", "NEON", ...
const char* SimdTargetName();

// Leaf sizes: part of the canonical order, frozen (server/engine/README.md gives the measurements).
inline constexpr int64_t kRowLeaf = 1024;        // elements
inline constexpr int64_t kColumnLeaf = 256;      // rows
inline constexpr int64_t kWholeColumnLeaf = 32;  // rows, of folds with whole_leaves
inline constexpr int kLaneCount = 32;

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_FOLD_FOLD_H_
