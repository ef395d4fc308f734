// PROD and LOGSUMEXP of complex elements, in plain doubles: one lane after the other, in the canonical order.
#if defined(TREDUCE_FOLD_SIMD_COMPLEX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TREDUCE_FOLD_SIMD_COMPLEX_INL_H_
#undef TREDUCE_FOLD_SIMD_COMPLEX_INL_H_
#else
#define TREDUCE_FOLD_SIMD_COMPLEX_INL_H_
#endif

#include "server/engine/fold/ops/complex-inl.h"
#include "server/engine/fold/simd/leaf-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

// A leaf of `n` neighbouring elements: element r goes to lane r mod 32; lanes are joined by halves, those without
// elements left out.
template <class Op, class T, class... Context>
HWY_INLINE Op ComplexRowLeaf(const Complex<T>* x, size_t n, Context... context) {
  Op lane[kLaneCount];
  std::fill_n(lane, kLaneCount, Op::Init());
  for (size_t i = 0; i < n; ++i) lane[i % kLaneCount].Accumulate(LoadComplex(x + i), context...);
  for (size_t width = kLaneCount / 2; width > 0; width /= 2) {
    for (size_t l = 0; l < width && l + width < n; ++l) lane[l].Merge(lane[l + width]);
  }
  return lane[0];
}

template <class T>
struct ComplexProductBody {
  using Element = Complex<T>;
  using State = ComplexProduct;
  static constexpr bool kWholeLeaves = false;

  static HWY_INLINE State Row(const Element* x, size_t n) { return ComplexRowLeaf<State>(x, n); }

  static HWY_INLINE void Column(const Element* x, size_t rows, size_t stride, State& state) {
    for (size_t r = 0; r < rows; ++r) state.Accumulate(LoadComplex(x + r * stride));
  }
};

template <class T>
struct ComplexLogSumExpBody {
  using Element = Complex<T>;
  using State = ComplexLogSumExp;
  static constexpr bool kWholeLeaves = true;

  static HWY_INLINE State Row(const Element* x, size_t n) {
    const double largest = LargestRealPart(x, n, 1);
    const auto sum = ComplexRowLeaf<ComplexExpSum>(x, n, largest);
    return {{largest, sum.f[0], sum.f[1]}};
  }

  static HWY_INLINE void Column(const Element* x, size_t rows, size_t stride, State& state) {
    const double largest = LargestRealPart(x, rows, stride);
    auto sum = ComplexExpSum::Init();
    for (size_t r = 0; r < rows; ++r) sum.Accumulate(LoadComplex(x + r * stride), largest);
    state = {{largest, sum.f[0], sum.f[1]}};
  }

 private:
  static HWY_INLINE double LargestRealPart(const Element* x, size_t n, size_t stride) {
    auto largest = Largest<double>::Init();
    for (size_t i = 0; i < n; ++i) largest.Accumulate(LoadComplex(x + i * stride).re, {});
    return largest.f[0];
  }
};

// The Fold functions of `Body`: Element, State, Row(x, n), and Column(x, rows, stride, state), which folds elements
// into a state that has some or, if kWholeLeaves, into one that has none.
template <class Body>
struct ComplexFold {
  using T = typename Body::Element;
  using State = typename Body::State;

  static void Init(States out, size_t count) {
    for (size_t k = 0; k < count; ++k) StoreState(State::Init(), out, k);
  }

  static void Rows(const FoldParams&, const std::byte* x, size_t rows, size_t n, int64_t, States out) {
    for (size_t k = 0; k < rows; ++k) StoreState(Body::Row(reinterpret_cast<const T*>(x) + k * n, n), out, k);
  }

  static void Columns(const FoldParams&, const std::byte* bytes, size_t rows, size_t columns, size_t stride, int64_t,
                      States states) {
    // As for real elements, few rows at a time.
    const size_t row_block = Body::kWholeLeaves ? rows : 8;
    const T* x = reinterpret_cast<const T*>(bytes);
    for (size_t r = 0; r < rows; r += row_block) {
      for (size_t c = 0; c < columns; ++c) {
        State state = LoadState<State>(states, c);
        Body::Column(x + r * stride + c, std::min(row_block, rows - r), stride, state);
        StoreState(state, states, c);
      }
    }
  }

  static void Merge(const FoldParams&, States left, States right, size_t count) {
    for (size_t k = 0; k < count; ++k) {
      State merged = LoadState<State>(left, k);
      merged.Merge(LoadState<State>(right, k));
      StoreState(merged, left, k);
    }
  }

  static const Fold* Get() {
    static constexpr Fold kFold = {State::kFieldCount, Body::kWholeLeaves, Init, Rows, Columns, Merge};
    return &kFold;
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#endif  // TREDUCE_FOLD_SIMD_COMPLEX_INL_H_
