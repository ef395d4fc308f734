// Order keys (order_key.h) of vectors of elements.
#if defined(TREDUCE_FOLD_SIMD_ORDER_KEY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TREDUCE_FOLD_SIMD_ORDER_KEY_INL_H_
#undef TREDUCE_FOLD_SIMD_ORDER_KEY_INL_H_
#else
#define TREDUCE_FOLD_SIMD_ORDER_KEY_INL_H_
#endif

#include <limits>
#include <type_traits>

#include "hwy/highway.h"
#include "server/engine/fold/order_key.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// The keys of elements T given by their bits.
template <class T, Order kOrder, class D>
HWY_INLINE hn::Vec<D> KeysOf(D d, hn::Vec<D> bits) {
  using Lane = hn::TFromD<D>;
  using Key = OrderKey<T, kOrder>;
  constexpr Lane kMin = std::numeric_limits<Lane>::min();
  constexpr Lane kMax = std::numeric_limits<Lane>::max();
  if constexpr (FloatKey<T>) {
    const auto magnitude = hn::And(bits, hn::Set(d, kMax));
    auto key = magnitude;
    if constexpr (!Key::kMagnitude) {
      const auto sign = hn::BroadcastSignBit(bits);
      key = hn::Sub(hn::Xor(magnitude, sign), sign);
    }
    if constexpr (Key::kSmall) key = hn::Xor(key, hn::Set(d, Lane{-1}));
    return hn::IfThenElse(hn::Gt(magnitude, hn::Set(d, KeyBits<T>::kInfinity)), hn::Set(d, kMax), key);
  } else if constexpr (std::is_same_v<T, Bool>) {
    constexpr Lane kZero = Key::Of(0);
    return hn::IfThenElse(hn::Eq(bits, hn::Zero(d)), hn::Set(d, kZero), hn::Set(d, Key::Of(1)));
  } else {
    constexpr Lane kFlipped = static_cast<Lane>((std::is_unsigned_v<T> ? kMin : 0) ^ (Key::kSmall ? -1 : 0));
    return kFlipped == 0 ? bits : hn::Xor(bits, hn::Set(d, kFlipped));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#endif  // TREDUCE_FOLD_SIMD_ORDER_KEY_INL_H_
