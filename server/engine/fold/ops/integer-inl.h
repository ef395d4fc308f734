// The folds whose order does not matter: SUM and PROD of integers, which wrap in 64 bits, and the number of non-zero
// elements, which COUNT_NONZERO, ALL, ANY and the norm of order 0 come from.
#if defined(TREDUCE_FOLD_OPS_INTEGER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TREDUCE_FOLD_OPS_INTEGER_INL_H_
#undef TREDUCE_FOLD_OPS_INTEGER_INL_H_
#else
#define TREDUCE_FOLD_OPS_INTEGER_INL_H_
#endif

#include "server/engine/fold/leaf-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

// Arithmetic is that of uint64_t, whose overflow is defined to wrap.
template <class T>
HWY_INLINE uint64_t ToWord(T x) {
  if constexpr (std::is_same_v<T, Bool>) {
    return x.byte != 0;
  } else {
    return static_cast<uint64_t>(static_cast<int64_t>(x));
  }
}

// -0.0 is zero, NaN is not; a complex number is zero if both parts are.
template <class T>
HWY_INLINE bool IsNonZero(T x) {
  if constexpr (std::is_same_v<T, Bool>) {
    return x.byte != 0;
  } else if constexpr (std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>) {
    return (x.bits & 0x7FFF) != 0;
  } else {
    return x != T{};
  }
}

template <class T>
struct IntegerSum {
  using Element = T;
  static constexpr uint64_t kIdentity = 0;
  static HWY_INLINE uint64_t Of(T x) { return ToWord(x); }
  static HWY_INLINE uint64_t Join(uint64_t a, uint64_t b) { return a + b; }
};

template <class T>
struct IntegerProduct {
  using Element = T;
  static constexpr uint64_t kIdentity = 1;
  static HWY_INLINE uint64_t Of(T x) { return ToWord(x); }
  static HWY_INLINE uint64_t Join(uint64_t a, uint64_t b) { return a * b; }
};

template <class T>
struct NonZeroCount {
  using Element = T;
  static constexpr uint64_t kIdentity = 0;
  static HWY_INLINE uint64_t Of(T x) { return IsNonZero(x) ? 1 : 0; }
  static HWY_INLINE uint64_t Join(uint64_t a, uint64_t b) { return a + b; }
};

// The Fold functions of an associative, commutative Join over 64-bit words.
template <class Body>
struct IntegerFold {
  using T = typename Body::Element;

  static void Init(States out, size_t count) { std::fill_n(out.field<uint64_t>(0), count, Body::kIdentity); }

  static void Rows(const FoldParams&, const std::byte* bytes, size_t rows, size_t n, int64_t, States out) {
    for (size_t k = 0; k < rows; ++k) {
      const T* x = reinterpret_cast<const T*>(bytes) + k * n;
      uint64_t word = Body::kIdentity;
      for (size_t i = 0; i < n; ++i) word = Body::Join(word, Body::Of(LoadScalar(x + i)));
      out.field<uint64_t>(0)[k] = word;
    }
  }

  static void Columns(const FoldParams&, const std::byte* bytes, size_t rows, size_t columns, size_t stride, int64_t,
                      States states) {
    uint64_t* HWY_RESTRICT words = states.field<uint64_t>(0);
    for (size_t r = 0; r < rows; ++r) {
      const T* x = reinterpret_cast<const T*>(bytes) + r * stride;
      for (size_t c = 0; c < columns; ++c) words[c] = Body::Join(words[c], Body::Of(LoadScalar(x + c)));
    }
  }

  static void Merge(const FoldParams&, States left, States right, size_t count) {
    uint64_t* HWY_RESTRICT l = left.field<uint64_t>(0);
    const uint64_t* HWY_RESTRICT r = right.field<uint64_t>(0);
    for (size_t k = 0; k < count; ++k) l[k] = Body::Join(l[k], r[k]);
  }

  static const Fold* Get() {
    static constexpr Fold kFold = {1, false, Init, Rows, Columns, Merge};
    return &kFold;
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#endif  // TREDUCE_FOLD_OPS_INTEGER_INL_H_
