// The folds of complex elements: KernelFolds, as folds-inl.h says it, of the arithmetic of fold/ops/complex-inl.h.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_FOLDS_COMPLEX_INL_H_
#define TREDUCE_SERVER_ENGINE_CUDA_FOLDS_COMPLEX_INL_H_

#include "server/engine/cuda/folds-inl.h"
#include "server/engine/fold/ops/complex-inl.h"

namespace treduce::cuda {

// Elements that a thread reads before it folds them.
template <class T>
inline constexpr int kComplexBatch = static_cast<int>(64 / sizeof(T));

// Calls body(x) for each element of this thread, in ascending order; kBatch of them are read at a time. The tile's own
// Each would repeat `body` more often than compilers, and registers, can bear.
template <int kBatch, class Tile, class Body>
TREDUCE_DEVICE_FUNCTION void EachComplex(const Tile& tile, Body body) {
  int64_t stride = kWarpSize;
  int count = (tile.size - Lane() + kWarpSize - 1) / kWarpSize;
  if constexpr (!Tile::kIsRow) {
    stride = tile.stride;
    count = tile.size;
  }
  TREDUCE_UNROLL_BY(1)
  for (int i = 0; i < count; i += kBatch) {
    std::remove_cvref_t<decltype(*tile.x)> own[kBatch];
    TREDUCE_UNROLL
    for (int k = 0; k < kBatch; ++k) {
      if (i + k < count) own[k] = tile.x[(i + k) * stride];
    }
    TREDUCE_UNROLL
    for (int k = 0; k < kBatch; ++k) {
      if (i + k < count) body(own[k]);
    }
  }
}

template <class T>
struct ComplexCountFold : WordFold<ComplexCountFold<T>> {
  static TREDUCE_DEVICE_FUNCTION Word1 Init() { return {{0}}; }
  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION void Extend(Word1& state, const Tile& tile, const FoldParams&) {
    int count = 0;
    EachComplex<kComplexBatch<T>>(tile, [&](T x) { count += IsNotZero(x.re) || IsNotZero(x.im) ? 1 : 0; });
    state.f[0] += count;
  }
  static TREDUCE_DEVICE_FUNCTION void Merge(Word1& left, const Word1& right, const FoldParams&) {
    left.f[0] += right.f[0];
  }
};

template <class T>
struct ComplexProductFold {
  using State = ops::ComplexProduct;
  static TREDUCE_DEVICE_FUNCTION State Init() { return State::Init(); }
  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION State OfLeaf(const Tile& tile, const FoldParams& params) {
    State state = Init();
    Extend(state, tile, params);
    return tile.Join(state, MergeOp());
  }
  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION void Extend(State& state, const Tile& tile, const FoldParams&) {
    EachComplex<kComplexBatch<T>>(tile, [&](T x) { state.Accumulate({x.re, x.im}); });
  }
  static TREDUCE_DEVICE_FUNCTION void Merge(State& left, const State& right, const FoldParams&) { left.Merge(right); }
};

template <class T>
struct ComplexLogSumExpFold {
  using State = ops::ComplexLogSumExp;
  static TREDUCE_DEVICE_FUNCTION State Init() { return State::Init(); }
  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION State OfLeaf(const Tile& tile, const FoldParams&) {
    using Sum = ops::ComplexExpSum;
    auto own = ops::Largest<double>::Init();
    EachComplex<kComplexBatch<T>>(tile, [&](T x) { own.Accumulate(x.re, {}); });
    // Never NaN. Where it is zero, its sign makes no difference.
    const double largest = tile.Max(own.f[0]);
    Sum sum = Sum::Init();
    EachComplex<1>(tile, [&](T x) { sum.Accumulate({x.re, x.im}, largest); });
    sum = tile.Join(sum, MergeOp());
    return {{largest, sum.f[0], sum.f[1]}};
  }
  // A tile is a leaf, so that no more follow.
  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION void Extend(State&, const Tile&, const FoldParams&) {}
  static TREDUCE_DEVICE_FUNCTION void Merge(State& left, const State& right, const FoldParams&) { left.Merge(right); }
};

template <ComplexElement T, FoldSet kSet, class Body>
TREDUCE_DEVICE_FUNCTION void VisitFold(FoldKind kind, Body body) {
  if (kind == FoldKind::kProduct) return body(ComplexProductFold<T>());
  if (kind == FoldKind::kLogSumExp) return body(ComplexLogSumExpFold<T>());
  body(ComplexCountFold<T>());
}

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_FOLDS_COMPLEX_INL_H_
