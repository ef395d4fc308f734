// Folds of f32, f64, f16 and bf16 in the canonical order: KernelFolds, as folds-inl.h says it, of fold/ops/.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_FOLDS_FLOAT_INL_H_
#define TREDUCE_SERVER_ENGINE_CUDA_FOLDS_FLOAT_INL_H_

#include <bit>
#include <limits>
#include <type_traits>

#include "server/engine/cuda/folds_any_order-inl.h"
#include "server/engine/cuda/pass_spec.h"
#include "server/engine/cuda/tile-inl.h"
#include "server/engine/fold/ops/logsumexp-inl.h"
#include "server/engine/fold/ops/moments-inl.h"
#include "server/engine/fold/ops/power_sum-inl.h"
#include "server/engine/fold/ops/product-inl.h"
#include "server/engine/fold/ops/square_sum-inl.h"
#include "server/engine/fold/ops/sum-inl.h"

namespace treduce::cuda {

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
      return tile.Join(state, MergeOp());
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

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_FOLDS_FLOAT_INL_H_
