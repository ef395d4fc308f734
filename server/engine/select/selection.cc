// The selections, written once over what can be asked for ranks: elements in memory, sorted or not, or their histogram.
#include "server/engine/select/selection.h"

#include <algorithm>
#include <limits>
#include <mutex>
#include <numeric>
#include <utility>

#include "server/engine/select/ranked_elements.h"

namespace treduce {
namespace {

// From this many quantiles on, sorting is faster than looking for one after the other.
constexpr size_t kManyRanks = 8;

// A histogram asked for ranks; the same members as RankedElements.
template <class T>
class RankedHistogram {
 public:
  using Key = KeyType<T>;
  static constexpr Key kHighest = std::numeric_limits<Key>::max();

  explicit RankedHistogram(const Histogram& histogram) : histogram_(histogram), ends_(kKeys) {
    for (size_t bits = 0; bits < kKeys; ++bits) ends_[Place(KeyOfBits(bits))] += histogram.count(bits);
    std::partial_sum(ends_.begin(), ends_.end(), ends_.begin());
  }

  int64_t size() const { return histogram_.size(); }
  int64_t NanCount() const { return FloatKey<T> ? CountAt(kKeys - 1) : 0; }
  void Sort() {}

  std::pair<Key, Key> At(int64_t rank) const { return {KeyOfRank(rank), KeyOfRank(std::min(rank + 1, size() - 1))}; }

  int64_t First(Key key) const {
    int64_t first = std::numeric_limits<int64_t>::max();
    for (size_t bits = 0; bits < kKeys; ++bits) {
      if (KeyOfBits(bits) == key) first = std::min(first, histogram_.first(bits));
    }
    return first;
  }

  Key Mode() const {
    size_t mode = kKeys - 1;
    int64_t most = 0;
    for (size_t place = 0; place < kKeys - (FloatKey<T> ? 1 : 0); ++place) {
      if (CountAt(place) <= most) continue;
      most = CountAt(place);
      mode = place;
    }
    return KeyAt(mode);
  }

 private:
  static constexpr size_t kKeys = size_t{1} << (8 * sizeof(T));

  static Key KeyOfBits(size_t bits) { return AscendingKey<T>::Of(static_cast<Key>(bits)); }
  static Key KeyAt(size_t place) {
    return static_cast<Key>(static_cast<int64_t>(place) + std::numeric_limits<Key>::min());
  }
  Key KeyOfRank(int64_t rank) const {
    return KeyAt(static_cast<size_t>(std::upper_bound(ends_.begin(), ends_.end(), rank) - ends_.begin()));
  }
  int64_t CountAt(size_t place) const { return ends_[place] - (place > 0 ? ends_[place - 1] : 0); }
  static size_t Place(Key key) { return static_cast<size_t>(int64_t{key} - std::numeric_limits<Key>::min()); }

  const Histogram& histogram_;
  std::vector<int64_t> ends_;  // by key, from the lowest: how many elements have it or a lower one
};

// An output of FewKeys asked for ranks; those members of RankedElements that ranks need.
template <class T>
class RankedFew {
 public:
  using Key = KeyType<T>;
  static constexpr Key kHighest = std::numeric_limits<Key>::max();

  RankedFew(const FewKeys<Key>& keys, size_t n, size_t output) : keys_(keys), n_(n), output_(output) {}

  int64_t size() const { return static_cast<int64_t>(n_); }
  int64_t NanCount() const {
    size_t rest = n_;
    while (FloatKey<T> && rest > 0 && keys_.sorted[rest - 1][output_] == kHighest) --rest;
    return static_cast<int64_t>(n_ - rest);
  }
  void Sort() {}

  std::pair<Key, Key> At(int64_t rank) const {
    const auto r = static_cast<size_t>(rank);
    return {keys_.sorted[r][output_], keys_.sorted[std::min(r + 1, n_ - 1)][output_]};
  }

 private:
  const FewKeys<Key>& keys_;
  const size_t n_;
  const size_t output_;
};

// --- The selections. A `Ranked` is one of the three.

template <class Ranked>
void StoreKey(const SelectionParams& params, Ranked& ranked, typename Ranked::Key key, States out, size_t k) {
  out.field<int64_t>(0)[k] = key;
  if (params.with_index) out.field<int64_t>(1)[k] = ranked.First(key);
}

template <class Key>
void StoreFew(const SelectionParams& params, const FewElements& elements, const FewKeys<Key>& keys,
              const Key (&found)[kFewOutputs], States out, size_t k) {
  std::copy_n(found, elements.outputs, out.field<int64_t>(0) + k);
  if (!params.with_index) return;
  alignas(64) Key firsts[kFewOutputs];
  FirstsOfFew(elements, keys, found, firsts);
  std::copy_n(firsts, elements.outputs, out.field<int64_t>(1) + k);
}

template <bool kIgnoreNan>
struct Median {
  static int FieldCount(const SelectionParams& params) { return params.with_index ? 2 : 1; }

  template <class Ranked>
  static auto KeyOf(Ranked& ranked) {
    auto key = Ranked::kHighest;
    const int64_t count = ranked.size() - (kIgnoreNan ? ranked.NanCount() : 0);
    if (count > 0) key = ranked.At((count - 1) / 2).first;
    if (!kIgnoreNan && ranked.NanCount() > 0) key = Ranked::kHighest;
    return key;
  }

  template <class Ranked>
  static void Select(const SelectionParams& params, Ranked& ranked, States out, size_t k) {
    StoreKey(params, ranked, KeyOf(ranked), out, k);
  }

  template <class T>
  static void SelectFew(const SelectionParams& params, const FewElements& elements, const FewKeys<KeyType<T>>& keys,
                        States out, size_t k) {
    alignas(64) KeyType<T> medians[kFewOutputs];
    for (size_t i = 0; i < elements.outputs; ++i) {
      RankedFew<T> ranked(keys, elements.n, i);
      medians[i] = KeyOf(ranked);
    }
    StoreFew(params, elements, keys, medians, out, k);
  }
};

struct Mode {
  static int FieldCount(const SelectionParams& params) { return params.with_index ? 2 : 1; }

  template <class Ranked>
  static void Select(const SelectionParams& params, Ranked& ranked, States out, size_t k) {
    StoreKey(params, ranked, ranked.Mode(), out, k);
  }

  template <class T>
  static void SelectFew(const SelectionParams& params, const FewElements& elements, const FewKeys<KeyType<T>>& keys,
                        States out, size_t k) {
    alignas(64) KeyType<T> modes[kFewOutputs];
    ModesOfFew(elements, keys, FloatKey<T>, modes);
    StoreFew(params, elements, keys, modes, out, k);
  }
};

template <bool kIgnoreNan>
struct QuantileSearch {
  static int FieldCount(const SelectionParams& params) {
    return 1 + 2 * static_cast<int>(params.quantiles->q.values().size());
  }

  template <class Ranked>
  static void Select(const SelectionParams& params, Ranked& ranked, States out, size_t k) {
    const int64_t count = ranked.size() - (kIgnoreNan ? ranked.NanCount() : 0);
    out.field<int64_t>(0)[k] = count;
    const size_t quantiles = params.quantiles->q.values().size();
    if (quantiles >= kManyRanks) ranked.Sort();
    for (size_t i = 0; i < quantiles; ++i) {
      int64_t& low = out.field<int64_t>(1 + 2 * static_cast<int>(i))[k];
      int64_t& high = out.field<int64_t>(2 + 2 * static_cast<int>(i))[k];
      low = high = Ranked::kHighest;
      if (count == 0 || (!kIgnoreNan && i > 0 && ranked.NanCount() > 0)) continue;
      const QuantileRank rank = RankOf(params, i, count);
      const auto [first, second] = ranked.At(rank.low);
      if (!kIgnoreNan && ranked.NanCount() > 0) continue;
      low = first;
      high = rank.high > rank.low ? second : first;
    }
  }

  template <class T>
  static void SelectFew(const SelectionParams& params, const FewElements& elements, const FewKeys<KeyType<T>>& keys,
                        States out, size_t k) {
    for (size_t i = 0; i < elements.outputs; ++i) {
      RankedFew<T> ranked(keys, elements.n, i);
      Select(params, ranked, out, k + i);
    }
  }
};

// --- Selections of one element type.

template <class Op, class T>
struct SelectionOf {
  static void OfElements(const SelectionParams& params, const std::byte* x, size_t n, SelectionScratch& scratch,
                         ParallelFor parallel_for, States out, size_t k) {
    if constexpr (sizeof(T) <= 2) {
      if (n >= Histogram::FewestWorthIt(sizeof(T)))
        return OfHistogram(params, Count(params, x, n, parallel_for), out, k);
    }
    RankedElements<T> ranked(x, n, scratch, parallel_for);
    Op::Select(params, ranked, out, k);
  }

  static void OfFew(const SelectionParams& params, const FewElements& elements, States out, size_t k) {
    FewKeys<KeyType<T>> keys;
    KeysOfFew<T>(elements, keys);
    Op::template SelectFew<T>(params, elements, keys, out, k);
  }

  static void OfHistogram(const SelectionParams& params, const Histogram& histogram, States out, size_t k) {
    if constexpr (sizeof(T) <= 2) {
      RankedHistogram<T> ranked(histogram);
      Op::Select(params, ranked, out, k);
    }
  }

  static const Selection* Get() {
    static constexpr Selection kSelection = {Op::FieldCount, OfElements, OfFew, sizeof(T) <= 2 ? OfHistogram : nullptr};
    return &kSelection;
  }

 private:
  static Histogram Count(const SelectionParams& params, const std::byte* x, size_t n, ParallelFor parallel_for) {
    constexpr DType kDType = sizeof(T) == 1 ? DType::kUInt8 : DType::kUInt16;
    Histogram total(kDType, params.with_index);
    if (n < kManyElements) {
      total.Add(x, n);
      return total;
    }
    // Few parts: each has tables of its own.
    constexpr size_t kParts = 16;
    const auto begin_of = [n](size_t part) { return n / kParts * part + std::min(part, n % kParts); };
    std::mutex mutex;
    parallel_for(kParts, [&](size_t begin, size_t end) {
      Histogram part(kDType, params.with_index);
      const size_t first = begin_of(begin);
      part.Add(x + first * sizeof(T), begin_of(end) - first);
      const std::lock_guard lock(mutex);
      total.Merge(part, static_cast<int64_t>(first));
    });
    return total;
  }
};

template <class Op>
const Selection* OfDType(DType dtype) {
  return VisitRealType(dtype, []<class T>(std::type_identity<T>) { return SelectionOf<Op, T>::Get(); });
}

}  // namespace

double QuantileAt(const SelectionParams& params, size_t i) {
  const double q = params.quantiles->q.values()[i];
  return params.rounds_q ? static_cast<double>(static_cast<float>(q)) : q;
}

QuantileRank RankOf(const SelectionParams& params, size_t i, int64_t count) {
  return RankOf(QuantileAt(params, i), params.quantiles->interpolation, count);
}

const Selection* FindSelection(SelectionKind kind, DType dtype) {
  switch (kind) {
    case SelectionKind::kMedian:
      return OfDType<Median<false>>(dtype);
    case SelectionKind::kNanMedian:
      return OfDType<Median<true>>(dtype);
    case SelectionKind::kMode:
      return OfDType<Mode>(dtype);
    case SelectionKind::kQuantiles:
      return OfDType<QuantileSearch<false>>(dtype);
    case SelectionKind::kNanQuantiles:
      return OfDType<QuantileSearch<true>>(dtype);
  }
  return nullptr;
}

double ScratchByteCount(SelectionKind kind, const SelectionParams& params, DType dtype, double n) {
  const auto size = static_cast<double>(ByteSize(dtype));
  // Tables of two histograms: a total, and that of the part under way.
  if (size <= 2) return 2.0 * static_cast<double>(Histogram::ByteCount(dtype, true));
  if (kind == SelectionKind::kMode ||
      (params.quantiles != nullptr && params.quantiles->q.values().size() >= kManyRanks)) {
    return (2 * n + kScanSlack) * size;
  }
  // What a scan finds, what it finds in that, and a sample; or a table of 64 Ki counts.
  return n <= kFewElements ? (n + kScanSlack) * size
                           : (2 * static_cast<double>(MostInside(static_cast<size_t>(n))) + n / 32) * size + 0x1p19;
}

}  // namespace treduce
