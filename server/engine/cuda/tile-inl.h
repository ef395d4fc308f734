// The elements of a leaf: how a thread, or a warp, reads them, and folds an op over them in the canonical order
// (engine/README.md). A fold that reads a leaf more than once, or several folds, find it in the first cache.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_TILE_INL_H_
#define TREDUCE_SERVER_ENGINE_CUDA_TILE_INL_H_

#include <bit>
#include <type_traits>

#include "server/engine/cuda/simt.h"
#include "server/engine/fold/fold.h"
#include "server/engine/fold/value-inl.h"
#ifdef __CUDACC__
#include <cuda_fp16.h>
#endif

namespace treduce::cuda {

static_assert(kLaneCount == kWarpSize);

template <class T>
TREDUCE_DEVICE_FUNCTION double ToDouble(T x) {
#ifdef __CUDA_ARCH__
  if constexpr (std::is_same_v<T, Float16>) return __half2float(__ushort_as_half(x.bits));  // one instruction
#endif
  if constexpr (std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>) {
    return ToFloat(x);
  } else {
    return static_cast<double>(x);
  }
}

// Calls body(x, i) for the next elements of a thread, `stride` apart, in order, from number `i` on, as long as there
// are kBatch before `end`: all of these are read before the first is folded, to hide how long memory takes.
template <int kBatch, class T, class Body>
TREDUCE_DEVICE_FUNCTION void EachBatch(const T*& x, int64_t stride, int& i, int end, Body body) {
  for (; i + kBatch <= end; i += kBatch) {
    T own[kBatch];
    TREDUCE_UNROLL
    for (int k = 0; k < kBatch; ++k) own[k] = x[k * stride];
    x += kBatch * stride;
    TREDUCE_UNROLL
    for (int k = 0; k < kBatch; ++k) body(own[k], i + k);
  }
}

// The same for elements [0, count), up to kMost of them at a time. `all` is how many every thread of the warp has.
template <int kMost, class T, class Body>
TREDUCE_DEVICE_FUNCTION void EachElement(const T* x, int64_t stride, int count, int all, Body body) {
  int i = 0;
  if constexpr (kMost > 8) EachBatch<kMost>(x, stride, i, all, body);
  EachBatch<8>(x, stride, i, all, body);
  constexpr int kFew = 4;
  for (; i < count; i += kFew) {
    T own[kFew];
    TREDUCE_UNROLL
    for (int k = 0; k < kFew; ++k) {
      if (i + k < count) own[k] = x[k * stride];
    }
    x += kFew * stride;
    TREDUCE_UNROLL
    for (int k = 0; k < kFew; ++k) {
      if (i + k < count) body(own[k], i + k);
    }
  }
}

// Joins a state of each of kThreads neighbours, by halves; those from `count` on hold no elements. The result is the
// first one's.
template <int kThreads, class State, class Merge>
TREDUCE_DEVICE_FUNCTION State JoinThreads(State state, int count, Merge merge) {
  TREDUCE_UNROLL
  for (int k = kThreads / 2; k > 0; k /= 2) {
    if (k >= count) continue;
    State right;
    TREDUCE_UNROLL
    for (int i = 0; i < State::kFieldCount; ++i) right.f[i] = ShuffleDown<kThreads>(state.f[i], k);
    if (Lane() % kThreads + k < count) merge(state, right);
  }
  return state;
}

// A tile is what a leaf is folded from:
//   size, first                     its elements, and the index of the first among those reduced into the output
//   Each(body)                      calls body(x, position) for each element of this thread, in ascending order
//   Fold<Op>(context)               the state of all, in the canonical order, everywhere
//   FoldHead<Op>(context)           the same of the first 32, of rows
//   Join(state, merge)              the states of all threads as one, the first one's
//   Max(value), Min(value)          of the values of all threads, everywhere
//   Any(value)                      whether it is true of this leaf, or of one that the warp folds beside it
// kIsRow says that it is a row leaf; kLanesOfThread how many lanes of the canonical order a thread has.

// Merges the states of ops.
struct MergeOp {
  template <class State>
  TREDUCE_DEVICE_FUNCTION void operator()(State& left, const State& right) const {
    left.Merge(right);
  }
};

// A row leaf over kThreads neighbours of a warp, beside as many others as fill it: element r is in lane r mod 32, and
// that with thread r mod kThreads. REQUIRES: no more than 32 elements for one thread.
template <class T, int kThreads>
struct RowTile {
  static constexpr bool kIsRow = true;
  static constexpr int kLanesOfThread = kWarpSize / kThreads;
  static constexpr int kLoads = kThreads < kWarpSize ? 8 : sizeof(T) == 8 ? 16 : 32;  // at a time
  const T* x;                                                                         // of this thread
  int size;
  int64_t first;

  TREDUCE_DEVICE_FUNCTION RowTile(const T* leaf, int n, int64_t first_index)
      : x(leaf + Rank()), size(n), first(first_index) {}

  // Of this thread among those of the leaf.
  static TREDUCE_DEVICE_FUNCTION int Rank() { return Lane() % kThreads; }

  template <int kMost = kLoads, class Body>
  TREDUCE_DEVICE_FUNCTION void Each(Body body) const {
    const int count = (size - Rank() + kThreads - 1) / kThreads;
    EachElement<kMost>(x, kThreads, count, size / kThreads,
                       [&](T element, int i) { body(element, Rank() + i * kThreads); });
  }
  template <template <class> class Op>
  TREDUCE_DEVICE_FUNCTION Op<double> Fold(const typename Op<double>::Context& context = {}) const {
    if constexpr (kThreads == kWarpSize) {
      Op<double> state = Op<double>::Init();
      Each([&](T element, int) { state.Accumulate(ToDouble(element), context); });
      return Joined(state);
    } else {
      return Joined(LanesFrom<Op, kThreads, kThreads == 1>(Rank(), size, context));
    }
  }
  template <template <class> class Op>
  TREDUCE_DEVICE_FUNCTION Op<double> FoldHead(const typename Op<double>::Context& context = {}) const {
    return Joined(LanesFrom<Op, kThreads, true>(Rank(), size < kWarpSize ? size : kWarpSize, context));
  }
  template <class State, class Merge>
  TREDUCE_DEVICE_FUNCTION State Join(State state, Merge merge) const {
    return JoinThreads<kThreads>(state, size < kThreads ? size : kThreads, merge);
  }
  // The same, everywhere.
  template <class State>
  TREDUCE_DEVICE_FUNCTION State Joined(State state) const {
    if constexpr (kThreads == 1) return state;  // whose neighbours may be elsewhere
    state = Join(state, MergeOp());
    TREDUCE_UNROLL
    for (int i = 0; i < State::kFieldCount; ++i) state.f[i] = FromFirstLane<kThreads>(state.f[i]);
    return state;
  }
  template <class U>
  TREDUCE_DEVICE_FUNCTION U Max(U value) const {
    return WarpMax<kThreads>(value);
  }
  template <class U>
  TREDUCE_DEVICE_FUNCTION U Min(U value) const {
    return WarpMin<kThreads>(value);
  }
  TREDUCE_DEVICE_FUNCTION bool Any(bool value) const {
    if constexpr (kThreads == 1 || kThreads == kWarpSize) return value;
    return WarpMax(value ? 1u : 0u) != 0;
  }

 private:
  // What lane `lane` holds after the lanes at distances of kStep and more are joined to it, of the first `n` elements;
  // kSingle: of which each lane has one at most.
  template <template <class> class Op, int kStep, bool kSingle>
  TREDUCE_DEVICE_FUNCTION Op<double> LanesFrom(int lane, int n, const typename Op<double>::Context& context) const {
    if constexpr (kStep == kWarpSize) {
      Op<double> state = Op<double>::Init();
      const T* own = x + (lane - Rank());
      if constexpr (kSingle) {
        if (lane < n) state.Accumulate(ToDouble(*own), context);
      } else {
        TREDUCE_UNROLL_BY(sizeof(T) == 4 ? 2 : 1)
        for (int i = 0; i < n - lane; i += kWarpSize) state.Accumulate(ToDouble(own[i]), context);
      }
      return state;
    } else {
      Op<double> state = LanesFrom<Op, 2 * kStep, kSingle>(lane, n, context);
      if (lane + kStep < n) state.Merge(LanesFrom<Op, 2 * kStep, kSingle>(lane + kStep, n, context));
      return state;
    }
  }
};

// 16 bytes, which are loaded at once.
struct alignas(16) Vector {
  uint32_t words[4];
};

// Element `i` of those of type T.
template <class T>
TREDUCE_DEVICE_FUNCTION T ElementOf(const Vector& vector, int i) {
  using Bits = std::conditional_t<sizeof(T) == 1, uint8_t, std::conditional_t<sizeof(T) == 2, uint16_t, uint32_t>>;
  constexpr int kPerWord = 4 / sizeof(T);
  const uint32_t word = vector.words[i / kPerWord];
  return std::bit_cast<T>(static_cast<Bits>(word >> i % kPerWord * 8 * static_cast<int>(sizeof(T))));
}

// A row leaf of 1024 elements of one or two bytes over a warp, from an address of 16 bytes on: neighbours in a lane,
// for what may look at elements in any order.
template <class T>
struct PackedTile : RowTile<T, kWarpSize> {
  static constexpr int kPerVector = 16 / sizeof(T);
  static constexpr int kVectors = static_cast<int>(kRowLeaf / (kPerVector * kWarpSize));

  TREDUCE_DEVICE_FUNCTION PackedTile(const T* leaf, int64_t first_index)
      : RowTile<T, kWarpSize>(leaf, static_cast<int>(kRowLeaf), first_index),
        vectors(reinterpret_cast<const Vector*>(leaf)) {}

  template <class Body>
  TREDUCE_DEVICE_FUNCTION void Each(Body body) const {
    Vector own[kVectors];
    TREDUCE_UNROLL
    for (int v = 0; v < kVectors; ++v) own[v] = vectors[v * kWarpSize + Lane()];
    TREDUCE_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      TREDUCE_UNROLL
      for (int i = 0; i < kPerVector; ++i) body(ElementOf<T>(own[v], i), (v * kWarpSize + Lane()) * kPerVector + i);
    }
  }

 private:
  const Vector* vectors;
};

// Rows of a column, of one thread.
template <class T>
struct ColumnTile {
  static constexpr bool kIsRow = false;
  static constexpr int kLanesOfThread = 1;
  const T* x;
  int64_t stride;
  int size;
  int64_t first;

  TREDUCE_DEVICE_FUNCTION ColumnTile(const T* column, int64_t width, int rows, int64_t first_index)
      : x(column), stride(width), size(rows), first(first_index) {}

  template <class Body>
  TREDUCE_DEVICE_FUNCTION void Each(Body body) const {
    EachElement<16>(x, stride, size, size, body);
  }
  template <template <class> class Op>
  TREDUCE_DEVICE_FUNCTION Op<double> Fold(const typename Op<double>::Context& context = {}) const {
    Op<double> state = Op<double>::Init();
    Each([&](T element, int) { state.Accumulate(ToDouble(element), context); });
    return state;
  }
  // There is nothing to join.
  template <class State, class Merge>
  TREDUCE_DEVICE_FUNCTION State Join(State state, Merge) const {
    return state;
  }
  template <class U>
  TREDUCE_DEVICE_FUNCTION U Max(U value) const {
    return value;
  }
  template <class U>
  TREDUCE_DEVICE_FUNCTION U Min(U value) const {
    return value;
  }
  TREDUCE_DEVICE_FUNCTION bool Any(bool value) const { return value; }
};

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_TILE_INL_H_
