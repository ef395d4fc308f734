// PROD of floating point elements, without overflow or underflow on the way: significands are multiplied and exponents
// added apart.
#if defined(TREDUCE_FOLD_OPS_PRODUCT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TREDUCE_FOLD_OPS_PRODUCT_INL_H_
#undef TREDUCE_FOLD_OPS_PRODUCT_INL_H_
#else
#define TREDUCE_FOLD_OPS_PRODUCT_INL_H_
#endif

#include "server/engine/fold/leaf-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

// x = significand * 2^exponent with 1 <= |significand| < 2; zeros, infinities and NaN stay as they are, with exponent
// 0. REQUIRES: x is not subnormal.
HWY_INLINE void SplitNormal(double x, double& significand, double& exponent) {
  const uint64_t bits = std::bit_cast<uint64_t>(x);
  const uint64_t biased = bits >> 52 & 0x7FF;
  const bool special = biased == 0x7FF || x == 0;
  significand = special ? x : std::bit_cast<double>((bits & 0x800FFFFFFFFFFFFFu) | 0x3FF0000000000000u);
  exponent = special ? 0.0 : static_cast<double>(static_cast<int64_t>(biased)) - 1023.0;
}

HWY_INLINE void SplitNormal(Lanes64 x, Lanes64& significand, Lanes64& exponent) {
  const hn::RebindToUnsigned<D64> du;
  const auto bits = hn::BitCast(du, x);
  const auto exponent_bits = hn::And(bits, hn::Set(du, uint64_t{0x7FF} << 52));
  const auto special = hn::Or(Eq(x, Broadcast<Lanes64>(0.0)),
                              hn::RebindMask(D64(), hn::Eq(exponent_bits, hn::Set(du, uint64_t{0x7FF} << 52))));
  const auto one = hn::Set(du, uint64_t{0x3FF} << 52);
  significand =
      IfThenElse(special, x, hn::BitCast(D64(), hn::Or(hn::And(bits, hn::Set(du, 0x800FFFFFFFFFFFFFu)), one)));
  // The integer as the low bits of 2^52 is a double 2^52 too large.
  const auto biased = hn::BitCast(D64(), hn::Or(hn::ShiftRight<52>(exponent_bits), hn::Set(du, uint64_t{0x433} << 52)));
  exponent = IfThenElse(special, Broadcast<Lanes64>(0.0), biased - Broadcast<Lanes64>(0x1p52 + 1023.0));
}

// The product is f[0] * 2^f[1].
template <class V>
struct Product {
  static constexpr int kFieldCount = 2;
  using Context = NoContext<V>;
  V f[kFieldCount];

  static HWY_INLINE Product Init() { return {{Broadcast<V>(1.0), Broadcast<V>(0.0)}}; }

  // Up to kColumnLeaf significands below 2 are multiplied before a Merge brings the product back below 2.
  HWY_INLINE void Accumulate(V x, const Context&) {
    V significand, exponent;
    SplitNormal(x, significand, exponent);
    f[0] = f[0] * significand;
    f[1] = f[1] + exponent;
  }

  HWY_INLINE void Merge(const Product& right) {
    V left_significand, left_exponent, right_significand, right_exponent;
    SplitNormal(f[0], left_significand, left_exponent);
    SplitNormal(right.f[0], right_significand, right_exponent);
    f[0] = left_significand * right_significand;
    f[1] = (f[1] + left_exponent) + (right.f[1] + right_exponent);
  }
};

// For f64 elements, which may be subnormal.
template <class V>
struct WideProduct : Product<V> {
  static HWY_INLINE WideProduct Init() { return {Product<V>::Init()}; }

  HWY_INLINE void Accumulate(V x, const typename Product<V>::Context& context) {
    const auto tiny = Lt(Abs(x), Broadcast<V>(0x1p-1022));
    Product<V>::Accumulate(IfThenElse(tiny, x * Broadcast<V>(0x1p54), x), context);
    this->f[1] = this->f[1] - IfThenElse(tiny, Broadcast<V>(54.0), Broadcast<V>(0.0));
  }
};

// Elements narrower than f64 are multiplied as they are, as many as cannot overflow or underflow: to scale the factors
// by powers of two would scale all products alike, and round none of them differently.
template <class T>
struct ProductBody {
  using Element = T;
  template <class V>
  using Op = std::conditional_t<std::is_same_v<T, double>, WideProduct<V>, Product<V>>;

  static HWY_INLINE Op<Lanes64> Rows(const T* x, size_t rows, size_t n, const T* end) {
    if (std::is_same_v<T, double> || n <= kLanes64) {
      return FoldRows<Op>(x, rows, n, end);
    } else {
      return JoinedRows<Op<Lanes64>>(x, rows, n,
                                     [&](size_t, const T* row) HWY_ATTR { return MultiplyRow(row, n, end); });
    }
  }

  static HWY_INLINE bool Columns(const T* x, size_t rows, size_t stride, States states) {
    if constexpr (std::is_same_v<T, double>) {
      return false;
    } else {
      for (size_t v = 0; v < kLaneCount; v += kLanes64) {
        Product<Lanes64> state = LoadState<Product<Lanes64>>(states, v);
        for (size_t r = 0; r < rows; r += kPlain) {
          Renormalise(state);
          for (size_t i = r; i < std::min(rows, r + kPlain); ++i) {
            state.f[0] = state.f[0] * Decode<Lanes64>::Load(x + i * stride + v);
          }
        }
        Renormalise(state);
        StoreState(state, states, v);
      }
      return true;
    }
  }

 private:
  // Factors that a product below 2 can be multiplied with: f16 elements are 2^-24 and more and below 2^16, the others
  // 2^-149 and more and below 2^128.
  static constexpr size_t kPlain = std::is_same_v<T, Float16> ? 32 : 6;

  static HWY_INLINE void Renormalise(Product<Lanes64>& product) {
    Lanes64 exponent;
    SplitNormal(product.f[0], product.f[0], exponent);
    product.f[1] = product.f[1] + exponent;
  }

  // As FoldRow.
  static HWY_INLINE Op<Lanes64> MultiplyRow(const T* x, size_t n, const T* end) {
    Op<Lanes64> acc[kVectors];
    TREDUCE_UNROLL
    for (size_t v = 0; v < kVectors; ++v) acc[v] = Op<Lanes64>::Init();
    size_t i = 0;
    for (; i + kPlain * kLaneCount <= n; i += kPlain * kLaneCount) {
      for (size_t j = i; j < i + kPlain * kLaneCount; j += kLaneCount) {
        PrefetchAhead(x + j, kRowPrefetch);
        TREDUCE_UNROLL
        for (size_t v = 0; v < kVectors; ++v) acc[v].f[0] = acc[v].f[0] * Decode<Lanes64>::Load(x + j + v * kLanes64);
      }
      TREDUCE_UNROLL
      for (size_t v = 0; v < kVectors; ++v) Renormalise(acc[v]);
    }
    for (; i < n; i += kLaneCount) {
      T copy[kLaneCount];
      const T* block = PaddedTail(x + i, std::min<size_t>(n - i, kLaneCount), end, copy);
      TREDUCE_UNROLL
      for (size_t v = 0; v < kVectors; ++v) {
        if (v * kLanes64 >= n - i) continue;
        const auto has_element = hn::FirstN(D64(), std::min(kLanes64, n - i - v * kLanes64));
        const Lanes64 element = Decode<Lanes64>::Load(block + v * kLanes64);
        acc[v].f[0] = acc[v].f[0] * IfThenElse(has_element, element, Broadcast<Lanes64>(1.0));
      }
    }
    return JoinVectors(acc, n);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#endif  // TREDUCE_FOLD_OPS_PRODUCT_INL_H_
