// Folds of neighbouring columns of elements of one or two bytes, all those of a 32-bit word by a thread. Packed<Fold>,
// of the folds of FoldSet::kSum and FoldSet::kOrder, has
//   Add(word, row)     takes the elements of row `row` of a tile
//   State(c, tile)     the state of column `c` of the word
// of a WordTile, to the bits of Fold::OfLeaf. What may look at elements in any order works on those of a word at once,
// in halves of 16 bits.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_PACKED_INL_H_
#define TREDUCE_SERVER_ENGINE_CUDA_PACKED_INL_H_

#include <bit>
#include <limits>
#include <type_traits>

#include "server/engine/cuda/cut.h"
#include "server/engine/cuda/folds-inl.h"
#include "server/engine/cuda/tile-inl.h"

namespace treduce::cuda {

template <class T>
inline constexpr int kColumnsOfWord = ColumnsOfThread(true, sizeof(T));

// Rows of the columns of a word, of one thread: every `step`th row.
template <class T>
struct WordTile {
  const T* x;
  int64_t width;
  int step;
  int size;
  int64_t first;

  template <class Body>
  TREDUCE_DEVICE_FUNCTION void Each(Body body) const {
    EachElement<16>(reinterpret_cast<const uint32_t*>(x), step * width / kColumnsOfWord<T>, size, size, body);
  }
  TREDUCE_DEVICE_FUNCTION ColumnTile<T> Column(int c) const { return {x + c, step * width, size, first}; }
  TREDUCE_DEVICE_FUNCTION int64_t Index(int row) const { return first + int64_t{step} * row; }
};

// --- Halves of words.

template <class T>
TREDUCE_DEVICE_FUNCTION T HalfOf(uint32_t word, int half) {
  return std::bit_cast<T>(static_cast<uint16_t>(word >> 16 * half));
}

// Of signed halves.
TREDUCE_DEVICE_FUNCTION uint32_t MaxOfHalves(uint32_t a, uint32_t b) {
#ifdef __CUDA_ARCH__
  return __vmaxs2(a, b);
#else
  uint32_t larger = 0;
  for (int half = 0; half < 2; ++half) {
    const bool is_a = HalfOf<int16_t>(a, half) > HalfOf<int16_t>(b, half);
    larger |= uint32_t{HalfOf<uint16_t>(is_a ? a : b, half)} << 16 * half;
  }
  return larger;
#endif
}

// All bits of a half are its highest one.
TREDUCE_DEVICE_FUNCTION uint32_t SignsOfHalves(uint32_t x) {
#ifdef __CUDA_ARCH__
  uint32_t signs;
  asm("prmt.b32 %0, %1, 0, 0xBB99;" : "=r"(signs) : "r"(x));
  return signs;
#else
  return (x >> 15 & 0x00010001u) * 0xFFFFu;
#endif
}

// The highest bit of each element says whether it is not zero; the others nothing.
template <class T>
TREDUCE_DEVICE_FUNCTION uint32_t AreNotZero(uint32_t word) {
  constexpr uint32_t kMagnitudes = sizeof(T) == 1 ? 0x7F7F7F7Fu : 0x7FFF7FFFu;
  const uint32_t carried = (word & kMagnitudes) + kMagnitudes;
  return kIsFloat<T> ? carried : carried | word;
}

// --- Sums.

// Of the bytes of words, of a leaf.
struct ByteSums {
  static_assert(kColumnLeaf * 0xFF <= 0xFFFF);
  uint32_t sums[2] = {0, 0};  // of even and odd bytes, in halves

  TREDUCE_DEVICE_FUNCTION void Add(uint32_t word) {
    sums[0] += word & 0x00FF00FFu;
    sums[1] += word >> 8 & 0x00FF00FFu;
  }
  TREDUCE_DEVICE_FUNCTION int Sum(int byte) const { return HalfOf<uint16_t>(sums[byte % 2], byte / 2); }
};

template <class Fold>
struct Packed;

template <class T>
struct Packed<CountFold<T>> {
  ByteSums bytes;
  uint32_t halves = 0;

  TREDUCE_DEVICE_FUNCTION void Add(uint32_t word, int) {
    if constexpr (sizeof(T) == 1) {
      bytes.Add(AreNotZero<T>(word) & 0x80808080u);
    } else {
      halves += AreNotZero<T>(word) >> 15 & 0x00010001u;
    }
  }
  TREDUCE_DEVICE_FUNCTION Word1 State(int c, const WordTile<T>&) const {
    return {{sizeof(T) == 1 ? bytes.Sum(c) / 0x80 : HalfOf<uint16_t>(halves, c)}};
  }
};

template <class T>
struct Packed<IntegerSumFold<T>> {
  ByteSums bytes;
  int32_t sums[2] = {0, 0};

  TREDUCE_DEVICE_FUNCTION void Add(uint32_t word, int) {
    if constexpr (sizeof(T) == 1) {
      bytes.Add(std::is_signed_v<T> ? word ^ 0x80808080u : word);  // each more by 128
    } else {
      TREDUCE_UNROLL
      for (int c = 0; c < 2; ++c) sums[c] += HalfOf<T>(word, c);
    }
  }
  TREDUCE_DEVICE_FUNCTION Word1 State(int c, const WordTile<T>& tile) const {
    if constexpr (sizeof(T) == 1) return {{bytes.Sum(c) - (std::is_signed_v<T> ? 128 * tile.size : 0)}};
    return {{sums[c % 2]}};
  }
};

template <class T>
struct Packed<SumFold<T, false>> {
  using Fold = SumFold<T, false>;
  static constexpr bool kIsAlwaysExact = std::is_same_v<T, Float16>;
  ops::PlainSum<double> sums[2] = {ops::PlainSum<double>::Init(), ops::PlainSum<double>::Init()};
  // Of magnitudes, and of 2^15 less those, of which that of zero is the lowest.
  uint32_t largest = 0;
  uint32_t smallest = 0x80008000u;

  TREDUCE_DEVICE_FUNCTION void Add(uint32_t word, int) {
    TREDUCE_UNROLL
    for (int c = 0; c < 2; ++c) sums[c].f[0] = sums[c].f[0] + ToDouble(HalfOf<T>(word, c));
    if constexpr (!kIsAlwaysExact) {
      const uint32_t magnitudes = word & 0x7FFF7FFFu;
      largest = MaxOfHalves(largest, magnitudes);
      smallest = MaxOfHalves(smallest, 0x80008000u - magnitudes);
    }
  }
  TREDUCE_DEVICE_FUNCTION typename Fold::State State(int c, const WordTile<T>& tile) const {
    if constexpr (!kIsAlwaysExact) {
      const ExponentRange<T> range = {HalfOf<uint16_t>(largest, c), 0x8000u - HalfOf<uint16_t>(smallest, c) - 1};
      if (!range.IsExact()) return tile.Column(c).template Fold<Fold::template Op>();
    }
    auto state = Fold::Init();
    state.f[0] = sums[c].f[0];
    return state;
  }
};

// --- Order.

// Keys of the elements of a word, which compare as their OrderKeys do; zeros of both signs only where kTies.
template <class T, Order kOrder, bool kTies>
struct WordKeys {
  static constexpr uint32_t kInverted = kOrder == Order::kSmallest ? ~uint32_t{0} : 0;
  static constexpr int32_t kNan = std::numeric_limits<int16_t>::max();

  static TREDUCE_DEVICE_FUNCTION uint32_t Of(uint32_t word) {
    if constexpr (kIsFloat<T>) {
      const uint32_t magnitudes = word & 0x7FFF7FFFu;
      const uint32_t negative = SignsOfHalves(kTies ? AreNotZero<T>(word) & word : word);
      const uint32_t nan = SignsOfHalves(magnitudes + (kNan - KeyBits<T>::kInfinity) * 0x00010001u);
      return ((magnitudes ^ negative ^ kInverted) & ~nan) | (0x7FFF7FFFu & nan);
    } else if constexpr (std::is_same_v<T, Bool>) {
      return (AreNotZero<T>(word) >> 7 & 0x01010101u) ^ kInverted;
    } else {
      constexpr uint32_t kSigns = sizeof(T) == 1 ? 0x80808080u : 0x80008000u;
      return word ^ kInverted ^ (std::is_unsigned_v<T> ? kSigns : 0);
    }
  }
  // The OrderKey of an element whose key is `key`: one more of negative floating point numbers, among them -0.0.
  static TREDUCE_DEVICE_FUNCTION int32_t ToOrderKey(int32_t key) {
    constexpr auto kInvert = static_cast<int32_t>(kInverted);
    if (!kIsFloat<T> || key == kNan) return key;
    const int32_t ordered = key ^ kInvert;
    return (ordered < 0 ? ordered + 1 : ordered) ^ kInvert;
  }
};

template <class T, Order kOrder>
struct Packed<OrderFold<T, kOrder>> {
  using Keys = WordKeys<T, kOrder, false>;
  // Keys of a byte are the upper ones of halves, of even columns first; what is below them decides nothing.
  uint32_t largest[2] = {0x80008000u, 0x80008000u};

  TREDUCE_DEVICE_FUNCTION void Add(uint32_t word, int) {
    const uint32_t keys = Keys::Of(word);
    largest[1] = MaxOfHalves(largest[1], keys);
    if constexpr (sizeof(T) == 1) largest[0] = MaxOfHalves(largest[0], keys << 8);
  }
  TREDUCE_DEVICE_FUNCTION Word1 State(int c, const WordTile<T>&) const {
    if constexpr (sizeof(T) == 1) return {{Keys::ToOrderKey(HalfOf<int16_t>(largest[c % 2], c / 2) >> 8)}};
    return {{Keys::ToOrderKey(HalfOf<int16_t>(largest[1], c))}};
  }
};

template <class T>
struct Packed<MinMaxFold<T>> {
  Packed<OrderFold<T, Order::kSmallest>> low;
  Packed<OrderFold<T, Order::kLargest>> high;

  TREDUCE_DEVICE_FUNCTION void Add(uint32_t word, int row) {
    low.Add(word, row);
    high.Add(word, row);
  }
  TREDUCE_DEVICE_FUNCTION Word2 State(int c, const WordTile<T>& tile) const {
    return {{low.State(c, tile).f[0], high.State(c, tile).f[0]}};
  }
};

template <class T, Order kOrder>
struct Packed<ArgFold<T, kOrder>> {
  using Keys = WordKeys<T, kOrder, true>;
  static constexpr int kKeyBits = 8 * sizeof(T);
  static constexpr int kKeyShift = 32 - kKeyBits;
  static constexpr int kLastRow = 0xFFFF;
  // Of each column the largest key, above the first row that has it, counted backwards.
  int32_t places[kColumnsOfWord<T>];

  TREDUCE_DEVICE_FUNCTION Packed() {
    TREDUCE_UNROLL
    for (int32_t& place : places) place = std::numeric_limits<int32_t>::min();
  }
  TREDUCE_DEVICE_FUNCTION void Add(uint32_t word, int row) {
    const uint32_t keys = Keys::Of(word);
    const auto below = static_cast<uint32_t>(kLastRow - row);
    TREDUCE_UNROLL
    for (int c = 0; c < kColumnsOfWord<T>; ++c) {
      const auto place = static_cast<int32_t>(keys >> kKeyBits * c << kKeyShift | below);
      places[c] = places[c] < place ? place : places[c];
    }
  }
  TREDUCE_DEVICE_FUNCTION Word2 State(int c, const WordTile<T>& tile) const {
    return {{Keys::ToOrderKey(places[c] >> kKeyShift), tile.Index(kLastRow - (places[c] & kLastRow))}};
  }
};

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_PACKED_INL_H_
