// V as a SIMD vector of doubles, or as several in lockstep: what value-inl.h, which includes this, says of a double.
#if defined(TREDUCE_FOLD_SIMD_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TREDUCE_FOLD_SIMD_LANES_INL_H_
#undef TREDUCE_FOLD_SIMD_LANES_INL_H_
#else
#define TREDUCE_FOLD_SIMD_LANES_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// A full vector of doubles, and its lane count where it must be a constant.
using D64 = hn::ScalableTag<double>;
using Lanes64 = hn::Vec<D64>;
inline constexpr size_t kLanes64 = hn::MaxLanes(D64());

template <>
struct ValueTraits<Lanes64> {
  static HWY_INLINE Lanes64 Broadcast(double x) { return hn::Set(D64(), x); }
  static HWY_INLINE Lanes64 Load(const double* p) { return hn::LoadU(D64(), p); }
  static HWY_INLINE void Store(Lanes64 v, double* p) { hn::StoreU(v, D64(), p); }
  static HWY_INLINE bool All(hn::Mask<D64> mask) { return hn::AllTrue(D64(), mask); }
};

HWY_INLINE Lanes64 AtLeast(Lanes64 lowest, Lanes64 x) {
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
  return hn::IfThenElse(hn::Lt(x, lowest), lowest, x);
#else
  return hn::Max(lowest, x);  // of a number and NaN, x86 gives the second, and NEON the NaN
#endif
}

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

using BitLanes64 = hn::Vec<hn::RebindToUnsigned<D64>>;
HWY_INLINE BitLanes64 ToBits(Lanes64 v) { return hn::BitCast(hn::RebindToUnsigned<D64>(), v); }
HWY_INLINE Lanes64 FromBits(BitLanes64 bits) { return hn::BitCast(D64(), bits); }

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

template <class X>
HWY_INLINE auto ToBits(const Abreast<X>& v) {
  return InLockstep([](X x) HWY_ATTR { return ToBits(x); }, v);
}
template <class B>
HWY_INLINE auto FromBits(const Abreast<B>& bits) {
  return InLockstep([](B b) HWY_ATTR { return FromBits(b); }, bits);
}
template <int kBits, class B>
HWY_INLINE Abreast<B> ShiftLeft(const Abreast<B>& bits) {
  return InLockstep([](B b) HWY_ATTR { return ShiftLeft<kBits>(b); }, bits);
}

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#endif  // TREDUCE_FOLD_SIMD_LANES_INL_H_
