// PROD of floating point elements, without overflow or underflow on the way: significands are multiplied and exponents
// added apart.
#if defined(TREDUCE_FOLD_SIMD_PRODUCT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TREDUCE_FOLD_SIMD_PRODUCT_INL_H_
#undef TREDUCE_FOLD_SIMD_PRODUCT_INL_H_
#else
#define TREDUCE_FOLD_SIMD_PRODUCT_INL_H_
#endif

#include "server/engine/fold/ops/product-inl.h"
#include "server/engine/fold/simd/leaf-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

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

#endif  // TREDUCE_FOLD_SIMD_PRODUCT_INL_H_
