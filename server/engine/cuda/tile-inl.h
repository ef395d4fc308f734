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
  EachBatch<kMost>(x, stride, i, all, body);
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

// Joins a state of each lane, by halves; lanes from `lanes` on hold no elements. The result is lane 0's.
template <class State, class Merge>
TREDUCE_DEVICE_FUNCTION State JoinLanes(State state, int lanes, Merge merge) {
  TREDUCE_UNROLL
  for (int k = kWarpSize / 2; k > 0; k /= 2) {
    if (k >= lanes) continue;
    State right;
    TREDUCE_UNROLL
    for (int i = 0; i < State::kFieldCount; ++i) right.f[i] = ShuffleDown(state.f[i], k);
    if (Lane() + k < lanes) merge(state, right);
  }
  return state;
}

template <class State>
TREDUCE_DEVICE_FUNCTION State OfFirstLane(State state) {
  TREDUCE_UNROLL
  for (int i = 0; i < State::kFieldCount; ++i) state.f[i] = FromFirstLane(state.f[i]);
  return state;
}

// A tile is what a leaf is folded from:
//   size, first                     its elements, and the index of the first among those reduced into the output
//   Each(body)                      calls body(x, position) for each element of this thread, in ascending order
//   Fold<Op>(context)               the state of all, in the canonical order, everywhere
//   FoldHead<Op>(context)           the same of the first 32, of rows
//   Join(state, merge)              the states of all threads as one, lane 0's
//   Max(value), Min(value)          of the values of all threads, everywhere
// kIsRow says that it is a row leaf; kLanesOfThread how many lanes of the canonical order a thread has.

// A row leaf over a warp: element r is in lane r mod 32.
template <class T>
struct WarpTile {
  static constexpr bool kIsRow = true;
  static constexpr int kLanesOfThread = 1;
  const T* x;  // of this lane
  int size;
  int64_t first;

  TREDUCE_DEVICE_FUNCTION WarpTile(const T* leaf, int n, int64_t first_index)
      : x(leaf + Lane()), size(n), first(first_index) {}

  template <class Body>
  TREDUCE_DEVICE_FUNCTION void Each(Body body) const {
    const int count = (size - Lane() + kWarpSize - 1) / kWarpSize;
    constexpr int kMost = sizeof(T) == 8 ? 16 : 32;
    EachElement<kMost>(x, kWarpSize, count, size / kWarpSize,
                       [&](T element, int i) { body(element, Lane() + i * kWarpSize); });
  }
  template <template <class> class Op>
  TREDUCE_DEVICE_FUNCTION Op<double> Fold(const typename Op<double>::Context& context = {}) const {
    Op<double> state = Op<double>::Init();
    Each([&](T element, int) { state.Accumulate(ToDouble(element), context); });
    return Joined(state);
  }
  template <template <class> class Op>
  TREDUCE_DEVICE_FUNCTION Op<double> FoldHead(const typename Op<double>::Context& context = {}) const {
    Op<double> state = Op<double>::Init();
    if (Lane() < size) state.Accumulate(ToDouble(*x), context);
    return Joined(state);
  }
  template <class State, class Merge>
  TREDUCE_DEVICE_FUNCTION State Join(State state, Merge merge) const {
    return JoinLanes(state, size < kWarpSize ? size : kWarpSize, merge);
  }
  template <class U>
  TREDUCE_DEVICE_FUNCTION U Max(U value) const {
    return WarpMax(value);
  }
  template <class U>
  TREDUCE_DEVICE_FUNCTION U Min(U value) const {
    return WarpMin(value);
  }

 private:
  template <class State>
  TREDUCE_DEVICE_FUNCTION State Joined(const State& state) const {
    return OfFirstLane(Join(state, [](State& left, const State& right) { left.Merge(right); }));
  }
};

// A row leaf of 1024 elements of one or two bytes over a warp, from an address of 16 bytes on: neighbours in a lane,
// for what may look at elements in any order.
template <class T>
struct PackedTile : WarpTile<T> {
  static constexpr int kPerWord = 4 / sizeof(T);
  static constexpr int kVectors = static_cast<int>(kRowLeaf * sizeof(T) / (16 * kWarpSize));
  struct alignas(16) Vector {
    uint32_t words[4];
  };

  TREDUCE_DEVICE_FUNCTION PackedTile(const T* leaf, int64_t first_index)
      : WarpTile<T>(leaf, static_cast<int>(kRowLeaf), first_index), vectors(reinterpret_cast<const Vector*>(leaf)) {}

  template <class Body>
  TREDUCE_DEVICE_FUNCTION void Each(Body body) const {
    Vector own[kVectors];
    TREDUCE_UNROLL
    for (int v = 0; v < kVectors; ++v) own[v] = vectors[v * kWarpSize + Lane()];
    TREDUCE_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      const int position = (v * kWarpSize + Lane()) * 4 * kPerWord;
      TREDUCE_UNROLL
      for (int i = 0; i < 4 * kPerWord; ++i) {
        using Bits = std::conditional_t<sizeof(T) == 1, uint8_t, uint16_t>;
        const uint32_t word = own[v].words[i / kPerWord];
        const auto bits = static_cast<Bits>(word >> i % kPerWord * 8 * static_cast<int>(sizeof(T)));
        body(std::bit_cast<T>(bits), position + i);
      }
    }
  }

 private:
  const Vector* vectors;
};

// A tile of one thread has nothing to join.
struct ThreadTile {
  static constexpr int kLanesOfThread = 1;
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
};

// A short row leaf of one thread, in shared memory; kSingle: of up to 32 elements, one a lane.
template <class T, bool kSingle>
struct ShortTile : ThreadTile {
  static constexpr bool kIsRow = true;
  static constexpr int kLanesOfThread = kWarpSize;
  const T* x;
  int size;
  int64_t first;

  TREDUCE_DEVICE_FUNCTION ShortTile(const T* elements, int n, int64_t first_index)
      : x(elements), size(n), first(first_index) {}

  template <class Body>
  TREDUCE_DEVICE_FUNCTION void Each(Body body) const {
    TREDUCE_UNROLL_BY(4)
    for (int i = 0; i < size; ++i) body(x[i], i);
  }
  template <template <class> class Op>
  TREDUCE_DEVICE_FUNCTION Op<double> Fold(const typename Op<double>::Context& context = {}) const {
    return Node<Op, 1>(0, size, context);
  }
  template <template <class> class Op>
  TREDUCE_DEVICE_FUNCTION Op<double> FoldHead(const typename Op<double>::Context& context = {}) const {
    return Node<Op, 1>(0, size < kWarpSize ? size : kWarpSize, context);
  }

 private:
  // What lane `lane` holds after the lanes at distances of kStep and more are joined to it.
  template <template <class> class Op, int kStep>
  TREDUCE_DEVICE_FUNCTION Op<double> Node(int lane, int n, const typename Op<double>::Context& context) const {
    if constexpr (kStep == kWarpSize) {
      Op<double> state = Op<double>::Init();
      state.Accumulate(ToDouble(x[lane]), context);
      if constexpr (!kSingle) {
        for (int i = lane + kWarpSize; i < n; i += kWarpSize) state.Accumulate(ToDouble(x[i]), context);
      }
      return state;
    } else {
      Op<double> state = Node<Op, 2 * kStep>(lane, n, context);
      if (lane + kStep < n) state.Merge(Node<Op, 2 * kStep>(lane + kStep, n, context));
      return state;
    }
  }
};

// Rows of a column, of one thread.
template <class T>
struct ColumnTile : ThreadTile {
  static constexpr bool kIsRow = false;
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
};

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_TILE_INL_H_
