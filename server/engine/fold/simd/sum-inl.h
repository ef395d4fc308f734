// SUM, NANSUM, MEAN, NANMEAN and the 1-norm: sums as accurate as server/engine/README.md says.
//
// Elements are added in binary64 with their rounding errors kept (2Sum: Ogita, Rump, Oishi, "Accurate sum and dot
// product", SIAM J. Sci. Comput. 26, 2005). Where a leaf's sum is exact in binary64 anyway, as it nearly always is for
// f32, f16 and bf16, all errors are zero and a plain sum in any order gives the same bits.
#if defined(TREDUCE_FOLD_SIMD_SUM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TREDUCE_FOLD_SIMD_SUM_INL_H_
#undef TREDUCE_FOLD_SIMD_SUM_INL_H_
#else
#define TREDUCE_FOLD_SIMD_SUM_INL_H_
#endif

#include "server/engine/fold/ops/sum-inl.h"
#include "server/engine/fold/simd/leaf-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

// The largest and the smallest magnitude of f32 or bf16 elements, as bits; zeros do not count as the smallest.
template <class T>
class MagnitudeRange {
 public:
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint16_t>;
  static constexpr int kFraction = sizeof(T) == 4 ? 23 : 7;
  static constexpr Bits kInfinity = static_cast<Bits>(Bits{0xFF} << kFraction);

  HWY_INLINE MagnitudeRange()
      : largest_(hn::Zero(hn::ScalableTag<Bits>())),
        smallest_(hn::Set(hn::ScalableTag<Bits>(), static_cast<Bits>(~Bits{0}))) {}

  // The kLaneCount elements from `x` on.
  HWY_INLINE void Add(const T* x) {
    constexpr hn::ScalableTag<Bits> d;
    TREDUCE_UNROLL
    for (size_t i = 0; i < kLaneCount; i += hn::MaxLanes(d)) {
      const auto bits = hn::LoadU(d, reinterpret_cast<const Bits*>(x + i));
      const auto magnitude = hn::And(bits, hn::Set(d, static_cast<Bits>(kInfinity | (kInfinity - 1))));
      largest_ = hn::Max(largest_, magnitude);
      smallest_ = hn::Min(smallest_, hn::Sub(magnitude, hn::Set(d, 1)));
    }
  }

  HWY_INLINE void AddAll(const T* x, size_t n) {
    size_t i = 0;
    for (; i + kLaneCount <= n; i += kLaneCount) Add(x + i);
    if (i == n) return;
    T tail[kLaneCount];
    Add(n < kLaneCount ? PaddedTail(x, n, x + n, tail) : x + n - kLaneCount);
  }

  // Whether all are in [lower, upper] but for zeros.
  HWY_INLINE bool Within(Bits lower, Bits upper) const {
    constexpr hn::ScalableTag<Bits> d;
    const auto below = hn::Max(smallest_, hn::Set(d, static_cast<Bits>(lower - 1)));
    const auto above = hn::Min(largest_, hn::Set(d, upper));
    return hn::AllTrue(d, hn::And(hn::Eq(below, smallest_), hn::Eq(above, largest_)));
  }

  // Both magnitudes; the smallest is 0 if all elements are zeros.
  HWY_INLINE void Get(uint32_t& smallest, uint32_t& largest) const {
    constexpr hn::ScalableTag<Bits> d;
    HWY_ALIGN Bits largest_lanes[hn::MaxLanes(d)];
    HWY_ALIGN Bits smallest_lanes[hn::MaxLanes(d)];
    hn::Store(largest_, d, largest_lanes);
    hn::Store(smallest_, d, smallest_lanes);
    smallest = static_cast<uint32_t>(*std::min_element(smallest_lanes, smallest_lanes + hn::MaxLanes(d)));
    smallest = static_cast<Bits>(smallest + 1);
    largest = *std::max_element(largest_lanes, largest_lanes + hn::MaxLanes(d));
  }

 private:
  using Vector = hn::Vec<hn::ScalableTag<Bits>>;
  Vector largest_;
  Vector smallest_;  // less one, so that zeros wrap around
};

// f16 elements are multiples of 2^-24 below 2^16, a thousand of them: 50 bits. Infinities and NaN need no errors kept
// either.
template <>
class MagnitudeRange<Float16> {
 public:
  HWY_INLINE void Add(const Float16*) {}
  HWY_INLINE void AddAll(const Float16*, size_t) {}
};

// Tells whether every partial sum of up to kRowLeaf elements fits the 53 bits of a binary64 significand. All are
// multiples of the last bit of the smallest and less than 2^(1 + 10) times the power of two of the largest, so that it
// is enough that no more than kHeadroom binary exponents are between the two. Elements are mostly alike: where a window
// of exponents was found to hold some, others are only compared with it.
template <class T>
class ExactWindow {
 public:
  HWY_INLINE bool Holds(const MagnitudeRange<T>& range) {
    if constexpr (std::is_same_v<T, Float16>) {
      return true;
    } else {
      if (HWY_LIKELY(range.Within(lower_, upper_))) return true;
      return Move(range);
    }
  }

  // Whether the same elements can be added to this, too: it is a multiple of the last bit of the smallest that the
  // window has room for, and less than the sum of kColumnLeaf of the largest.
  HWY_INLINE hn::Mask<D64> HasRoomFor(Lanes64 sum) const {
    const Lanes64 shifter = Broadcast<Lanes64>(0x1.8p52 * unit_);  // adding it rounds to a multiple of the unit
    return And(Eq((sum + shifter) - shifter, sum), Le(Abs(sum), Broadcast<Lanes64>(0x1p51 * unit_)));
  }

 private:
  HWY_NOINLINE bool Move(const MagnitudeRange<T>& range) {
    static_assert(kRowLeaf == 1 << 10);
    using Range = MagnitudeRange<T>;
    constexpr int kHeadroom = 53 - (Range::kFraction + 1) - 10;
    uint32_t smallest, largest;
    range.Get(smallest, largest);
    const int lowest = static_cast<int>(smallest >> Range::kFraction);
    const int highest = static_cast<int>(largest >> Range::kFraction);
    if (largest >= Range::kInfinity || highest - lowest > kHeadroom) return false;
    const int from = std::max(0, lowest - (kHeadroom - (highest - lowest)) / 2);
    const int to = std::min(0xFE, from + kHeadroom);
    lower_ = static_cast<typename Range::Bits>(from == 0 ? 1 : from << Range::kFraction);
    upper_ = static_cast<typename Range::Bits>(((to + 1) << Range::kFraction) - 1);
    unit_ = std::bit_cast<double>(static_cast<uint64_t>(1023 - 127 - Range::kFraction + std::max(from, 1)) << 52);
    return true;
  }

  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint16_t>;
  Bits lower_ = 1;
  Bits upper_ = 0;
  double unit_ = 0.0;
};

// Adds the kLaneCount elements from `x` on to the lanes, in any order.
template <class T>
HWY_INLINE void AddInAnyOrder(const T* x, PlainSum<Lanes64> (&acc)[kVectors]) {
  TREDUCE_UNROLL
  for (size_t v = 0; v < kVectors; ++v) acc[v].Accumulate(Decode<Lanes64>::Load(x + v * kLanes64), {});
}

#if HWY_TARGET != HWY_SCALAR
// Those at even and at odd places apart: each is the upper half of a 32-bit lane, or is shifted there.
HWY_INLINE void AddInAnyOrder(const BFloat16* x, PlainSum<Lanes64> (&acc)[kVectors]) {
  constexpr hn::Repartition<uint32_t, D64> d;
  constexpr hn::Repartition<float, D64> df;
  constexpr hn::Half<decltype(df)> half;
  TREDUCE_UNROLL
  for (size_t v = 0; v < kVectors; v += 4) {
    const auto pairs = hn::BitCast(
        d, hn::LoadU(hn::Repartition<uint16_t, D64>(), reinterpret_cast<const uint16_t*>(x + v * kLanes64)));
    const auto even = hn::BitCast(df, hn::ShiftLeft<16>(pairs));
    const auto odd = hn::BitCast(df, hn::And(pairs, hn::Set(d, 0xFFFF0000u)));
    acc[v].Accumulate(hn::PromoteTo(D64(), hn::LowerHalf(half, even)), {});
    acc[v + 1].Accumulate(hn::PromoteTo(D64(), hn::UpperHalf(half, even)), {});
    acc[v + 2].Accumulate(hn::PromoteTo(D64(), hn::LowerHalf(half, odd)), {});
    acc[v + 3].Accumulate(hn::PromoteTo(D64(), hn::UpperHalf(half, odd)), {});
  }
}
#endif

// The plain sum of a row of kLaneCount elements or more, and the range of its elements beside it.
template <class T>
HWY_INLINE PlainSum<Lanes64> SumPlainly(const T* x, size_t n, const T* end, MagnitudeRange<T>& range) {
  PlainSum<Lanes64> acc[kVectors];
  TREDUCE_UNROLL
  for (size_t v = 0; v < kVectors; ++v) acc[v] = PlainSum<Lanes64>::Init();
  MagnitudeRange<T> own = range;  // GCC keeps it in memory else
  size_t i = 0;
  for (; i + kLaneCount <= n; i += kLaneCount) {
    if constexpr (sizeof(T) < 4) PrefetchAhead(x + i, kRowPrefetch);  // the processor's own does better for f32
    own.Add(x + i);
    AddInAnyOrder(x + i, acc);
  }
  if (i < n) {
    own.Add(x + n - kLaneCount);
    T copy[kLaneCount];
    const T* tail = PaddedTail(x + i, n - i, end, copy);
    TREDUCE_UNROLL
    for (size_t v = 0; v < kVectors; ++v) {
      if (v * kLanes64 >= n - i) continue;
      const auto has_element = hn::FirstN(D64(), std::min(kLanes64, n - i - v * kLanes64));
      acc[v].Accumulate(hn::IfThenElseZero(has_element, Decode<Lanes64>::Load(tail + v * kLanes64)), {});
    }
  }
  range = own;
  return JoinVectors(acc, n);
}

// The sum of f64 elements below 2^960 in f[0] + f[1], and the largest magnitude, which tells whether they all are.
template <class V>
struct NarrowSum {
  static constexpr int kFieldCount = 3;
  using Context = NoContext<V>;
  V f[kFieldCount];

  static HWY_INLINE NarrowSum Init() {
    const V zero = Broadcast<V>(0.0);
    return {{zero, zero, zero}};
  }
  HWY_INLINE void Accumulate(V x, const Context&) {
    AddCompensated(x, f[0], f[1]);
    f[2] = hn::Max(Abs(x), f[2]);  // which may lose a NaN; f[0] does not
  }
  HWY_INLINE void Merge(const NarrowSum& right) {
    MergeCompensated(right.f[0], right.f[1], f[0], f[1]);
    f[2] = hn::Max(f[2], right.f[2]);
  }
};

// Sums of rows: of those that are exact, or of f64 without large elements, in a simpler way than by `Op`, to the same
// bits. kCounts: the last word of the state is the number of elements that are not NaN.
template <template <class> class Op, bool kCounts, class T>
class RowSums {
 public:
  HWY_INLINE Op<Lanes64> Sum(const T* x, size_t rows, size_t n, const T* end) {
    constexpr bool kIsWide = std::is_same_v<T, double>;
    if constexpr (kIsWide) {
      const NarrowSum<Lanes64> sum = FoldRows<NarrowSum>(x, rows, n, end);
      // A sum that is NaN may have elements that are not to be counted.
      const auto fits = hn::And(Lt(sum.f[2], Broadcast<Lanes64>(0x1p960)), Eq(sum.f[0], sum.f[0]));
      if (HWY_LIKELY(hn::AllTrue(D64(), fits))) return State(sum.f[0], sum.f[1], n);
    } else {
      MagnitudeRange<T> range;
      PlainSum<Lanes64> sum;
      if (n >= 4 * kLaneCount) {
        sum = JoinedRows<PlainSum<Lanes64>>(
            x, rows, n, [&](size_t, const T* row) HWY_ATTR { return SumPlainly(row, n, end, range); });
      } else {
        sum = FoldRows<PlainSum>(x, rows, n, end);
        range.AddAll(x, rows * n);
      }
      if (HWY_LIKELY(window_.Holds(range))) return State(sum.f[0], Broadcast<Lanes64>(0.0), n);
    }
    return FoldRows<Op>(x, rows, n, end);
  }

  // Fewer than kLaneCount columns, the rows side by side: as many of them at a time as fill whole vectors. Not for f64.
  bool AddNarrowColumns(const T* x, size_t rows, size_t columns, States states) {
    const size_t count = rows * columns;
    if (count < kLaneCount) return false;
    MagnitudeRange<T> range;
    range.AddAll(x, count);
    if (HWY_UNLIKELY(!window_.Holds(range))) return false;
    double* sums = states.field<double>(0);
    if constexpr (!std::is_same_v<T, Float16>) {
      HWY_ALIGN double padded[kLaneCount] = {};
      std::copy_n(sums, columns, padded);
      for (size_t k = 0; k < kLaneCount; k += kLanes64) {
        if (!hn::AllTrue(D64(), window_.HasRoomFor(hn::Load(D64(), padded + k)))) return false;
      }
    }
    const size_t period = columns * kLanes64;
    HWY_ALIGN double lanes[kLaneCount * kLanes64] = {};
    size_t i = 0;
    for (; i + period <= count; i += period) {
      for (size_t k = 0; k < period; k += kLanes64) {
        hn::Store(hn::Load(D64(), lanes + k) + Decode<Lanes64>::Load(x + i + k), D64(), lanes + k);
      }
    }
    for (size_t k = 0; i + k < count; ++k) lanes[k] += Decode<double>::Load(x + i + k);
    for (size_t k = 0; k < period; ++k) sums[k % columns] += lanes[k];
    if constexpr (kCounts) {
      double* counts = states.field<double>(Op<double>::kFieldCount - 1);
      for (size_t c = 0; c < columns; ++c) counts[c] += static_cast<double>(rows);
    }
    return true;
  }

  HWY_INLINE bool AddColumns(const T* x, size_t rows, size_t stride, States states) {
    Lanes64 sum[kVectors];
    TREDUCE_UNROLL
    for (size_t v = 0; v < kVectors; ++v) sum[v] = Load(states, 0, v);
    if constexpr (std::is_same_v<T, double>) {
      Lanes64 error[kVectors];
      TREDUCE_UNROLL
      for (size_t v = 0; v < kVectors; ++v) error[v] = Load(states, 1, v);
      Lanes64 largest = Broadcast<Lanes64>(0.0);
      for (size_t r = 0; r < rows; ++r) {
        PrefetchAhead(x + r * stride, kColumnPrefetch);
        TREDUCE_UNROLL
        for (size_t v = 0; v < kVectors; ++v) {
          const Lanes64 element = Decode<Lanes64>::Load(x + r * stride + v * kLanes64);
          AddCompensated(element, sum[v], error[v]);
          largest = hn::Max(Abs(element), largest);
        }
      }
      auto fits = Lt(largest, Broadcast<Lanes64>(0x1p960));
      if constexpr (kCounts) {
        TREDUCE_UNROLL
        for (size_t v = 0; v < kVectors; ++v) fits = And(fits, Eq(sum[v], sum[v]));
      }
      if (HWY_UNLIKELY(!hn::AllTrue(D64(), fits))) return false;
      TREDUCE_UNROLL
      for (size_t v = 0; v < kVectors; ++v) Store(error[v], states, 1, v);
    } else {
      MagnitudeRange<T> range;
      for (size_t r = 0; r < rows; ++r) {
        PrefetchAhead(x + r * stride, kColumnPrefetch);
        range.Add(x + r * stride);
        TREDUCE_UNROLL
        for (size_t v = 0; v < kVectors; ++v) sum[v] = sum[v] + Decode<Lanes64>::Load(x + r * stride + v * kLanes64);
      }
      if (HWY_UNLIKELY(!window_.Holds(range))) return false;
      if constexpr (!std::is_same_v<T, Float16>) {
        auto fits = window_.HasRoomFor(Load(states, 0, 0));
        TREDUCE_UNROLL
        for (size_t v = 1; v < kVectors; ++v) fits = And(fits, window_.HasRoomFor(Load(states, 0, v)));
        if (HWY_UNLIKELY(!hn::AllTrue(D64(), fits))) return false;
      }
    }
    TREDUCE_UNROLL
    for (size_t v = 0; v < kVectors; ++v) {
      Store(sum[v], states, 0, v);
      if constexpr (kCounts) {
        constexpr int kCount = Op<Lanes64>::kFieldCount - 1;
        Store(Load(states, kCount, v) + Broadcast<Lanes64>(static_cast<double>(rows)), states, kCount, v);
      }
    }
    return true;
  }

 private:
  static HWY_INLINE Lanes64 Load(States states, int word, size_t v) {
    return hn::LoadU(D64(), states.field<double>(word) + v * kLanes64);
  }
  static HWY_INLINE void Store(Lanes64 value, States states, int word, size_t v) {
    hn::StoreU(value, D64(), states.field<double>(word) + v * kLanes64);
  }
  static HWY_INLINE Op<Lanes64> State(Lanes64 sum, Lanes64 error, size_t n) {
    Op<Lanes64> state = Op<Lanes64>::Init();
    state.f[0] = sum;
    state.f[1] = error;
    if (kCounts) state.f[Op<Lanes64>::kFieldCount - 1] = Broadcast<Lanes64>(static_cast<double>(n));
    return state;
  }

  ExactWindow<T> window_;
};

template <class T>
struct SumBody {
  using Element = T;
  template <class V>
  using Op = std::conditional_t<std::is_same_v<T, double>, WideSum<V>, CompensatedSum<V>>;

  HWY_INLINE Op<Lanes64> Rows(const T* x, size_t rows, size_t n, const T* end) { return sums_.Sum(x, rows, n, end); }
  HWY_INLINE bool Columns(const T* x, size_t rows, size_t stride, States states) {
    return sums_.AddColumns(x, rows, stride, states);
  }
  HWY_INLINE bool NarrowColumns(const T* x, size_t rows, size_t columns,
                                States states) requires(!std::is_same_v<T, double>) {
    return sums_.AddNarrowColumns(x, rows, columns, states);
  }

 private:
  RowSums<Op, false, T> sums_;
};

template <class T>
struct NanSumBody {
  using Element = T;
  template <class V>
  using Op = std::conditional_t<std::is_same_v<T, double>, NanSumOf<V, WideSum>, NanSumOf<V, CompensatedSum>>;

  HWY_INLINE Op<Lanes64> Rows(const T* x, size_t rows, size_t n, const T* end) {
    if constexpr (std::is_same_v<T, Float16>) {  // always exact, with NaN or without
      const auto sum = FoldRows<PlainNanSum>(x, rows, n, end);
      const Lanes64 zero = Broadcast<Lanes64>(0.0);
      return {{sum.f[0], zero, zero, sum.f[1]}};
    } else {
      return sums_.Sum(x, rows, n, end);
    }
  }
  HWY_INLINE bool Columns(const T* x, size_t rows, size_t stride, States states) {
    return !std::is_same_v<T, Float16> && sums_.AddColumns(x, rows, stride, states);
  }
  HWY_INLINE bool NarrowColumns(const T* x, size_t rows, size_t columns,
                                States states) requires(sizeof(T) < 8 && !std::is_same_v<T, Float16>) {
    return sums_.AddNarrowColumns(x, rows, columns, states);
  }

 private:
  template <class V>
  using PlainNanSum = NanSumOf<V, PlainSum>;
  RowSums<Op, true, T> sums_;
};

// Without cancellation a plain binary64 sum of narrower elements is accurate enough.
template <class T>
struct AbsSumBody {
  using Element = T;
  template <class V>
  using Op = std::conditional_t<std::is_same_v<T, double>, WideAbsSum<V>, PlainAbsSum<V>>;
  static HWY_INLINE Op<Lanes64> Rows(const T* x, size_t rows, size_t n, const T* end) {
    return FoldRows<Op>(x, rows, n, end);
  }
  static HWY_INLINE bool Columns(const T*, size_t, size_t, States) { return false; }
};

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#endif  // TREDUCE_FOLD_SIMD_SUM_INL_H_
