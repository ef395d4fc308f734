// Leaves: the loops that run an op over one block of elements in the canonical order, and the glue that makes of an op
// a Fold of one element type.
#if defined(TREDUCE_FOLD_SIMD_LEAF_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TREDUCE_FOLD_SIMD_LEAF_INL_H_
#undef TREDUCE_FOLD_SIMD_LEAF_INL_H_
#else
#define TREDUCE_FOLD_SIMD_LEAF_INL_H_
#endif

#include <algorithm>
#include <type_traits>
#include <utility>

#include "hwy/cache_control.h"
#include "server/engine/fold/fold.h"
#include "server/engine/fold/value-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

inline constexpr size_t kVectors = kLaneCount / kLanes64;

// Asks for the kLaneCount elements `bytes` after `x`, which need not exist.
template <class T>
HWY_INLINE void PrefetchAhead(const T* x, size_t bytes) {
  const auto* from = reinterpret_cast<const char*>(x) + bytes;
  TREDUCE_UNROLL
  for (size_t i = 0; i < kLaneCount * sizeof(T); i += 64) hwy::Prefetch(from + i);
}
inline constexpr size_t kRowPrefetch = 4096;
inline constexpr size_t kColumnPrefetch = 512;

// The lower and upper halves of groups of kGroup lanes of `a` and `b`; lanes of `a` come first, but for groups of 4 out
// of 8 lanes, which alternate.
#if HWY_TARGET != HWY_SCALAR
template <size_t kGroup, class V>
HWY_INLINE void SplitHalves(V a, V b, V& lower, V& upper) {
  const D64 d;
  if constexpr (kGroup == 2) {
    lower = hn::ConcatEven(d, b, a);
    upper = hn::ConcatOdd(d, b, a);
  } else if constexpr (kGroup == kLanes64) {
    lower = hn::ConcatLowerLower(d, b, a);
    upper = hn::ConcatUpperUpper(d, b, a);
  } else {
    static_assert(kGroup == 4 && kLanes64 == 8);
    lower = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(b), a);
    upper = hn::OddEvenBlocks(b, hn::SwapAdjacentBlocks(a));
  }
}

// Joins the lanes of `kGroup` vectors of groups by halves, until a group is one lane of the first vector.
template <size_t kGroup, class State>
HWY_INLINE void JoinGroups(State (&group)[kLanes64]) {
  if constexpr (kGroup > 1) {
    TREDUCE_UNROLL
    for (size_t v = 0; v < kGroup / 2; ++v) {
      State lower, upper;
      TREDUCE_UNROLL
      for (int i = 0; i < State::kFieldCount; ++i) {
        SplitHalves<kGroup>(group[2 * v].f[i], group[2 * v + 1].f[i], lower.f[i], upper.f[i]);
      }
      lower.Merge(upper);
      group[v] = lower;
    }
    JoinGroups<kGroup / 2>(group);
  }
}

// Where JoinRows wants row `r`: undoes the alternation of SplitHalves.
constexpr size_t PlaceOfRow(size_t r) { return kLanes64 == 8 && (r % 4 == 1 || r % 4 == 2) ? r ^ 3 : r; }

// Lane r of the result is the lanes of row[PlaceOfRow(r)], joined by halves: as many rows at a time as fill a vector.
template <class State>
HWY_INLINE State JoinRows(State (&row)[kLanes64]) {
  JoinGroups<kLanes64>(row);
  return row[0];
}
#else
constexpr size_t PlaceOfRow(size_t r) { return r; }
template <class State>
HWY_INLINE State JoinRows(State (&row)[kLanes64]) {
  return row[0];
}
#endif

// The 32 lanes of a leaf of `n` elements to those of one vector, by halves: l += l + 16, + 8, ... Lanes that no element
// went to are left out: to join them would change nothing.
template <class State>
HWY_INLINE State JoinVectors(State (&acc)[kVectors], size_t n) {
  TREDUCE_UNROLL
  for (size_t width = kVectors / 2; width > 0; width /= 2) {
    if (n <= width * kLanes64) continue;
    TREDUCE_UNROLL
    for (size_t v = 0; v < width; ++v) acc[v].Merge(acc[v + width]);
  }
  return acc[0];
}

// kLaneCount elements, the first `n` of them those from `x` on: there, if as many can be read before `end`, or else a
// copy in `tail`, padded with zeros.
template <class T>
HWY_INLINE const T* PaddedTail(const T* x, size_t n, const T* end, T (&tail)[kLaneCount]) {
  if (HWY_LIKELY(static_cast<size_t>(end - x) >= kLaneCount)) return x;
  std::memset(static_cast<void*>(tail), 0, sizeof(tail));
  std::memcpy(tail, x, n * sizeof(T));
  return tail;
}

// Whether Op has AccumulateAbreast(states, x, contexts): Accumulate of kAbreast vectors in lockstep.
template <template <class> class Op, size_t kCount>
inline constexpr bool kIsAbreast = kCount % kAbreast == 0 && requires {
  &Op<Lanes64>::AccumulateAbreast;
};

// Accumulates vectors that start `step` elements apart into acc[0, kCount), with contexts `context_of(v)`.
template <template <class> class Op, size_t kCount, class T, class ContextOf>
HWY_INLINE void AccumulateEach(Op<Lanes64>* acc, const T* x, size_t step, ContextOf context_of) {
  if constexpr (kIsAbreast<Op, kCount>) {
    TREDUCE_UNROLL
    for (size_t v = 0; v < kCount; v += kAbreast) {
      Lanes64 next[kAbreast];
      typename Op<Lanes64>::Context contexts[kAbreast];
      TREDUCE_UNROLL
      for (size_t i = 0; i < kAbreast; ++i) {
        next[i] = Decode<Lanes64>::Load(x + (v + i) * step);
        contexts[i] = context_of(v + i);
      }
      Op<Lanes64>::AccumulateAbreast(acc + v, next, contexts);
    }
  } else {
    TREDUCE_UNROLL
    for (size_t v = 0; v < kCount; ++v) acc[v].Accumulate(Decode<Lanes64>::Load(x + v * step), context_of(v));
  }
}

// A leaf of `n` neighbouring elements: element r goes to lane r mod 32. The lanes are joined to those of one vector.
// Elements before `end` may be read.
template <template <class> class Op, class T>
HWY_INLINE Op<Lanes64> FoldRow(const T* x, size_t n, const T* end, const typename Op<Lanes64>::Context& context = {}) {
  Op<Lanes64> acc[kVectors];
  TREDUCE_UNROLL
  for (size_t v = 0; v < kVectors; ++v) acc[v] = Op<Lanes64>::Init();
  size_t i = 0;
  for (; i + kLaneCount <= n; i += kLaneCount) {
    PrefetchAhead(x + i, kRowPrefetch);
    AccumulateEach<Op, kVectors>(acc, x + i, kLanes64, [&](size_t) HWY_ATTR { return context; });
  }
  if (i < n) {
    T copy[kLaneCount];
    const T* tail = PaddedTail(x + i, n - i, end, copy);
    TREDUCE_UNROLL
    for (size_t v = 0; v < kVectors; ++v) {
      if (v * kLanes64 >= n - i) continue;
      Op<Lanes64> next = acc[v];
      next.Accumulate(Decode<Lanes64>::Load(tail + v * kLanes64), context);
      const auto has_element = hn::FirstN(D64(), std::min(kLanes64, n - i - v * kLanes64));
      TREDUCE_UNROLL
      for (int k = 0; k < Op<Lanes64>::kFieldCount; ++k) {
        acc[v].f[k] = hn::IfThenElse(has_element, next.f[k], acc[v].f[k]);
      }
    }
  }
  return JoinVectors(acc, n);
}

// Up to kLanes64 leaves of `n` elements each, one a lane. `fold_row(r, x)` folds one.
template <class State, class T, class FoldOne>
HWY_INLINE State JoinedRows(const T* x, size_t rows, size_t n, FoldOne fold_row) {
  State row[kLanes64];
  for (size_t r = 0; r < rows; ++r) row[PlaceOfRow(r)] = fold_row(r, x + r * n);
  for (size_t r = rows; r < kLanes64; ++r) row[PlaceOfRow(r)] = State::Init();
  return JoinRows(row);
}

// The lanes of a vector, to be broadcast to the row that each belongs to.
class PerRow {
 public:
  explicit HWY_INLINE PerRow(Lanes64 v) { hn::StoreU(v, D64(), lanes_); }
  HWY_INLINE Lanes64 operator[](size_t r) const { return Broadcast<Lanes64>(lanes_[r]); }

 private:
  double lanes_[kLanes64];
};

template <template <class> class Op, class T, class ContextOf>
HWY_INLINE Op<Lanes64> FoldRows(const T* x, size_t rows, size_t n, const T* end, ContextOf context_of) {
  if (n <= kLanes64 && rows == kLanes64 && static_cast<size_t>(end - x) >= rows * n + kLanes64) {
    Op<Lanes64> row[kLanes64];
    const auto has_element = hn::FirstN(D64(), n);
    const auto none = Op<Lanes64>::Init();
    [[maybe_unused]] Op<Lanes64> all[kLanes64];
    if constexpr (kIsAbreast<Op, kLanes64>) {
      TREDUCE_UNROLL
      for (size_t r = 0; r < kLanes64; ++r) all[r] = none;
      AccumulateEach<Op, kLanes64>(all, x, n, context_of);
    }
    for (size_t r = 0; r < kLanes64; ++r) {
      Op<Lanes64> one = none;
      if constexpr (kIsAbreast<Op, kLanes64>) {
        one = all[r];
      } else {
        one.Accumulate(Decode<Lanes64>::Load(x + r * n), context_of(r));
      }
      TREDUCE_UNROLL
      for (int i = 0; i < Op<Lanes64>::kFieldCount; ++i) one.f[i] = hn::IfThenElse(has_element, one.f[i], none.f[i]);
      row[PlaceOfRow(r)] = one;
    }
    return JoinRows(row);
  }
  return JoinedRows<Op<Lanes64>>(
      x, rows, n, [&](size_t r, const T* row) HWY_ATTR { return FoldRow<Op>(row, n, end, context_of(r)); });
}

template <template <class> class Op, class T>
HWY_INLINE Op<Lanes64> FoldRows(const T* x, size_t rows, size_t n, const T* end) {
  return FoldRows<Op>(x, rows, n, end, [](size_t) HWY_ATTR { return typename Op<Lanes64>::Context{}; });
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

// The first `count` lanes of `state` to states [k, k + count).
template <class State>
HWY_INLINE void StoreLanes(const State& state, States out, size_t k, size_t count) {
  if (count == kLanes64) return StoreState(state, out, k);
  TREDUCE_UNROLL
  for (int i = 0; i < State::kFieldCount; ++i) {
    double lanes[kLanes64];
    hn::StoreU(state.f[i], D64(), lanes);
    for (size_t l = 0; l < count; ++l) out.field<double>(i)[k + l] = lanes[l];
  }
}

// The Fold functions of an op whose elements are accumulated one by one. `Body` is the op with its element type:
//   Element, Op<V>,
//   Rows(x, rows, n, end), which may take a shortcut to the same bits as FoldRows, and
//   Columns(x, rows, stride, states), which may take one for kLaneCount columns; false if it does not,
//   NarrowColumns(x, rows, columns, states), if there is one, the same for fewer columns, the rows side by side.
template <class Body>
struct ElementwiseFold {
  using T = typename Body::Element;
  template <class V>
  using Op = typename Body::template Op<V>;

  static void Init(States out, size_t count) {
    for (size_t k = 0; k < count; ++k) StoreState(Op<double>::Init(), out, k);
  }

  static void Rows(const FoldParams&, const std::byte* x, size_t rows, size_t n, int64_t, States out) {
    const T* first = reinterpret_cast<const T*>(x);
    Body body;
    for (size_t k = 0; k < rows; k += kLanes64) {
      const size_t now = std::min(kLanes64, rows - k);
      StoreLanes(body.Rows(first + k * n, now, n, first + rows * n), out, k, now);
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
    Body body;
    if constexpr (requires { body.NarrowColumns(x, rows, columns, states); }) {
      if (columns < kLaneCount && columns == stride && body.NarrowColumns(x, rows, columns, states)) return;
    }
    for (size_t r = 0; r < rows; r += kRowBlock, x += kRowBlock * stride) {
      const size_t block = std::min(kRowBlock, rows - r);
      size_t c = 0;
      for (; c + kLaneCount <= columns; c += kLaneCount) {
        if (body.Columns(x + c, block, stride, states.From(c))) continue;
        for (size_t v = 0; v < kLaneCount; v += kLanes64) ColumnStrip<Lanes64>(x + c + v, block, stride, states, c + v);
      }
      for (; c + kLanes64 <= columns; c += kLanes64) ColumnStrip<Lanes64>(x + c, block, stride, states, c);
      for (; c < columns; ++c) ColumnStrip<double>(x + c, block, stride, states, c);
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

// Copies kLaneCount elements.
template <class T>
HWY_INLINE void CopyLanes(const T* from, T* to) {
  constexpr hn::ScalableTag<uint8_t> d;
  TREDUCE_UNROLL
  for (size_t i = 0; i < kLaneCount * sizeof(T); i += hn::MaxLanes(d)) {
    hn::StoreU(hn::LoadU(d, reinterpret_cast<const uint8_t*>(from) + i), d, reinterpret_cast<uint8_t*>(to) + i);
  }
}

// The Fold functions of an op that reads a leaf more than once. `Body` gives:
//   Element, State<V> (f, kFieldCount, Merge(right, params)),
//   Rows(params, x, rows, n, end), a leaf a lane, ColumnState<V>(params, x, rows, stride), and
//   ColumnStates(params, x, rows, stride, states), the same of kLaneCount columns.
template <class Body>
struct WholeLeafFold {
  using T = typename Body::Element;
  template <class V>
  using State = typename Body::template State<V>;

  static void Init(States, size_t) {}

  static void Rows(const FoldParams& params, const std::byte* x, size_t rows, size_t n, int64_t, States out) {
    const T* first = reinterpret_cast<const T*>(x);
    for (size_t k = 0; k < rows; k += kLanes64) {
      const size_t now = std::min(kLanes64, rows - k);
      StoreLanes(Body::Rows(params, first + k * n, now, n, first + rows * n), out, k, now);
    }
  }

  static void Columns(const FoldParams& params, const std::byte* bytes, size_t rows, size_t columns, size_t stride,
                      int64_t, States states) {
    const T* x = reinterpret_cast<const T*>(bytes);
    // By way of a copy: rows a power of two apart would push each other out of the cache before they are read again.
    T tile[kWholeColumnLeaf * kLaneCount];
    size_t c = 0;
    for (; c + kLaneCount <= columns; c += kLaneCount) {
      for (size_t r = 0; r < rows; ++r) {
        PrefetchAhead(x + r * stride + c, kColumnPrefetch);
        CopyLanes(x + r * stride + c, tile + r * kLaneCount);
      }
      Body::ColumnStates(params, tile, rows, kLaneCount, states.From(c));
    }
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

// The same of kLaneCount columns side by side, a context a vector of columns.
template <template <class> class Op, class T>
HWY_INLINE void ColumnLeaves(const T* x, size_t rows, size_t stride,
                             const typename Op<Lanes64>::Context (&context)[kVectors], Op<Lanes64> (&acc)[kVectors]) {
  TREDUCE_UNROLL
  for (size_t v = 0; v < kVectors; ++v) acc[v] = Op<Lanes64>::Init();
  for (size_t r = 0; r < rows; ++r, x += stride) {
    AccumulateEach<Op, kVectors>(acc, x, kLanes64, [&](size_t v) HWY_ATTR { return context[v]; });
  }
}

// ColumnStates of a Body, one vector of columns after the other.
template <class Body, class T>
HWY_INLINE void EachColumnState(const FoldParams& params, const T* x, size_t rows, size_t stride, States states) {
  for (size_t v = 0; v < kLaneCount; v += kLanes64) {
    StoreState(Body::template ColumnState<Lanes64>(params, x + v, rows, stride), states, v);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#endif  // TREDUCE_FOLD_SIMD_LEAF_INL_H_
