// The folds as kernels run them: the arithmetic of fold/ops/ over the tiles of tile-inl.h. KernelFold<T, kind> has
//   State                            its words f[kFieldCount]: doubles, or int64_t
//   Init()                           the state of no elements
//   OfLeaf(tile, params)             the state of a leaf that a row tile, or a column tile, holds whole
//   Extend(state, tile, params)      the same of a column leaf so far, and the rows of one more tile
//   Merge(left, right, params)
// to the bits of the Fold of the same kind (fold/fold.h). With a row tile, only its first thread gets the state.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_FOLDS_INL_H_
#define TREDUCE_SERVER_ENGINE_CUDA_FOLDS_INL_H_

#include <bit>
#include <limits>
#include <type_traits>

#include "server/engine/cuda/fold_set.h"
#include "server/engine/cuda/pass_spec.h"
#include "server/engine/cuda/tile-inl.h"
#include "server/engine/fold/ops/logsumexp-inl.h"
#include "server/engine/fold/ops/moments-inl.h"
#include "server/engine/fold/ops/power_sum-inl.h"
#include "server/engine/fold/ops/product-inl.h"
#include "server/engine/fold/ops/square_sum-inl.h"
#include "server/engine/fold/ops/sum-inl.h"
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

// --- Folds of any order.

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

// --- Folds in the canonical order, of f32, f64, f16 and bf16.

// Of single elements: an op as it is.
template <template <class> class OpOf>
struct OpFold {
  using State = OpOf<double>;
  static TREDUCE_DEVICE_FUNCTION State Init() { return State::Init(); }
  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION State OfLeaf(const Tile& tile, const FoldParams&) {
    return tile.template Fold<OpOf>();
  }
  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION void Extend(State& state, const Tile& tile, const FoldParams&) {
    tile.Each([&](auto x, int) { state.Accumulate(ToDouble(x), {}); });
  }
  static TREDUCE_DEVICE_FUNCTION void Merge(State& left, const State& right, const FoldParams&) { left.Merge(right); }
};

// The binary exponents of f32 or bf16 elements, to tell whether their sum is exact in binary64 (fold/simd/sum-inl.h).
template <class T>
struct ExponentRange {
  static constexpr int kFraction = sizeof(T) == 4 ? 23 : 7;
  static constexpr uint32_t kInfinity = uint32_t{0xFF} << kFraction;
  static constexpr int kHeadroom = 53 - (kFraction + 1) - 10;

  uint32_t largest = 0;
  uint32_t smallest = ~uint32_t{0};  // less one, so that zeros wrap around

  TREDUCE_DEVICE_FUNCTION void Add(T x) {
    const uint32_t magnitude = static_cast<uint32_t>(ToBitsOf(x)) & (kInfinity | (kInfinity - 1));
    largest = largest < magnitude ? magnitude : largest;
    smallest = magnitude - 1 < smallest ? magnitude - 1 : smallest;
  }
  TREDUCE_DEVICE_FUNCTION int lowest() const { return static_cast<int>((smallest + 1) >> kFraction); }
  // Whether the sum of up to 1024 elements is exact.
  TREDUCE_DEVICE_FUNCTION bool IsExact() const {
    return largest < kInfinity && static_cast<int>(largest >> kFraction) - lowest() <= kHeadroom;
  }
  // Whether they can be added to `sum`, too: it is a multiple of the last bit of the smallest, and not too large.
  TREDUCE_DEVICE_FUNCTION bool HasRoomFor(double sum) const {
    const int from = lowest() > 1 ? lowest() : 1;
    const double unit = std::bit_cast<double>(static_cast<uint64_t>(1023 - 127 - kFraction + from) << 52);
    const double shifter = 0x1.8p52 * unit;  // adding it rounds to a multiple of the unit
    return (sum + shifter) - shifter == sum && ops::Abs(sum) <= 0x1p51 * unit;
  }
};

// Sums of f32, f16 and bf16: plain where they are exact. kCounts: of those that are not NaN, whose number is the last
// word.
template <class T, bool kCounts>
struct SumFold {
  template <class V>
  using Op = std::conditional_t<kCounts, ops::NanSumOf<V, ops::CompensatedSum>, ops::CompensatedSum<V>>;
  using State = Op<double>;

  static TREDUCE_DEVICE_FUNCTION State Init() { return State::Init(); }

  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION State OfLeaf(const Tile& tile, const FoldParams&) {
    Plain plain;
    tile.Each([&](T x, int) { plain.Add(x); });
    return OfPlain(tile, plain);
  }

  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION void Extend(State& state, const Tile& tile, const FoldParams&) {
    Plain plain = {{{state.f[0]}}, {}};
    tile.Each([&](T x, int) { plain.Add(x); });
    if (plain.IsExact(tile, state.f[0])) {
      state.f[0] = plain.sum.f[0];
      if constexpr (kCounts) state.f[3] += tile.size;
    } else {
      tile.Each([&](T x, int) { state.Accumulate(ToDouble(x), {}); });
    }
  }

  static TREDUCE_DEVICE_FUNCTION void Merge(State& left, const State& right, const FoldParams&) { left.Merge(right); }

  // The elements of a thread added as they are.
  struct Plain {
    // Float16: multiples of 2^-24 below 2^16, a thousand of them: 50 bits. Infinities and NaN need no errors kept
    // either.
    static constexpr bool kIsAlwaysExact = std::is_same_v<T, Float16>;
    ops::PlainSum<double> sum = ops::PlainSum<double>::Init();
    ExponentRange<T> range;

    TREDUCE_DEVICE_FUNCTION void Add(T x) {
      sum.f[0] = sum.f[0] + ToDouble(x);
      if constexpr (!kIsAlwaysExact) range.Add(x);
    }
    // Whether no thread lost anything, and met no NaN if these do not count; the first element was added to `before`.
    template <class Tile>
    TREDUCE_DEVICE_FUNCTION bool IsExact(const Tile& tile, double before) const {
      if constexpr (kIsAlwaysExact) return !kCounts || !tile.Any(tile.Max(sum.f[0] == sum.f[0] ? 0 : 1) != 0);
      const ExponentRange<T> all = {tile.Max(range.largest), tile.Min(range.smallest)};
      return !tile.Any(!all.IsExact()) && (Tile::kIsRow || all.HasRoomFor(before));
    }
  };

  // The state of a leaf whose elements are in `plain`.
  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION State OfPlain(const Tile& tile, const Plain& plain) {
    if (!plain.IsExact(tile, 0.0)) return tile.template Fold<Op>();
    State state = Init();
    state.f[0] = tile.Join(plain.sum, MergeOp()).f[0];
    if constexpr (kCounts) state.f[3] = tile.size;
    return state;
  }
};

// Up to kPlain elements can be multiplied as they are, whatever they are (fold/simd/product-inl.h).
template <class T>
struct ProductFold {
  using State = ops::Product<double>;
  static constexpr int kPlain = std::is_same_v<T, Float16> ? 32 : 6;

  static TREDUCE_DEVICE_FUNCTION State Init() { return State::Init(); }
  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION State OfLeaf(const Tile& tile, const FoldParams& params) {
    if constexpr (Tile::kLanesOfThread > 1) {
      return tile.template Fold<ops::Product>();
    } else {
      State state = Init();
      Extend(state, tile, params);
      return tile.Join(state, [](State& left, const State& right) { left.Merge(right); });
    }
  }
  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION void Extend(State& state, const Tile& tile, const FoldParams&) {
    // As they are, if no element is so large or small that all of them could leave binary64's range.
    double plain = state.f[0];
    uint32_t largest = 0, smallest = ~uint32_t{0};
    tile.Each([&](T x, int) {
      const double value = ToDouble(x);
      const auto upper = static_cast<uint32_t>(ops::ToBits(ops::Abs(value)) >> 32);
      largest = largest < upper ? upper : largest;
      smallest = upper < smallest ? upper : smallest;
      plain = plain * value;
    });
    const uint32_t exponents = Tile::kIsRow ? 1000 / (kRowLeaf / kLaneCount) : 1000 / kColumnLeaf;
    if (smallest > (1023 - exponents) << 20 && largest < (1023 + exponents) << 20) {
      state.f[0] = plain;
    } else {
      int factors = 0;
      tile.Each([&](T x, int) {
        state.f[0] = state.f[0] * ToDouble(x);
        if (++factors % kPlain == 0) Renormalise(state);
      });
    }
    Renormalise(state);
  }
  static TREDUCE_DEVICE_FUNCTION void Merge(State& left, const State& right, const FoldParams&) { left.Merge(right); }

 private:
  static TREDUCE_DEVICE_FUNCTION void Renormalise(State& product) {
    double exponent;
    ops::SplitNormal(product.f[0], product.f[0], exponent);
    product.f[1] = product.f[1] + exponent;
  }
};

// --- Folds that need a leaf whole.

// x / count. Of full leaves the count is a power of two, whose reciprocal is exact.
TREDUCE_DEVICE_FUNCTION double Over(double x, int count) {
  const double divisor = count;
  if ((count & (count - 1)) != 0) return x / divisor;
  return x * ops::FromBits((uint64_t{0x7FE} << 52) - ops::ToBits(divisor));
}

template <class T>
struct MomentsFold {
  using State = ops::Moments<double>;
  static TREDUCE_DEVICE_FUNCTION State Init() { return {{0.0, 0.0, 0.0, 0.0, 0.0}}; }

  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION State OfLeaf(const Tile& tile, const FoldParams&) {
    double exponent = 0.0;
    if constexpr (std::is_same_v<T, double>) {
      exponent = ops::ExponentFor(tile.template Fold<ops::LargestMagnitude>().f[0]);
    }
    const double scale = ops::ScaleFor(exponent);
    if constexpr (Tile::kIsRow) {
      const double shift = ShiftOf(tile, scale);
      return OfShifted(tile, tile.template Fold<ops::ShiftedSums>({scale, shift}), shift, exponent);
    } else {
      const double shift = ops::FiniteOrZero(Over(tile.template Fold<ops::ScaledSum>({scale}).f[0], tile.size));
      const auto sums = tile.template Fold<ops::ShiftedSums>({scale, shift});
      return ops::SealMoments(sums, shift, Over(sums.f[0], tile.size), static_cast<double>(tile.size), exponent);
    }
  }
  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION void Extend(State& state, const Tile& tile, const FoldParams& params) {
    state = OfLeaf(tile, params);
  }
  static TREDUCE_DEVICE_FUNCTION void Merge(State& left, const State& right, const FoldParams& params) {
    left.Merge(right, params);
  }

  // What a row leaf is shifted by: the mean of its first elements.
  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION double ShiftOf(const Tile& tile, double scale) {
    const int head = tile.size < kLaneCount ? tile.size : kLaneCount;
    return ops::FiniteOrZero(Over(tile.template FoldHead<ops::ScaledSum>({scale}).f[0], head));
  }
  // The state of a row leaf whose elements, scaled by 2^-exponent and shifted, are in `sums`.
  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION State OfShifted(const Tile& tile, ops::ShiftedSums<double> sums, double shift,
                                                 double exponent) {
    const double count = tile.size;
    double offset = Over(sums.f[0], tile.size);
    // The shift is poor when the square of the mean deviation is not small beside the mean squared deviation.
    const double better = shift + offset;
    const bool is_poor =
        sums.f[0] * sums.f[0] > 0.25 * count * sums.f[1] && ops::Abs(better) < std::numeric_limits<double>::infinity();
    if (tile.Any(is_poor)) {
      if (is_poor) shift = better;
      sums = tile.template Fold<ops::ShiftedSums>({ops::ScaleFor(exponent), shift});
      offset = Over(sums.f[0], tile.size);
    }
    return ops::SealMoments(sums, shift, offset, count, exponent);
  }
};

template <class T>
struct PowerSumFold {
  using State = ops::PowerSum<double>;
  static TREDUCE_DEVICE_FUNCTION State Init() { return {{0.0, 0.0}}; }
  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION State OfLeaf(const Tile& tile, const FoldParams& params) {
    const double exponent = ops::ExponentOf(params.ord < 0 ? tile.template Fold<ops::SmallestMagnitude>().f[0]
                                                           : tile.template Fold<ops::LargestMagnitude>().f[0]);
    return {{tile.template Fold<ops::ScaledPowerSum>(ops::PowerContext(exponent, params.ord)).f[0], exponent}};
  }
  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION void Extend(State& state, const Tile& tile, const FoldParams& params) {
    state = OfLeaf(tile, params);
  }
  static TREDUCE_DEVICE_FUNCTION void Merge(State& left, const State& right, const FoldParams& params) {
    left.Merge(right, params);
  }
};

template <class T>
struct LogSumExpFold {
  static constexpr bool kIsCounted = sizeof(T) < sizeof(double);
  template <class V>
  using Sum = std::conditional_t<kIsCounted, ops::CountedExpSum<V>, ops::ExpSum<V>>;
  using State = std::conditional_t<kIsCounted, ops::CountedLogSumExp<double>, ops::LogSumExp<double>>;

  static TREDUCE_DEVICE_FUNCTION State Init() { return {{0.0, 0.0, 0.0}}; }
  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION State OfLeaf(const Tile& tile, const FoldParams&) {
    const double largest = tile.template Fold<ops::Largest>().f[0];
    const auto sum = tile.template Fold<Sum>({largest});
    return {{largest, sum.f[0], sum.f[1]}};
  }
  template <class Tile>
  static TREDUCE_DEVICE_FUNCTION void Extend(State& state, const Tile& tile, const FoldParams& params) {
    state = OfLeaf(tile, params);
  }
  static TREDUCE_DEVICE_FUNCTION void Merge(State& left, const State& right, const FoldParams& params) {
    left.Merge(right, params);
  }
};

// --- Sums, both ends and moments of a row leaf over a warp, in one reading.

// Calls store(fold, state) for each of `count` folds of FoldSet::kStatistics.
template <class T, class Tile, class Store>
TREDUCE_DEVICE_FUNCTION void FoldStatistics(const FoldSpec* folds, int count, const Tile& tile, Store store) {
  static_assert(Tile::kLanesOfThread == 1);
  constexpr double kScale = 1.0;
  typename SumFold<T, false>::Plain plain;
  typename MinMaxFold<T>::Ends ends;
  auto sums = ops::ShiftedSums<double>::Init();
  const double shift = MomentsFold<T>::ShiftOf(tile, kScale);
  tile.template Each<16>([&](T x, int) {  // more take registers that are not there
    plain.Add(x);
    ends.Add(x);
    sums.Accumulate(ToDouble(x), {kScale, shift});
  });
  for (int f = 0; f < count; ++f) {
    switch (folds[f].kind) {
      case FoldKind::kSum:
        store(folds[f], SumFold<T, false>::OfPlain(tile, plain));
        break;
      case FoldKind::kMin:
        store(folds[f], Word1{{MinMaxFold<T>::OfEnds(tile, ends).f[0]}});
        break;
      case FoldKind::kMax:
        store(folds[f], Word1{{MinMaxFold<T>::OfEnds(tile, ends).f[1]}});
        break;
      case FoldKind::kMinMax:
        store(folds[f], MinMaxFold<T>::OfEnds(tile, ends));
        break;
      default:
        store(folds[f], MomentsFold<T>::OfShifted(tile, tile.Joined(sums), shift, 0.0));
    }
  }
}

// --- All of them.

template <class V>
struct WideNanSum : ops::NanSumOf<V, ops::WideSum> {
  static HWY_INLINE WideNanSum Init() { return {ops::NanSumOf<V, ops::WideSum>::Init()}; }
};

template <class T, class Body>
TREDUCE_DEVICE_FUNCTION void VisitSum(Body body) {
  if constexpr (std::is_same_v<T, Bool>) {
    body(CountFold<T>());
  } else if constexpr (!kIsFloat<T>) {
    body(IntegerSumFold<T>());
  } else if constexpr (std::is_same_v<T, double>) {
    body(OpFold<ops::WideSum>());
  } else {
    body(SumFold<T, false>());
  }
}

template <class T, class Body>
TREDUCE_DEVICE_FUNCTION void VisitOrder(FoldKind kind, Body body) {
  switch (kind) {
    case FoldKind::kMax:
      return body(OrderFold<T, Order::kLargest>());
    case FoldKind::kMin:
      return body(OrderFold<T, Order::kSmallest>());
    case FoldKind::kMinMax:
      return body(MinMaxFold<T>());
    case FoldKind::kArgMax:
      return body(ArgFold<T, Order::kLargest>());
    case FoldKind::kArgMin:
      return body(ArgFold<T, Order::kSmallest>());
    case FoldKind::kCount:
      return body(CountFold<T>());
    default:
      return;
  }
}

// Those of FoldSet::kCheap that only floating point elements have.
template <class T, class Body>
TREDUCE_DEVICE_FUNCTION void VisitFloat(FoldKind kind, Body body) {
  constexpr bool kIsWide = std::is_same_v<T, double>;
  switch (kind) {
    case FoldKind::kNanSum:
      return body(std::conditional_t<kIsWide, OpFold<WideNanSum>, SumFold<T, true>>());
    case FoldKind::kProduct:
      return body(std::conditional_t<kIsWide, OpFold<ops::WideProduct>, ProductFold<T>>());
    case FoldKind::kAbsSum:
      return body(std::conditional_t<kIsWide, OpFold<ops::WideAbsSum>, OpFold<ops::PlainAbsSum>>());
    case FoldKind::kAbsMax:
      return body(OrderFold<T, Order::kLargestMagnitude>());
    case FoldKind::kAbsMin:
      return body(OrderFold<T, Order::kSmallestMagnitude>());
    case FoldKind::kSquareSum:
      return body(std::conditional_t<kIsWide, OpFold<ops::WideSquareSum>, OpFold<ops::SquareSum>>());
    case FoldKind::kMoments:
      return body(MomentsFold<T>());
    default:
      return;
  }
}

// Calls body(fold) with the KernelFold of `kind`, if it is in the set and elements T have it.
template <class T, FoldSet kSet, class Body>
TREDUCE_DEVICE_FUNCTION void VisitFold(FoldKind kind, Body body) {
  if constexpr (kSet == FoldSet::kSum) {
    VisitSum<T>(body);
  } else if constexpr (kSet == FoldSet::kOrder) {
    VisitOrder<T>(kind, body);
  } else if constexpr (kSet == FoldSet::kMoments) {
    body(MomentsFold<T>());
  } else if constexpr (kSet == FoldSet::kStatistics) {
    if (kind == FoldKind::kSum) return VisitSum<T>(body);
    if (kind == FoldKind::kMoments) return body(MomentsFold<T>());
    if (kind == FoldKind::kMin) return body(OrderFold<T, Order::kSmallest>());
    if (kind == FoldKind::kMax) return body(OrderFold<T, Order::kLargest>());
    body(MinMaxFold<T>());
  } else if (IsIn(FoldSet::kOrder, kind)) {
    VisitOrder<T>(kind, body);
  } else if constexpr (!kIsFloat<T>) {
    if (kind == FoldKind::kProduct) return body(IntegerProductFold<T>());
    VisitSum<T>(body);
  } else {
    if (kind == FoldKind::kSum) return VisitSum<T>(body);
    if constexpr (kSet == FoldSet::kAll) {
      if (kind == FoldKind::kPowerSum) return body(PowerSumFold<T>());
      if (kind == FoldKind::kLogSumExp) return body(LogSumExpFold<T>());
    }
    VisitFloat<T>(kind, body);
  }
}

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_FOLDS_INL_H_
