// Folds whose result does not depend on the order: elements are widened no more than they must be, to integer lanes,
// and lanes are joined in whatever order is fastest. `Body` is the op with its element type:
//   Element, Lane                  of the tensor, and the integer that elements become
//   kIdentity                      what Join leaves alone, as a Lane
//   kCapacity                      elements that a lane takes without overflow
//   kWithIndex                     whether to find the first element that is the result; Join is then the maximum
//   Of(d, p)                       the next Lanes(d) elements as lanes
//   Join(a, b)                     two vectors of lanes, of Lane or of a wider integer
//   ToState(word)                  of joined lanes, extended to 64 bits
//   JoinWords(a, b)                two states
// A state is one 64-bit word, the joined lanes sign- or zero-extended; with an index that is word 1, negative where
// there were no elements.
#if defined(TREDUCE_FOLD_SIMD_ANY_ORDER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TREDUCE_FOLD_SIMD_ANY_ORDER_INL_H_
#undef TREDUCE_FOLD_SIMD_ANY_ORDER_INL_H_
#else
#define TREDUCE_FOLD_SIMD_ANY_ORDER_INL_H_
#endif

#include <algorithm>
#include <bit>
#include <type_traits>

#include "server/engine/fold/simd/leaf-inl.h"

HWY_BEFORE_NAMESPACE();
namespace treduce {
namespace HWY_NAMESPACE {

template <class Body>
struct AnyOrderFold {
  using T = typename Body::Element;
  using Lane = typename Body::Lane;
  using Word = std::conditional_t<std::is_signed_v<Lane>, int64_t, uint64_t>;
  using D = hn::ScalableTag<Lane>;
  using V = hn::Vec<D>;
  using DW = hn::ScalableTag<Word>;
  using VW = hn::Vec<DW>;
  static constexpr size_t kLanes = hn::MaxLanes(D());
  static constexpr size_t kWordLanes = hn::MaxLanes(DW());
  static constexpr size_t kLanesPerWord = kLanes / kWordLanes;
  static constexpr bool kWithIndex = Body::kWithIndex;
  // Joined side by side, to hide the time a Join takes. g++ 12 makes wrong code of several without SIMD.
  static constexpr size_t kChains = kLanes > 1 ? 4 : 1;

  static HWY_INLINE V Identity() { return hn::Set(D(), Body::kIdentity); }

  // All bits of the first `n` lanes. Not a mask: g++ 12 fails to merge masks into loads that widen.
  static HWY_INLINE V First(size_t n) { return hn::VecFromMask(D(), hn::FirstN(D(), n)); }

  // Joins the lanes that make up each word.
  template <class DN>
  static HWY_INLINE VW Widen([[maybe_unused]] DN d, hn::Vec<DN> v) {
    if constexpr (sizeof(hn::TFromD<DN>) == 8) {
      return v;
    } else if constexpr (kLanesPerWord == 1) {  // no SIMD
      return hn::Set(DW(), static_cast<Word>(hn::GetLane(v)));
    } else {
      constexpr int kBits = 8 * sizeof(hn::TFromD<DN>);
      const hn::RepartitionToWide<DN> wide;
      const auto pair = hn::BitCast(wide, v);
      const auto low = hn::ShiftRight<kBits>(hn::ShiftLeft<kBits>(pair));
      return Widen(wide, Body::Join(low, hn::ShiftRight<kBits>(pair)));
    }
  }

  // Elements [from, n) of a row. REQUIRES: from < n, kLanes <= n.
  static HWY_INLINE VW JoinRow(const T* x, size_t from, size_t n) {
    const D d;
    V rest = Identity();
    const size_t tail = (n - from) % kLanes;
    if (tail != 0) {  // the last vector of the row, less what goes before the tail
      rest = hn::IfVecThenElse(First(kLanes - tail), rest, Body::Of(d, x + n - kLanes));
    }
    VW words = hn::Set(DW(), static_cast<Word>(Body::kIdentity));
    for (size_t i = from;;) {
      const size_t end = i + std::min((n - i) / kLanes, Body::kCapacity - 1) * kLanes;
      V acc[kChains];
      TREDUCE_UNROLL
      for (size_t u = 0; u < kChains; ++u) acc[u] = Identity();
      for (; i + kChains * kLanes <= end; i += kChains * kLanes) {
        TREDUCE_UNROLL
        for (size_t u = 0; u < kChains; ++u) acc[u] = Body::Join(acc[u], Body::Of(d, x + i + u * kLanes));
      }
      for (; i < end; i += kLanes) rest = Body::Join(rest, Body::Of(d, x + i));
      TREDUCE_UNROLL
      for (size_t u = 0; u < kChains; ++u) rest = Body::Join(rest, acc[u]);
      words = Body::Join(words, Widen(d, rest));
      if (i + kLanes > n) return words;
      rest = Identity();
    }
  }

  // words[k] joins words[2k] and words[2k + 1].
  static HWY_INLINE void JoinPairs([[maybe_unused]] Word* words, [[maybe_unused]] size_t count) {
#if HWY_TARGET != HWY_SCALAR  // which has one word a row
    const DW d;
    for (size_t k = 0; k < count; k += kWordLanes) {
      const VW a = hn::Load(d, words + 2 * k);
      const VW b = hn::Load(d, words + 2 * k + kWordLanes);
      hn::Store(Body::Join(hn::ConcatEven(d, b, a), hn::ConcatOdd(d, b, a)), d, words + k);
    }
#endif
  }

  static constexpr size_t kTileWords = 512;

  // Rows of no more than a vector, each of `padded` lanes in the tile.
  static HWY_INLINE void LoadShortRows(const T* x, size_t rows, size_t n, size_t padded, Lane* lanes) {
    const D d;
    const size_t count = rows * n;
    const size_t step = n == padded ? kLanes : n;
    const size_t lane_step = n == padded ? kLanes : padded;
    const V is_element = First(step);
    const auto load = [&](const T* p) { return hn::IfVecThenElse(is_element, Body::Of(d, p), Identity()); };
    size_t i = 0;
    for (; i + kLanes <= count; i += step, lanes += lane_step) hn::StoreU(load(x + i), d, lanes);
    if (i >= count) return;
    T rest[2 * kLanes] = {};  // there is nothing to be read behind the elements
    std::memcpy(rest, x + i, (count - i) * sizeof(T));
    for (size_t j = 0; i + j < count; j += step, lanes += lane_step) hn::StoreU(load(rest + j), d, lanes);
  }

  static void Rows(const FoldParams&, const std::byte* bytes, size_t rows, size_t n, int64_t first, States out) {
    const T* x = reinterpret_cast<const T*>(bytes);
    if constexpr (kWithIndex) {
      if (n > kLanes) return LongRowsWithIndex(x, rows, n, first, out);
    }
    const D d;
    HWY_ALIGN Word words[kTileWords + 2 * kWordLanes];
    HWY_ALIGN Lane lanes[kTileWords * kLanesPerWord + kLanes];
    const size_t padded = n > kLanes ? kLanes : std::max(kLanesPerWord, std::bit_ceil(n));
    const size_t words_per_row = padded / kLanesPerWord;
    for (size_t r = 0; r < rows;) {
      const size_t now = std::min(rows - r, kTileWords / words_per_row);
      if (n > kLanes) {
        for (size_t k = 0; k < now; ++k) hn::Store(JoinRow(x + k * n, 0, n), DW(), words + k * kWordLanes);
      } else {
        LoadShortRows(x, now, n, padded, lanes);
        for (size_t i = 0; i < now * padded; i += kLanes) {
          hn::Store(Widen(d, hn::Load(d, lanes + i)), DW(), words + i / kLanesPerWord);
        }
      }
      for (size_t left = words_per_row / 2; left > 0; left /= 2) JoinPairs(words, now * left);
      for (size_t k = 0; k < now; ++k) out.field<Word>(0)[r + k] = Body::ToState(words[k]);
      if constexpr (kWithIndex) {
        for (size_t k = 0; k < now; ++k) {
          const V key = hn::Set(d, static_cast<Lane>(words[k]));
          out.field<int64_t>(1)[r + k] = first + hn::FindFirstTrue(d, hn::Eq(hn::LoadU(d, lanes + k * padded), key));
        }
      }
      x += now * n;
      r += now;
    }
  }

  // Looks for the index in the block that has the maximum.
  static void LongRowsWithIndex(const T* x, size_t rows, size_t n, int64_t first, States out) {
    constexpr size_t kBlock = 4096 / sizeof(T);
    const D d;
    for (size_t k = 0; k < rows; ++k, x += n) {
      Word largest = Body::kIdentity;
      size_t at = 0;
      for (size_t from = 0; from < n; from += kBlock) {
        const VW joined = JoinRow(x, from, std::min(n, from + kBlock));
        if (hn::AllFalse(DW(), hn::Gt(joined, hn::Set(DW(), largest)))) continue;
        HWY_ALIGN Word words[kWordLanes];
        hn::Store(joined, DW(), words);
        largest = *std::max_element(words, words + kWordLanes);
        at = from;
      }
      const V key = hn::Set(d, static_cast<Lane>(largest));
      intptr_t found = -1;
      for (; found < 0; at += kLanes) {
        at = std::min(at, n - kLanes);
        found = hn::FindFirstTrue(d, hn::Eq(Body::Of(d, x + at), key));
      }
      out.field<Word>(0)[k] = largest;
      out.field<int64_t>(1)[k] = first + static_cast<int64_t>(at - kLanes) + found;
    }
  }

  // Lanes that rows are joined in before states are; they stay in the first cache.
  static constexpr size_t kStripe = 8192 / sizeof(Lane);
  struct Tile {
    HWY_ALIGN Lane lanes[kStripe];
    HWY_ALIGN Lane row[kWithIndex ? kStripe : 1];
  };

  // `width` lanes of each of `rows` rows. Lane l is of state l % columns, and of row l / columns among those that lie
  // side by side.
  static void Stripe(const T* x, size_t rows, size_t width, size_t stride, int64_t first, size_t columns,
                     States states) {
    constexpr size_t kRowBlock = 8;  // rows read at a time, so that their pages are few
    const D d;
    Tile tile;
    T narrow[kLanes] = {};
    // The last vector may overlap the one before it.
    const size_t vectors = (width + kLanes - 1) / kLanes;
    const auto start = [&](size_t v) { return width < kLanes ? 0 : std::min(v * kLanes, width - kLanes); };
    for (size_t from = 0; from < rows;) {
      const size_t to = std::min(rows, from + Body::kCapacity);
      for (size_t r = from; r < to; r += kRowBlock) {
        const size_t block = std::min(kRowBlock, to - r);
        for (size_t v = 0; v < vectors; ++v) {
          V acc = r == from ? Identity() : hn::Load(d, tile.lanes + v * kLanes);
          V row = hn::Zero(d);
          if constexpr (kWithIndex) {
            if (r != from) row = hn::Load(d, tile.row + v * kLanes);
          }
          const T* p = x + r * stride + start(v);
          for (size_t i = 0; i < block; ++i, p += stride) {
            if (width < kLanes) std::memcpy(narrow, p, width * sizeof(T));
            const V next = Body::Of(d, width < kLanes ? narrow : p);
            if constexpr (kWithIndex)
              row = hn::IfThenElse(hn::Gt(next, acc), hn::Set(d, static_cast<Lane>(r - from + i)), row);
            acc = Body::Join(acc, next);
          }
          hn::Store(acc, d, tile.lanes + v * kLanes);
          if constexpr (kWithIndex) hn::Store(row, d, tile.row + v * kLanes);
        }
      }
      const size_t side_by_side = width / columns;
      const size_t whole = width / kLanes * kLanes;
      const int64_t row = first + static_cast<int64_t>(from * side_by_side);
      for (size_t l = 0; l < width;) {
        const size_t column = l % columns;
        const size_t end = std::min(l < whole ? whole : width, l - column + columns);
        // Where lane l is in the tile, which has the last lanes at the end of its last vector.
        const size_t in_tile = l < whole || width < kLanes ? l : vectors * kLanes - (width - l);
        JoinStates(tile, in_tile, end - l, row + static_cast<int64_t>(l / columns), side_by_side, states.From(column));
        l = end;
      }
      from = to;
    }
  }

  static HWY_INLINE void JoinStates(const Tile& tile, size_t from, size_t count, int64_t first, size_t row_step,
                                    States states) {
    Word* HWY_RESTRICT words = states.field<Word>(0);
    const Lane* HWY_RESTRICT lanes = tile.lanes + from;
    if constexpr (kWithIndex) {
      int64_t* HWY_RESTRICT index = states.field<int64_t>(1);
      const Lane* HWY_RESTRICT rows = tile.row + from;
      for (size_t k = 0; k < count; ++k) {
        const Word key = lanes[k];
        const int64_t row = first + static_cast<int64_t>(static_cast<std::make_unsigned_t<Lane>>(rows[k]) * row_step);
        const bool is_first = key > words[k] || index[k] < 0 || (key == words[k] && row < index[k]);
        words[k] = is_first ? key : words[k];
        index[k] = is_first ? row : index[k];
      }
    } else {
      for (size_t k = 0; k < count; ++k)
        words[k] = Body::JoinWords(words[k], Body::ToState(static_cast<Word>(lanes[k])));
    }
  }

  static void Columns(const FoldParams&, const std::byte* bytes, size_t rows, size_t columns, size_t stride,
                      int64_t first, States states) {
    const T* x = reinterpret_cast<const T*>(bytes);
    constexpr size_t kNarrow = 2 * kLanes;
    if (columns < kNarrow && stride == columns) {  // rows side by side make wider ones
      while (rows > 0) {
        const size_t side_by_side = std::min(rows, kNarrow / columns);
        const size_t now = rows / side_by_side;
        Stripe(x, now, side_by_side * columns, side_by_side * columns, first, columns, states);
        x += now * side_by_side * columns;
        first += static_cast<int64_t>(now * side_by_side);
        rows -= now * side_by_side;
      }
      return;
    }
    for (size_t c = 0; c < columns; c += kStripe) {
      const size_t width = std::min(kStripe, columns - c);
      Stripe(x + c, rows, width, stride, first, width, states.From(c));
    }
  }

  static void Init(States out, size_t count) {
    std::fill_n(out.field<Word>(0), count, Word{Body::kIdentity});
    if constexpr (kWithIndex) std::fill_n(out.field<int64_t>(1), count, -1);
  }

  static void Merge(const FoldParams&, States left, States right, size_t count) {
    Word* HWY_RESTRICT l = left.field<Word>(0);
    const Word* HWY_RESTRICT r = right.field<Word>(0);
    for (size_t k = 0; k < count; ++k) {
      if constexpr (kWithIndex) {
        if (r[k] > l[k]) left.field<int64_t>(1)[k] = right.field<int64_t>(1)[k];
      }
      l[k] = Body::JoinWords(l[k], r[k]);
    }
  }

  static const Fold* Get() {
    static constexpr Fold kFold = {kWithIndex ? 2 : 1, false, Init, Rows, Columns, Merge, true};
    return &kFold;
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace treduce
HWY_AFTER_NAMESPACE();

#endif  // TREDUCE_FOLD_SIMD_ANY_ORDER_INL_H_
