// MAX, MIN, AMAX, AMIN, AMINMAX, ARGMAX, ARGMIN and the infinity norms, on integer order keys.
//
// The key of an element is an integer that orders as the elements do: -0.0 and +0.0 share one, NaN has the largest. The
// smallest element is found as the largest inverted key, so that NaN wins there too. Since integers have one order, it
// does not matter in which the elements are looked at.
#if defined(TREDUCE_FOLD_SIMD_ORDER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TREDUCE_FOLD_SIMD_ORDER_INL_H_
#undef TREDUCE_FOLD_SIMD_ORDER_INL_H_
#else
#define TREDUCE_FOLD_SIMD_ORDER_INL_H_
#endif

#include "server/engine/fold/simd/any_order-inl.h"
#include "server/engine/fold/simd/order_key-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

// Stands in for the key of a floating point number where only values matter: as cheap as can be, it tells zeros and
// NaNs apart, but orders as the key does. The bits of a number, the magnitude inverted when negative, compare as signed
// integers with the NaNs at both ends; a rotation takes those at the lower end to the upper one.
template <class T, Order kOrder>
struct QuickKey {
  using Key = OrderKey<T, kOrder>;
  using Lane = typename Key::Type;
  static constexpr Lane kMax = std::numeric_limits<Lane>::max();
  static constexpr Lane kInfinity = KeyBits<T>::kInfinity;
  // Of the rotation; what is to be small is subtracted from it.
  static constexpr Lane kOffset = static_cast<Lane>(kInfinity - kMax - (Key::kSmall ? 1 : 0));

  template <class D>
  static HWY_INLINE hn::Vec<D> Of(D d, hn::Vec<D> bits) {
    if constexpr (Key::kMagnitude) {
      bits = hn::And(bits, hn::Set(d, kMax));
      if constexpr (!Key::kSmall) return bits;
    } else {
      bits = hn::Xor(bits, hn::And(hn::BroadcastSignBit(bits), hn::Set(d, kMax)));
    }
    return Key::kSmall ? hn::Sub(hn::Set(d, kOffset), bits) : hn::Add(bits, hn::Set(d, kOffset));
  }

  static constexpr int64_t ToKey(int64_t wide) {
    using Unsigned = std::make_unsigned_t<Lane>;
    if constexpr (Key::kMagnitude && !Key::kSmall) {
      return Key::Of(static_cast<Lane>(wide));
    } else {
      const auto quick = static_cast<Unsigned>(wide);
      const auto offset = static_cast<Unsigned>(kOffset);
      const auto ordered = static_cast<Lane>(static_cast<Unsigned>(Key::kSmall ? offset - quick : quick - offset));
      if constexpr (Key::kMagnitude) return Key::Of(ordered);
      return Key::Of(static_cast<Lane>(ordered ^ ((ordered >> std::numeric_limits<Lane>::digits) & kMax)));
    }
  }
};

// The largest key, and with an index that of its first occurrence.
template <class T, Order kOrder, bool kIndex>
struct LargestKey {
  using Element = T;
  using Lane = typename KeyBits<T>::Type;
  static constexpr Lane kIdentity = std::numeric_limits<Lane>::min();
  // Row numbers are counted in lanes.
  static constexpr size_t kCapacity = kIndex && sizeof(Lane) < 4 ? size_t{1} << (8 * sizeof(Lane)) : size_t{1} << 32;
  static constexpr bool kWithIndex = kIndex;
  static constexpr bool kIsQuick = FloatKey<T> && !kIndex;

  template <class D>
  static HWY_INLINE hn::Vec<D> Of(D d, const T* p) {
    const auto bits = hn::LoadU(d, reinterpret_cast<const Lane*>(p));
    if constexpr (kIsQuick) {
      return QuickKey<T, kOrder>::Of(d, bits);
    } else {
      return KeysOf<T, kOrder>(d, bits);
    }
  }
  template <class V>
  static HWY_INLINE V Join(V a, V b) {
    return hn::Max(a, b);
  }
  static HWY_INLINE int64_t ToState(int64_t lane) {
    if constexpr (kIsQuick) {
      return QuickKey<T, kOrder>::ToKey(lane);
    } else {
      return lane;
    }
  }
  static HWY_INLINE int64_t JoinWords(int64_t a, int64_t b) { return std::max(a, b); }
};

// The smallest and the largest element, as states of the two folds side by side: long rows are read once for both.
template <class T>
struct MinMaxFold {
  using LowBody = LargestKey<T, Order::kSmallest, false>;
  using HighBody = LargestKey<T, Order::kLargest, false>;
  using Low = AnyOrderFold<LowBody>;
  using High = AnyOrderFold<HighBody>;
  static constexpr size_t kStep = Low::kChains * Low::kLanes;
  // Where joining the lanes of each row apart takes no time beside reading it.
  static constexpr size_t kLong = 8 * kStep;

  static void Init(States out, size_t count) {
    Low::Init(out, count);
    High::Init(out.FromWord(1), count);
  }

  template <class Fold>
  static HWY_INLINE int64_t Joined(typename Fold::V lanes) {
    HWY_ALIGN int64_t words[Fold::kWordLanes];
    hn::Store(Fold::Widen(typename Fold::D(), lanes), typename Fold::DW(), words);
    return *std::max_element(words, words + Fold::kWordLanes);
  }

  static void Rows(const FoldParams& params, const std::byte* bytes, size_t rows, size_t n, int64_t first, States out) {
    if (n < kLong) {
      Low::Rows(params, bytes, rows, n, first, out);
      return High::Rows(params, bytes, rows, n, first, out.FromWord(1));
    }
    const typename Low::D d;
    const T* x = reinterpret_cast<const T*>(bytes);
    for (size_t k = 0; k < rows; ++k, x += n) {
      typename Low::V low[Low::kChains], high[Low::kChains];
      TREDUCE_UNROLL
      for (size_t u = 0; u < Low::kChains; ++u) low[u] = high[u] = Low::Identity();
      for (size_t i = 0; i < n; i += kStep) {
        const T* p = x + std::min(i, n - kStep);  // the last may be seen twice
        TREDUCE_UNROLL
        for (size_t u = 0; u < Low::kChains; ++u) {
          low[u] = hn::Max(low[u], LowBody::Of(d, p + u * Low::kLanes));
          high[u] = hn::Max(high[u], HighBody::Of(d, p + u * Low::kLanes));
        }
      }
      TREDUCE_UNROLL
      for (size_t u = 1; u < Low::kChains; ++u) {
        low[0] = hn::Max(low[0], low[u]);
        high[0] = hn::Max(high[0], high[u]);
      }
      out.field<int64_t>(0)[k] = LowBody::ToState(Joined<Low>(low[0]));
      out.field<int64_t>(1)[k] = HighBody::ToState(Joined<High>(high[0]));
    }
  }

  static void Columns(const FoldParams& params, const std::byte* x, size_t rows, size_t columns, size_t stride,
                      int64_t first, States states) {
    Low::Columns(params, x, rows, columns, stride, first, states);
    High::Columns(params, x, rows, columns, stride, first, states.FromWord(1));
  }

  static void Merge(const FoldParams& params, States left, States right, size_t count) {
    Low::Merge(params, left, right, count);
    High::Merge(params, left.FromWord(1), right.FromWord(1), count);
  }

  static const Fold* Get() {
    static constexpr Fold kFold = {2, false, Init, Rows, Columns, Merge, true};
    return &kFold;
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#endif  // TREDUCE_FOLD_SIMD_ORDER_INL_H_
