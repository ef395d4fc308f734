// Leaves: the loops that run an op over one block of elements in the canonical order, and the glue that makes of an op
// a Fold of one element type.
//
// An op is a template over the value type V, with its state in `V f[kFieldCount]`:
//   Context                         what Accumulate needs besides the element; empty for most
//   static Op Init()                the state of no elements
//   void Accumulate(V x, Context)   one more element
//   void Merge(const Op& right)     the elements of `right` follow those of this state
#if defined(TREDUCE_FOLD_LEAF_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TREDUCE_FOLD_LEAF_INL_H_
#undef TREDUCE_FOLD_LEAF_INL_H_
#else
#define TREDUCE_FOLD_LEAF_INL_H_
#endif

#include <algorithm>
#include <type_traits>

#include "server/engine/fold/fold.h"
#include "server/engine/fold/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

// GCC at -O2 keeps an array of vectors in memory unless the loops over it are unrolled: 2 to 3 times slower. Under
// sanitizers, unrolled loops take minutes to compile.
#ifdef TREDUCE_NO_UNROLL
#define TREDUCE_UNROLL
#else
#define TREDUCE_UNROLL _Pragma("GCC unroll 32")
#endif

inline constexpr size_t kVectors = kLaneCount / kLanes64;

template <class V>
struct NoContext {};

// Joins the 32 lanes of a leaf by halves: l += l + 16, + 8, + 4, + 2, + 1.
template <template <class> class Op>
HWY_INLINE Op<double> JoinLanes(Op<Lanes64> (&acc)[kVectors]) {
  TREDUCE_UNROLL
  for (size_t width = kVectors / 2; width > 0; width /= 2) {
    TREDUCE_UNROLL
    for (size_t v = 0; v < width; ++v) acc[v].Merge(acc[v + width]);
  }
  Op<double> lane[kLanes64];
  HWY_ALIGN double words[kLanes64];
  TREDUCE_UNROLL
  for (int i = 0; i < Op<double>::kFieldCount; ++i) {
    hn::Store(acc[0].f[i], D64(), words);
    TREDUCE_UNROLL
    for (size_t l = 0; l < kLanes64; ++l) lane[l].f[i] = words[l];
  }
  TREDUCE_UNROLL
  for (size_t width = kLanes64 / 2; width > 0; width /= 2) {
    TREDUCE_UNROLL
    for (size_t l = 0; l < width; ++l) lane[l].Merge(lane[l + width]);
  }
  return lane[0];
}

// A leaf of `n` neighbouring elements: element r goes to lane r mod 32.
template <template <class> class Op, class T>
HWY_INLINE Op<double> RowLeaf(const T* x, size_t n, const typename Op<Lanes64>::Context& context = {}) {
  Op<Lanes64> acc[kVectors];
  TREDUCE_UNROLL
  for (size_t v = 0; v < kVectors; ++v) acc[v] = Op<Lanes64>::Init();
  size_t i = 0;
  for (; i + kLaneCount <= n; i += kLaneCount) {
    TREDUCE_UNROLL
    for (size_t v = 0; v < kVectors; ++v) acc[v].Accumulate(Decode<Lanes64>::Load(x + i + v * kLanes64), context);
  }
  if (i < n) {
    T tail[kLaneCount] = {};
    std::memcpy(tail, x + i, (n - i) * sizeof(T));
    for (size_t v = 0; v < kVectors && v * kLanes64 < n - i; ++v) {
      Op<Lanes64> next = acc[v];
      next.Accumulate(Decode<Lanes64>::Load(tail + v * kLanes64), context);
      const auto has_element = hn::FirstN(D64(), std::min(kLanes64, n - i - v * kLanes64));
      for (int k = 0; k < Op<Lanes64>::kFieldCount; ++k) {
        acc[v].f[k] = hn::IfThenElse(has_element, next.f[k], acc[v].f[k]);
      }
    }
  }
  return JoinLanes<Op>(acc);
}

template <class State>
HWY_INLINE void StoreState(const State& state, States out, size_t k) {
  using V = std::remove_reference_t<decltype(state.f[0])>;
  TREDUCE_UNROLL
  for (int i = 0; i < State::kFieldCount; ++i) {
    ValueTraits<std::remove_const_t<V>>::Store(state.f[i], out.field<double>(i) + k);
  }
}

template <class State>
HWY_INLINE State LoadState(States in, size_t k) {
  State state;
  using V = std::remove_reference_t<decltype(state.f[0])>;
  TREDUCE_UNROLL
  for (int i = 0; i < State::kFieldCount; ++i) state.f[i] = ValueTraits<V>::Load(in.field<double>(i) + k);
  return state;
}

// The Fold functions of an op whose elements are accumulated one by one. `Body` is the op with its element type:
//   Element, Op<V>, and LeafOfRow(x, n), which may take a shortcut to the same bits as RowLeaf.
template <class Body>
struct ElementwiseFold {
  using T = typename Body::Element;
  template <class V>
  using Op = typename Body::template Op<V>;

  static void Init(States out, size_t count) {
    for (size_t k = 0; k < count; ++k) StoreState(Op<double>::Init(), out, k);
  }

  static void Rows(const FoldParams&, const std::byte* x, size_t rows, size_t n, int64_t, States out) {
    for (size_t k = 0; k < rows; ++k) {
      StoreState(Body::LeafOfRow(reinterpret_cast<const T*>(x) + k * n, n), out, k);
    }
  }

  template <class V>
  static HWY_INLINE void ColumnStrip(const T* x, size_t rows, size_t stride, States states, size_t k) {
    Op<V> state = LoadState<Op<V>>(states, k);
    for (size_t r = 0; r < rows; ++r) state.Accumulate(Decode<V>::Load(x + r * stride), {});
    StoreState(state, states, k);
  }

  static void Columns(const FoldParams&, const std::byte* bytes, size_t rows, size_t columns, size_t stride, int64_t,
                      States states) {
    // Few rows at a time, so that neighbouring columns are read while their cache lines and pages are near.
    constexpr size_t kRowBlock = 8;
    const T* x = reinterpret_cast<const T*>(bytes);
    for (size_t r = 0; r < rows; r += kRowBlock) {
      const size_t block = std::min(kRowBlock, rows - r);
      size_t c = 0;
      for (; c + kLanes64 <= columns; c += kLanes64) {
        ColumnStrip<Lanes64>(x + r * stride + c, block, stride, states, c);
      }
      for (; c < columns; ++c) ColumnStrip<double>(x + r * stride + c, block, stride, states, c);
    }
  }

  static void Merge(const FoldParams&, States left, States right, size_t count) {
    size_t k = 0;
    for (; k + kLanes64 <= count; k += kLanes64) MergeStrip<Lanes64>(left, right, k);
    for (; k < count; ++k) MergeStrip<double>(left, right, k);
  }

  template <class V>
  static HWY_INLINE void MergeStrip(States left, States right, size_t k) {
    Op<V> merged = LoadState<Op<V>>(left, k);
    merged.Merge(LoadState<Op<V>>(right, k));
    StoreState(merged, left, k);
  }

  static const Fold* Get() {
    static constexpr Fold kFold = {Op<double>::kFieldCount, false, Init, Rows, Columns, Merge};
    return &kFold;
  }
};

// The Fold functions of an op that reads a leaf more than once. `Body` gives:
//   Element, State<V> (f, kFieldCount, Merge(right, params)),
//   RowState(params, x, n) and ColumnState<V>(params, x, rows, stride).
template <class Body>
struct WholeLeafFold {
  using T = typename Body::Element;
  template <class V>
  using State = typename Body::template State<V>;

  static void Init(States, size_t) {}

  static void Rows(const FoldParams& params, const std::byte* x, size_t rows, size_t n, int64_t, States out) {
    for (size_t k = 0; k < rows; ++k) {
      StoreState(Body::RowState(params, reinterpret_cast<const T*>(x) + k * n, n), out, k);
    }
  }

  static void Columns(const FoldParams& params, const std::byte* bytes, size_t rows, size_t columns, size_t stride,
                      int64_t, States states) {
    const T* x = reinterpret_cast<const T*>(bytes);
    size_t c = 0;
    for (; c + kLanes64 <= columns; c += kLanes64) {
      StoreState(Body::template ColumnState<Lanes64>(params, x + c, rows, stride), states, c);
    }
    for (; c < columns; ++c) {
      StoreState(Body::template ColumnState<double>(params, x + c, rows, stride), states, c);
    }
  }

  template <class V>
  static HWY_INLINE void MergeStrip(const FoldParams& params, States left, States right, size_t k) {
    State<V> merged = LoadState<State<V>>(left, k);
    merged.Merge(LoadState<State<V>>(right, k), params);
    StoreState(merged, left, k);
  }

  static void Merge(const FoldParams& params, States left, States right, size_t count) {
    size_t k = 0;
    for (; k + kLanes64 <= count; k += kLanes64) MergeStrip<Lanes64>(params, left, right, k);
    for (; k < count; ++k) MergeStrip<double>(params, left, right, k);
  }

  static const Fold* Get() {
    static constexpr Fold kFold = {State<double>::kFieldCount, true, Init, Rows, Columns, Merge};
    return &kFold;
  }
};

// `rows` elements of one column, or of a vector of neighbouring columns, in sequence.
template <template <class> class Op, class V, class T>
HWY_INLINE Op<V> ColumnLeaf(const T* x, size_t rows, size_t stride, const typename Op<V>::Context& context = {}) {
  Op<V> acc = Op<V>::Init();
  for (size_t r = 0; r < rows; ++r) acc.Accumulate(Decode<V>::Load(x + r * stride), context);
  return acc;
}

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#endif  // TREDUCE_FOLD_LEAF_INL_H_
