// MAX, MIN, AMAX, AMIN, AMINMAX, ARGMAX, ARGMIN and the infinity norms, on integer order keys.
//
// The key of an element is an integer that orders as the elements do: -0.0 and +0.0 share one, NaN has the largest. The
// smallest element is found as the largest inverted key, so that NaN wins there too. Since integers have one order, it
// does not matter in which the elements are looked at.
#if defined(TREDUCE_FOLD_OPS_ORDER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TREDUCE_FOLD_OPS_ORDER_INL_H_
#undef TREDUCE_FOLD_OPS_ORDER_INL_H_
#else
#define TREDUCE_FOLD_OPS_ORDER_INL_H_
#endif

#include "server/engine/fold/leaf-inl.h"
#include "server/engine/fold/order_key.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

// Largest key of `n` elements.
template <class Key>
HWY_INLINE typename Key::Type LargestKey(const typename Key::Type* bits, size_t n) {
  auto largest = std::numeric_limits<typename Key::Type>::min();
  for (size_t i = 0; i < n; ++i) largest = std::max(largest, Key::Of(LoadScalar(bits + i)));
  return largest;
}

// Index of the first element with this key. REQUIRES: there is one.
template <class Key>
HWY_INLINE size_t FirstWithKey(const typename Key::Type* bits, size_t n, typename Key::Type key) {
  constexpr size_t kBlock = 64;
  size_t i = 0;
  for (; i + kBlock <= n; i += kBlock) {
    unsigned found = 0;
    for (size_t j = 0; j < kBlock; ++j) found |= Key::Of(LoadScalar(bits + i + j)) == key ? 1u : 0u;
    if (found != 0) break;
  }
  while (Key::Of(LoadScalar(bits + i)) != key) ++i;
  return i;
}

// Word 0 is the largest key as an int64_t; with an index, word 1 is that of its first occurrence.
template <class Key, bool kWithIndex>
struct OrderFold {
  using T = typename Key::Type;

  static void Init(States out, size_t count) {
    for (size_t k = 0; k < count; ++k) {
      out.field<int64_t>(0)[k] = std::numeric_limits<int64_t>::min();
      if constexpr (kWithIndex) out.field<int64_t>(1)[k] = -1;
    }
  }

  static void Rows(const FoldParams&, const std::byte* bytes, size_t rows, size_t n, int64_t first, States out) {
    for (size_t k = 0; k < rows; ++k) {
      const T* x = reinterpret_cast<const T*>(bytes) + k * n;
      const auto largest = LargestKey<Key>(x, n);
      out.field<int64_t>(0)[k] = Widen(largest);
      if constexpr (kWithIndex) {
        out.field<int64_t>(1)[k] = first + static_cast<int64_t>(FirstWithKey<Key>(x, n, largest));
      }
    }
  }

  static void Columns(const FoldParams&, const std::byte* bytes, size_t rows, size_t columns, size_t stride,
                      int64_t first, States states) {
    int64_t* HWY_RESTRICT largest = states.field<int64_t>(0);
    for (size_t r = 0; r < rows; ++r) {
      const T* x = reinterpret_cast<const T*>(bytes) + r * stride;
      if constexpr (kWithIndex) {
        int64_t* HWY_RESTRICT index = states.field<int64_t>(1);
        const int64_t row = first + static_cast<int64_t>(r);
        for (size_t c = 0; c < columns; ++c) {
          const int64_t key = Widen(Key::Of(LoadScalar(x + c)));
          // The first element of all may have the smallest key there is.
          const bool larger = key > largest[c] || index[c] < 0;
          largest[c] = larger ? key : largest[c];
          index[c] = larger ? row : index[c];
        }
      } else {
        for (size_t c = 0; c < columns; ++c) largest[c] = std::max(largest[c], Widen(Key::Of(LoadScalar(x + c))));
      }
    }
  }

  static void Merge(const FoldParams&, States left, States right, size_t count) {
    int64_t* HWY_RESTRICT l = left.field<int64_t>(0);
    const int64_t* HWY_RESTRICT r = right.field<int64_t>(0);
    for (size_t k = 0; k < count; ++k) {
      if constexpr (kWithIndex) {
        if (r[k] > l[k]) left.field<int64_t>(1)[k] = right.field<int64_t>(1)[k];
      }
      l[k] = std::max(l[k], r[k]);
    }
  }

  static const Fold* Get() {
    static constexpr Fold kFold = {kWithIndex ? 2 : 1, false, Init, Rows, Columns, Merge};
    return &kFold;
  }

 private:
  static HWY_INLINE int64_t Widen(typename Key::Type key) { return static_cast<int64_t>(key); }
};

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#endif  // TREDUCE_FOLD_OPS_ORDER_INL_H_
