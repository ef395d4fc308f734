// PROD and LOGSUMEXP of complex elements, in plain doubles: one lane after the other, in the canonical order.
#if defined(TREDUCE_FOLD_OPS_COMPLEX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TREDUCE_FOLD_OPS_COMPLEX_INL_H_
#undef TREDUCE_FOLD_OPS_COMPLEX_INL_H_
#else
#define TREDUCE_FOLD_OPS_COMPLEX_INL_H_
#endif

#include "server/engine/fold/complex_math-inl.h"
#include "server/engine/fold/ops/logsumexp-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

// An element: two packed floats or doubles.
template <class T>
struct Complex {
  T re;
  T im;

  bool operator==(const Complex&) const = default;
};

template <class T>
HWY_INLINE Complex<double> LoadComplex(const Complex<T>* p) {
  const Complex<T> x = LoadScalar(p);
  return {x.re, x.im};
}

// (f[0] + i f[1]) * 2^f[2]. The larger part is in [2^-500, 2^500] if it is finite and not zero, so that the product of
// two states neither overflows nor underflows; a part below 2^-470 of the other may lose bits. Infinities multiply by
// the formula for finite numbers, as in PyTorch.
struct ComplexProduct {
  static constexpr int kFieldCount = 3;
  double f[kFieldCount];

  static HWY_INLINE ComplexProduct Init() { return {{1.0, 0.0, 0.0}}; }

  HWY_INLINE void Accumulate(Complex<double> x) { Merge(InRange(x.re, x.im, 0.0)); }

  HWY_INLINE void Merge(const ComplexProduct& right) {
    *this = InRange(f[0] * right.f[0] - f[1] * right.f[1], f[0] * right.f[1] + f[1] * right.f[0], f[2] + right.f[2]);
  }

 private:
  static HWY_INLINE ComplexProduct InRange(double re, double im, double exponent) {
    const double larger = LargerOf(Abs(re), Abs(im));
    const double shift = larger > 0x1p500 ? 600.0 : larger < 0x1p-500 ? -600.0 : 0.0;
    const double scale = larger > 0x1p500 ? 0x1p-600 : larger < 0x1p-500 ? 0x1p600 : 1.0;
    return {{re * scale, im * scale, exponent + shift}};
  }
};

// exp(x - largest), where an infinite `largest` counts as 0, as in PyTorch: exp(x) is then 0 or infinite by itself.
HWY_INLINE double ComplexExpWeight(double x, double largest) {
  return Exp(x - (Abs(largest) < std::numeric_limits<double>::infinity() ? largest : 0.0));
}

// The sum of exp(x - largest) for a real `largest`.
struct ComplexExpSum {
  static constexpr int kFieldCount = 2;
  double f[kFieldCount];

  static HWY_INLINE ComplexExpSum Init() { return {{0.0, 0.0}}; }

  HWY_INLINE void Accumulate(Complex<double> x, double largest) {
    const double weight = ComplexExpWeight(x.re, largest);
    const SineAndCosine direction = SinCos(x.im);
    f[0] = f[0] + weight * direction.cosine;
    f[1] = f[1] + weight * direction.sine;
  }

  HWY_INLINE void Merge(const ComplexExpSum& right) {
    f[0] = f[0] + right.f[0];
    f[1] = f[1] + right.f[1];
  }
};

// f[0] is the largest real part, f[1] + i f[2] the sum of exp(x - f[0]).
struct ComplexLogSumExp {
  static constexpr int kFieldCount = 3;
  double f[kFieldCount];

  static HWY_INLINE ComplexLogSumExp Init() { return {{Largest<double>::Init().f[0], 0.0, 0.0}}; }

  HWY_INLINE void Merge(const ComplexLogSumExp& right) {
    const double largest = LargerOf(f[0], right.f[0]);
    const double left_weight = ComplexExpWeight(f[0], largest);
    const double right_weight = ComplexExpWeight(right.f[0], largest);
    f[1] = f[1] * left_weight + right.f[1] * right_weight;
    f[2] = f[2] * left_weight + right.f[2] * right_weight;
    f[0] = largest;
  }
};

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

#endif  // TREDUCE_FOLD_OPS_COMPLEX_INL_H_
