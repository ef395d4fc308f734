// Folds that may look at elements in any order: counts, integers, and order. KernelFolds, as folds-inl.h says it.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_FOLDS_ANY_ORDER_INL_H_
#define TREDUCE_SERVER_ENGINE_CUDA_FOLDS_ANY_ORDER_INL_H_

#include <bit>
#include <limits>
#include <type_traits>

#include "server/engine/cuda/tile-inl.h"
#include "server/engine/fold/order_key.h"

namespace treduce::cuda {

namespace ops = treduce::HWY_NAMESPACE;

template <class T>
inline constexpr bool kIsFloat = FloatKey<T>;

// The elements of type T as integers of as many bits.
template <class T>
using BitsOf = typename KeyBits<T>::Type;

template <class T>
TREDUCE_DEVICE_FUNCTION BitsOf<T> ToBitsOf(T x) {
  return std::bit_cast<BitsOf<T>>(x);
}

template <class T>
TREDUCE_DEVICE_FUNCTION bool IsNotZero(T x) {
  if constexpr (kIsFloat<T>) {
    return static_cast<BitsOf<T>>(ToBitsOf(x) & std::numeric_limits<BitsOf<T>>::max()) != 0;
  } else {
    return ToBitsOf(x) != 0;
  }
}

struct Word1 {
  static constexpr int kFieldCount = 1;
  int64_t f[kFieldCount];
};
struct Word2 {
  static constexpr int kFieldCount = 2;
  int64_t f[kFieldCount];
};

// A fold of single elements to one word.
template <class Fold>
struct WordFold {
  using State = Word1;
  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION State OfLeaf(const Tile& tile, const FoldParams& params) {
    State state = Fold::Init();
    Fold::Extend(state, tile, params);
    return tile.Join(state, [&](State& left, const State& right) { Fold::Merge(left, right, params); });
  }
};

template <class T>
struct CountFold : WordFold<CountFold<T>> {
  using State = Word1;
  static TREDUCE_DEVICE_FUNCTION State Init() { return {{0}}; }
  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION void Extend(State& state, const Tile& tile, const FoldParams&) {
    int count = 0;
    tile.Each([&](T x, int) { count += IsNotZero(x) ? 1 : 0; });
    state.f[0] += count;
  }
  static TREDUCE_DEVICE_FUNCTION void Merge(State& left, const State& right, const FoldParams&) {
    left.f[0] += right.f[0];
  }
};

// Wraps in 64 bits.
template <class T>
struct IntegerSumFold : WordFold<IntegerSumFold<T>> {
  using State = Word1;
  static TREDUCE_DEVICE_FUNCTION State Init() { return {{0}}; }
  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION void Extend(State& state, const Tile& tile, const FoldParams&) {
    // A tile of narrow elements adds up to less than 2^31.
    using Sum = std::conditional_t<(sizeof(T) < 4), int32_t, uint64_t>;
    Sum sum = 0;
    tile.Each([&](T x, int) { sum += static_cast<Sum>(x); });
    state.f[0] = static_cast<int64_t>(static_cast<uint64_t>(state.f[0]) + static_cast<uint64_t>(int64_t(sum)));
  }
  static TREDUCE_DEVICE_FUNCTION void Merge(State& left, const State& right, const FoldParams&) {
    left.f[0] = static_cast<int64_t>(static_cast<uint64_t>(left.f[0]) + static_cast<uint64_t>(right.f[0]));
  }
};

template <class T>
struct IntegerProductFold : WordFold<IntegerProductFold<T>> {
  using State = Word1;
  static TREDUCE_DEVICE_FUNCTION State Init() { return {{1}}; }
  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION void Extend(State& state, const Tile& tile, const FoldParams&) {
    uint64_t product = static_cast<uint64_t>(state.f[0]);
    tile.Each([&](T x, int) {
      if constexpr (std::is_same_v<T, Bool>) {
        product *= x.byte != 0 ? 1 : 0;
      } else {
        product *= static_cast<uint64_t>(x);
      }
    });
    state.f[0] = static_cast<int64_t>(product);
  }
  static TREDUCE_DEVICE_FUNCTION void Merge(State& left, const State& right, const FoldParams&) {
    left.f[0] = static_cast<int64_t>(static_cast<uint64_t>(left.f[0]) * static_cast<uint64_t>(right.f[0]));
  }
};

// Keys are compared in 32 bits where they fit.
template <class T>
using WideKey = std::conditional_t<sizeof(BitsOf<T>) == 8, int64_t, int32_t>;

template <class T, Order kOrder>
TREDUCE_DEVICE_FUNCTION WideKey<T> KeyOf(T x) {
  if constexpr (kIsFloat<T> && sizeof(T) == 2) {
    // OrderKey in 32 bits, which are faster than 16.
    using Key = OrderKey<T, kOrder>;
    const int32_t magnitude = x.bits & 0x7FFF;
    const int32_t sign = Key::kMagnitude ? 0 : -(x.bits >> 15);
    const int32_t key = ((magnitude ^ sign) - sign) ^ (Key::kSmall ? -1 : 0);
    return magnitude > KeyBits<T>::kInfinity ? std::numeric_limits<int16_t>::max() : key;
  } else {
    return OrderKey<T, kOrder>::Of(ToBitsOf(x));
  }
}

template <class T>
inline constexpr int64_t kLowestKey = std::numeric_limits<BitsOf<T>>::min();

template <class T, Order kOrder>
struct OrderFold {
  using State = Word1;
  static TREDUCE_DEVICE_FUNCTION State Init() { return {{kLowestKey<T>}}; }
  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION State OfLeaf(const Tile& tile, const FoldParams&) {
    return {{tile.Max(LargestOf(tile))}};
  }
  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION void Extend(State& state, const Tile& tile, const FoldParams& params) {
    Merge(state, {{LargestOf(tile)}}, params);
  }
  static TREDUCE_DEVICE_FUNCTION void Merge(State& left, const State& right, const FoldParams&) {
    left.f[0] = left.f[0] < right.f[0] ? right.f[0] : left.f[0];
  }

 private:
  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION WideKey<T> LargestOf(const Tile& tile) {
    WideKey<T> largest = kLowestKey<T>;
    tile.Each([&](T x, int) {
      const WideKey<T> key = KeyOf<T, kOrder>(x);
      largest = largest < key ? key : largest;
    });
    return largest;
  }
};

// The integer of an element: in the order of elements, but that zeros of both signs differ, and that NaN are at either
// end.
template <class T>
TREDUCE_DEVICE_FUNCTION WideKey<T> ToOrdered(T x) {
  if constexpr (!kIsFloat<T>) return KeyOf<T, Order::kLargest>(x);
  const WideKey<T> bits = ToBitsOf(x);
  return bits ^ (bits >> (8 * sizeof(T) - 1) & std::numeric_limits<BitsOf<T>>::max());
}

template <class T>
TREDUCE_DEVICE_FUNCTION T OfOrdered(WideKey<T> ordered) {
  if constexpr (!kIsFloat<T>)
    return std::bit_cast<T>(OrderKey<T, Order::kLargest>::Bits(static_cast<BitsOf<T>>(ordered)));
  const auto element = std::bit_cast<T>(static_cast<BitsOf<T>>(ordered));
  return std::bit_cast<T>(static_cast<BitsOf<T>>(ToOrdered(element)));
}

template <class T>
struct MinMaxFold {
  using State = Word2;
  static TREDUCE_DEVICE_FUNCTION State Init() { return {{kLowestKey<T>, kLowestKey<T>}}; }
  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION State OfLeaf(const Tile& tile, const FoldParams&) {
    Ends ends;
    tile.Each([&](T x, int) { ends.Add(x); });
    return OfEnds(tile, ends);
  }
  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION void Extend(State& state, const Tile& tile, const FoldParams& params) {
    Merge(state, OfLeaf(tile, params), params);
  }
  static TREDUCE_DEVICE_FUNCTION void Merge(State& left, const State& right, const FoldParams&) {
    left.f[0] = left.f[0] < right.f[0] ? right.f[0] : left.f[0];
    left.f[1] = left.f[1] < right.f[1] ? right.f[1] : left.f[1];
  }

  // Of the elements of a thread, in the order of ToOrdered.
  struct Ends {
    WideKey<T> lowest = std::numeric_limits<WideKey<T>>::max();
    WideKey<T> highest = std::numeric_limits<WideKey<T>>::min();

    TREDUCE_DEVICE_FUNCTION void Add(T x) {
      const WideKey<T> ordered = ToOrdered(x);
      lowest = ordered < lowest ? ordered : lowest;
      highest = highest < ordered ? ordered : highest;
    }
  };

  // The state of a leaf whose elements are in `ends`. A NaN among them is one of its ends, and has the highest key.
  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION State OfEnds(const Tile& tile, const Ends& ends) {
    const T lowest = OfOrdered<T>(tile.Min(ends.lowest));
    const T highest = OfOrdered<T>(tile.Max(ends.highest));
    State state = {{KeyOf<T, Order::kSmallest>(lowest), KeyOf<T, Order::kLargest>(lowest)}};
    Merge(state, {{KeyOf<T, Order::kSmallest>(highest), KeyOf<T, Order::kLargest>(highest)}}, {});
    return state;
  }
};

// The largest key and the index of its first occurrence; no index where there are no elements.
template <class T, Order kOrder>
struct ArgFold {
  using State = Word2;
  static TREDUCE_DEVICE_FUNCTION State Init() { return {{kLowestKey<T>, -1}}; }
  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION State OfLeaf(const Tile& tile, const FoldParams&) {
    if constexpr (kIsPacked) {
      const Place first = Unpacked(tile.Max(PackedFirstOf(tile)));
      return {{first.key, tile.first + first.position}};
    }
    const Place own = FirstOf(tile);
    const WideKey<T> largest = tile.Max(own.key);
    return {{largest, tile.first + tile.Min(own.key == largest ? own.position : kNowhere)}};
  }
  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION void Extend(State& state, const Tile& tile, const FoldParams&) {
    const Place next = FirstOf(tile);
    if (next.position != kNowhere && (state.f[1] < 0 || next.key > state.f[0])) {
      state = {{next.key, tile.first + next.position}};
    }
  }
  static TREDUCE_DEVICE_FUNCTION void Merge(State& left, const State& right, const FoldParams&) {
    // Threads that take rows in turn (kernels-inl.h) are not in the order of their elements.
    const bool is_before = sizeof(T) <= 2 && right.f[0] == left.f[0] && right.f[1] < left.f[1];
    if (right.f[0] > left.f[0] || is_before) left = right;
  }

 private:
  static constexpr uint32_t kNowhere = std::numeric_limits<uint32_t>::max();
  struct Place {
    WideKey<T> key;
    uint32_t position;  // in the leaf
  };
  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION Place FirstOf(const Tile& tile) {
    if constexpr (kIsPacked) return Unpacked(PackedFirstOf(tile));
    Place first = {kLowestKey<T>, kNowhere};
    tile.Each([&](T x, int position) {
      const WideKey<T> key = KeyOf<T, kOrder>(x);
      const bool is_first = key > first.key || first.position == kNowhere;
      first = {is_first ? key : first.key, is_first ? static_cast<uint32_t>(position) : first.position};
    });
    return first;
  }

  // A narrow key above its position, counted backwards, in one word.
  static constexpr bool kIsPacked = sizeof(T) <= 2;
  static constexpr int32_t kLastPosition = 0xFFFF;
  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION int32_t PackedFirstOf(const Tile& tile) {
    int32_t first = std::numeric_limits<int32_t>::min();  // below any of an element
    tile.Each([&](T x, int position) {
      const int32_t place = KeyOf<T, kOrder>(x) * (kLastPosition + 1) + (kLastPosition - position);
      first = first < place ? place : first;
    });
    return first;
  }
  static TREDUCE_DEVICE_FUNCTION Place Unpacked(int32_t place) {
    const bool is_nowhere = place == std::numeric_limits<int32_t>::min();
    return {static_cast<WideKey<T>>(place >> 16),
            is_nowhere ? kNowhere : static_cast<uint32_t>(kLastPosition - (place & kLastPosition))};
  }
};

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_FOLDS_ANY_ORDER_INL_H_
