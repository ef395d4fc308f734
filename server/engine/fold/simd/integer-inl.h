// The folds whose order does not matter: SUM and PROD of integers, which wrap in 64 bits, and the number of non-zero
// elements, which COUNT_NONZERO, ALL, ANY and the norm of order 0 come from.
#if defined(TREDUCE_FOLD_SIMD_INTEGER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TREDUCE_FOLD_SIMD_INTEGER_INL_H_
#undef TREDUCE_FOLD_SIMD_INTEGER_INL_H_
#else
#define TREDUCE_FOLD_SIMD_INTEGER_INL_H_
#endif

#include "server/engine/fold/simd/any_order-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

// An integer of `kSize` bytes.
template <size_t kSize, bool kSigned>
using IntegerOfSize = std::conditional_t<kSigned, hwy::SignedFromSize<kSize>, hwy::UnsignedFromSize<kSize>>;

// The next elements, widened to lanes; a bool to 0 or 1.
template <class T, class D>
HWY_INLINE hn::Vec<D> LoadWidened(D d, const T* p) {
  using Bits = std::conditional_t<std::is_same_v<T, Bool>, IntegerOfSize<sizeof(T), false>, T>;
  const hn::Rebind<Bits, D> narrow;
  auto v = hn::LoadU(narrow, reinterpret_cast<const Bits*>(p));
  if constexpr (std::is_same_v<T, Bool>) v = hn::Min(v, hn::Set(narrow, 1));
  if constexpr (sizeof(hn::TFromD<D>) == sizeof(T)) {
    return v;
  } else if constexpr (sizeof(hn::TFromD<D>) == 8 && sizeof(T) < 4) {
    const hn::Rebind<IntegerOfSize<4, std::is_signed_v<Bits>>, D> middle;
    return hn::PromoteTo(d, hn::PromoteTo(middle, v));
  } else {
    return hn::PromoteTo(d, v);
  }
}

// Lanes of twice the width, which hold what many elements add up to; those of 64 bits wrap.
template <class T>
struct IntegerSum {
  using Element = T;
  using Lane = IntegerOfSize<std::min<size_t>(8, 2 * sizeof(T)), std::is_signed_v<T>>;
  static constexpr Lane kIdentity = 0;
  static constexpr size_t kCapacity = (size_t{1} << std::min<size_t>(32, 8 * sizeof(T))) - 1;
  static constexpr bool kWithIndex = false;

  template <class D>
  static HWY_INLINE hn::Vec<D> Of(D d, const T* p) {
    return LoadWidened(d, p);
  }
  template <class V>
  static HWY_INLINE V Join(V a, V b) {
    return hn::Add(a, b);
  }
  template <class Word>
  static HWY_INLINE Word ToState(Word lane) {
    return lane;
  }
  static HWY_INLINE uint64_t JoinWords(uint64_t a, uint64_t b) { return a + b; }
};

template <class T>
struct IntegerProduct {
  using Element = T;
  using Lane = IntegerOfSize<8, std::is_signed_v<T>>;
  static constexpr Lane kIdentity = 1;
  static constexpr size_t kCapacity = size_t{1} << 32;
  static constexpr bool kWithIndex = false;

  template <class D>
  static HWY_INLINE hn::Vec<D> Of(D d, const T* p) {
    return LoadWidened(d, p);
  }
  template <class V>
  static HWY_INLINE V Join(V a, V b) {
    return hn::Mul(a, b);
  }
  template <class Word>
  static HWY_INLINE Word ToState(Word lane) {
    return lane;
  }
  static HWY_INLINE uint64_t JoinWords(uint64_t a, uint64_t b) { return a * b; }
};

// Elements of a kind: their bits, whether -0.0 is one of them, and whether they are pairs, which are zero if both parts
// are. NaN is not zero.
template <class Bits, bool kFloat, bool kComplex = false>
struct NonZeroCount {
  struct Pair {
    Bits parts[2];
  };
  using Element = std::conditional_t<kComplex, Pair, Bits>;
  using Lane = Bits;
  static constexpr Lane kIdentity = 0;
  static constexpr size_t kCapacity = (size_t{1} << std::min<size_t>(32, 8 * sizeof(Bits))) - 1;
  static constexpr bool kWithIndex = false;

  template <class D>
  static HWY_INLINE hn::Vec<D> Of(D d, const Element* p) {
    hn::Vec<D> bits;
    if constexpr (kComplex) {
      hn::Vec<D> imaginary;
      hn::LoadInterleaved2(d, reinterpret_cast<const Bits*>(p), bits, imaginary);  // not aligned
      bits = hn::Or(bits, imaginary);
    } else {
      bits = hn::LoadU(d, p);
    }
    if constexpr (kFloat) bits = hn::Add(bits, bits);  // without the sign
    return hn::IfThenZeroElse(hn::Eq(bits, hn::Zero(d)), hn::Set(d, 1));
  }
  template <class V>
  static HWY_INLINE V Join(V a, V b) {
    return hn::Add(a, b);
  }
  template <class Word>
  static HWY_INLINE Word ToState(Word lane) {
    return lane;
  }
  static HWY_INLINE uint64_t JoinWords(uint64_t a, uint64_t b) { return a + b; }
};

// The number of non-zero elements T.
template <class T>
const Fold* NonZeroCountOf() {
  return AnyOrderFold<
      NonZeroCount<IntegerOfSize<sizeof(T), false>, !std::is_integral_v<T> && !std::is_same_v<T, Bool>>>::Get();
}

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#endif  // TREDUCE_FOLD_SIMD_INTEGER_INL_H_
