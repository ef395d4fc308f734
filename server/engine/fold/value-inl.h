// The value type V that ops are written over, once for all: a plain double, on a CPU or in a CUDA kernel, or a SIMD
// vector of doubles. An expression over V reads like scalar arithmetic and rounds the same everywhere; no fused
// multiply-add, no reassociation.
//
// An op is a template over the value type V, with its state in `V f[kFieldCount]`:
//   Context                         what Accumulate needs besides the element; empty for most
//   static Op Init()                the state of no elements
//   void Accumulate(V x, Context)   one more element
//   void Merge(const Op& right)     the elements of `right` follow those of this state
//
// And the decoders that widen f32, f16 and bf16 elements to V, exactly.
#if defined(TREDUCE_FOLD_VALUE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TREDUCE_FOLD_VALUE_INL_H_
#undef TREDUCE_FOLD_VALUE_INL_H_
#else
#define TREDUCE_FOLD_VALUE_INL_H_
#endif

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

#include "server/engine/values/element.h"
#ifdef TREDUCE_DEVICE
#include "server/engine/fold/device.h"
#else
#include "hwy/highway.h"
#endif

// Unrolls the loop that follows. GCC at -O2 keeps an array of vectors in memory unless the loops over it are unrolled:
// 2 to 3 times slower. Under sanitizers, unrolled loops take minutes to compile.
#ifndef TREDUCE_UNROLL
#ifdef __CUDACC__
#define TREDUCE_UNROLL _Pragma("unroll")
#elif defined(TREDUCE_NO_UNROLL)
#define TREDUCE_UNROLL
#else
#define TREDUCE_UNROLL _Pragma("GCC unroll 32")
#endif
#endif

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

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

// The larger of x and `lowest`; NaN if x is.
HWY_INLINE double AtLeast(double lowest, double x) { return x < lowest ? lowest : x; }

// --- The bits of V, as uint64_t or lanes of it; these have +, -, & and |.

HWY_INLINE uint64_t ToBits(double x) { return std::bit_cast<uint64_t>(x); }
HWY_INLINE double FromBits(uint64_t bits) { return std::bit_cast<double>(bits); }
template <int kBits>
HWY_INLINE uint64_t ShiftLeft(uint64_t bits) {
  return bits << kBits;
}
template <int kBits>
HWY_INLINE uint64_t ShiftRight(uint64_t bits) {
  return bits >> kBits;
}

template <class V>
struct ValueTraits;

template <>
struct ValueTraits<double> {
  static HWY_INLINE double Broadcast(double x) { return x; }
  static HWY_INLINE double Load(const double* p) { return *p; }
  static HWY_INLINE void Store(double v, double* p) { *p = v; }
  static HWY_INLINE bool All(bool mask) { return mask; }
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

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#ifndef TREDUCE_DEVICE
#include "server/engine/fold/simd/lanes-inl.h"  // before what uses it: its functions are not found by ADL
#endif

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

template <class V>
struct NoContext {};

template <class V>
HWY_INLINE V Broadcast(double x) {
  return ValueTraits<V>::Broadcast(x);
}

// The larger; `a` where either is NaN.
template <class V>
HWY_INLINE V LargerOf(V a, V b) {
  return IfThenElse(Gt(b, a), b, a);
}

// s + e == a + b exactly, s the rounded sum (Knuth, The Art of Computer Programming 2, 4.2.2, theorem B).
template <class V>
HWY_INLINE void TwoSum(V a, V b, V& s, V& e) {
  const V sum = a + b;
  const V bb = sum - a;
  e = (a - (sum - bb)) + (b - bb);
  s = sum;
}

template <class V>
using Bits = decltype(ToBits(std::declval<V>()));

template <class V>
HWY_INLINE Bits<V> BroadcastBits(uint64_t bits) {
  return ToBits(Broadcast<V>(std::bit_cast<double>(bits)));
}

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#endif  // TREDUCE_FOLD_VALUE_INL_H_
