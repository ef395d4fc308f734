// The value type V that folds are written over: a plain double, or a SIMD vector of doubles. An expression over V
// reads like scalar arithmetic and rounds the same on every instruction set; no fused multiply-add, no reassociation.
//
// Also the decoders that widen f32, f16 and bf16 elements to V, exactly. With math-inl.h the only files that know SIMD.
#if defined(TREDUCE_FOLD_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TREDUCE_FOLD_LANES_INL_H_
#undef TREDUCE_FOLD_LANES_INL_H_
#else
#define TREDUCE_FOLD_LANES_INL_H_
#endif

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#include "hwy/highway.h"
#include "server/engine/values/element.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// A full vector of doubles, and its lane count where it must be a constant.
using D64 = hn::ScalableTag<double>;
using Lanes64 = hn::Vec<D64>;
inline constexpr size_t kLanes64 = hn::MaxLanes(D64());

// --- V = double. The names are Highway's, so that they mean the same for vectors (found there by ADL). Not Ne, which
// is false for NaN on some targets.

HWY_INLINE bool Eq(double a, double b) { return a == b; }
HWY_INLINE bool Lt(double a, double b) { return a < b; }
HWY_INLINE bool Le(double a, double b) { return a <= b; }
HWY_INLINE bool Gt(double a, double b) { return a > b; }
HWY_INLINE bool Ge(double a, double b) { return a >= b; }
HWY_INLINE bool Or(bool a, bool b) { return a || b; }
HWY_INLINE bool And(bool a, bool b) { return a && b; }
HWY_INLINE bool Not(bool a) { return !a; }
HWY_INLINE double IfThenElse(bool mask, double yes, double no) { return mask ? yes : no; }
HWY_INLINE double Abs(double x) { return std::bit_cast<double>(std::bit_cast<uint64_t>(x) & ~(uint64_t{1} << 63)); }
HWY_INLINE double Sqrt(double x) { return __builtin_sqrt(x); }
HWY_INLINE bool IsNaN(double x) { return x != x; }

template <class V>
struct ValueTraits {
  static HWY_INLINE V Broadcast(double x) { return hn::Set(D64(), x); }
  static HWY_INLINE V Load(const double* p) { return hn::LoadU(D64(), p); }
  static HWY_INLINE void Store(V v, double* p) { hn::StoreU(v, D64(), p); }
  static HWY_INLINE bool All(hn::Mask<D64> mask) { return hn::AllTrue(D64(), mask); }
};

template <>
struct ValueTraits<double> {
  static HWY_INLINE double Broadcast(double x) { return x; }
  static HWY_INLINE double Load(const double* p) { return *p; }
  static HWY_INLINE void Store(double v, double* p) { *p = v; }
  static HWY_INLINE bool All(bool mask) { return mask; }
};

template <class V>
HWY_INLINE V Broadcast(double x) {
  return ValueTraits<V>::Broadcast(x);
}

// The larger; `a` where either is NaN.
template <class V>
HWY_INLINE V LargerOf(V a, V b) {
  return IfThenElse(Gt(b, a), b, a);
}

// The larger of x and `lowest`; NaN if x is.
HWY_INLINE double AtLeast(double lowest, double x) { return x < lowest ? lowest : x; }
HWY_INLINE Lanes64 AtLeast(Lanes64 lowest, Lanes64 x) {
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
  return hn::IfThenElse(hn::Lt(x, lowest), lowest, x);
#else
  return hn::Max(lowest, x);  // of a number and NaN, x86 gives the second, and NEON the NaN
#endif
}

// s + e == a + b exactly, s the rounded sum (Knuth, The Art of Computer Programming 2, 4.2.2, theorem B).
template <class V>
HWY_INLINE void TwoSum(V a, V b, V& s, V& e) {
  const V sum = a + b;
  const V bb = sum - a;
  e = (a - (sum - bb)) + (b - bb);
  s = sum;
}

// --- V = Abreast<Lanes64>: what takes long from end to end takes less for several vectors in lockstep, since a
// processor looks no further ahead than the operations on a few.

inline constexpr size_t kAbreast = 4;

template <class X>
struct Abreast {
  X v[kAbreast];
};

// op of what the arguments have at each place.
template <class F, class... Xs>
HWY_INLINE auto InLockstep(F op, const Abreast<Xs>&... x) {
  return Abreast<decltype(op(x.v[0]...))>{{op(x.v[0]...), op(x.v[1]...), op(x.v[2]...), op(x.v[3]...)}};
}

template <class X>
HWY_INLINE Abreast<X> operator+(const Abreast<X>& a, const Abreast<X>& b) {
  return InLockstep([](X p, X q) HWY_ATTR { return p + q; }, a, b);
}
template <class X>
HWY_INLINE Abreast<X> operator-(const Abreast<X>& a, const Abreast<X>& b) {
  return InLockstep([](X p, X q) HWY_ATTR { return p - q; }, a, b);
}
template <class X>
HWY_INLINE Abreast<X> operator*(const Abreast<X>& a, const Abreast<X>& b) {
  return InLockstep([](X p, X q) HWY_ATTR { return p * q; }, a, b);
}
template <class X>
HWY_INLINE auto Eq(const Abreast<X>& a, const Abreast<X>& b) {
  return InLockstep([](X p, X q) HWY_ATTR { return Eq(p, q); }, a, b);
}
template <class M, class X>
HWY_INLINE Abreast<X> IfThenElse(const Abreast<M>& mask, const Abreast<X>& yes, const Abreast<X>& no) {
  return InLockstep([](M m, X p, X q) HWY_ATTR { return IfThenElse(m, p, q); }, mask, yes, no);
}
template <class X>
HWY_INLINE Abreast<X> AtLeast(const Abreast<X>& lowest, const Abreast<X>& x) {
  return InLockstep([](X p, X q) HWY_ATTR { return AtLeast(p, q); }, lowest, x);
}

template <class X>
struct ValueTraits<Abreast<X>> {
  static HWY_INLINE Abreast<X> Broadcast(double x) {
    const X each = ValueTraits<X>::Broadcast(x);
    return {{each, each, each, each}};
  }
};

// --- Decoding: the next lanes of `p`, which needs no alignment, as V.

template <class T>
HWY_INLINE T LoadScalar(const T* p) {
  T value;
  std::memcpy(&value, p, sizeof(T));
  return value;
}

template <class V>
struct Decode;

template <>
struct Decode<double> {
  static HWY_INLINE double Load(const double* p) { return LoadScalar(p); }
  static HWY_INLINE double Load(const float* p) { return LoadScalar(p); }
  static HWY_INLINE double Load(const Float16* p) { return ToFloat(LoadScalar(p)); }
  static HWY_INLINE double Load(const BFloat16* p) { return ToFloat(LoadScalar(p)); }
};

template <>
struct Decode<Lanes64> {
  using D32 = hn::Rebind<float, D64>;
  using DU32 = hn::Rebind<uint32_t, D64>;
  using DU16 = hn::Rebind<uint16_t, D64>;

  static HWY_INLINE Lanes64 Load(const double* p) { return hn::LoadU(D64(), p); }
  static HWY_INLINE Lanes64 Load(const float* p) { return hn::PromoteTo(D64(), hn::LoadU(D32(), p)); }

  static HWY_INLINE Lanes64 Load(const BFloat16* p) {
    const auto bits = hn::PromoteTo(DU32(), hn::LoadU(DU16(), reinterpret_cast<const uint16_t*>(p)));
    return hn::PromoteTo(D64(), hn::BitCast(D32(), hn::ShiftLeft<16>(bits)));
  }

#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  static HWY_INLINE Lanes64 Load(const Float16* p) {
    const hn::Rebind<hwy::float16_t, D64> d16;
    const auto halves = hn::LoadU(d16, reinterpret_cast<const hwy::float16_t*>(p));
    return hn::PromoteTo(D64(), hn::PromoteTo(D32(), halves));
  }
#else
  // Shifts exponent and significand into place and multiplies by 2^112, which rebiases and normalises exactly.
  static HWY_INLINE Lanes64 Load(const Float16* p) {
    const DU32 u32;
    const auto bits = hn::PromoteTo(u32, hn::LoadU(DU16(), reinterpret_cast<const uint16_t*>(p)));
    const auto magnitude = hn::ShiftLeft<13>(hn::And(bits, hn::Set(u32, 0x7FFFu)));
    const auto sign = hn::ShiftLeft<16>(hn::And(bits, hn::Set(u32, 0x8000u)));
    const auto finite = hn::BitCast(u32, hn::Mul(hn::BitCast(D32(), magnitude), hn::Set(D32(), 0x1p112f)));
    const auto special = hn::Or(magnitude, hn::Set(u32, 0x7F800000u));
    const auto is_special = hn::Gt(hn::BitCast(hn::RebindToSigned<DU32>(), magnitude),
                                   hn::Set(hn::RebindToSigned<DU32>(), (0x7C00 << 13) - 1));
    const auto unsigned_value = hn::IfThenElse(hn::RebindMask(u32, is_special), special, finite);
    return hn::PromoteTo(D64(), hn::BitCast(D32(), hn::Or(unsigned_value, sign)));
  }
#endif
};

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#endif  // TREDUCE_FOLD_LANES_INL_H_
