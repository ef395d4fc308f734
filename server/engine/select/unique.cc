// Groups of slices that are equal so far, split by one element after the other until none is left.
#include "server/engine/select/unique.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "server/engine/select/histogram.h"
#include "server/engine/select/radix_sort.h"
#include "server/engine/select/scan.h"
#include "server/engine/values/cancellation.h"

namespace treduce {
namespace {

// Slices between two looks at the cancellation flag.
constexpr int64_t kSlicesAtOnce = 1 << 20;

template <class T>
class Slices {
 public:
  using Key = KeyType<T>;

  explicit Slices(const SlicedTensor& tensor) : tensor_(tensor) {}

  int64_t element_count() const { return tensor_.outer * tensor_.inner; }

  // Where the elements of number `element` are, that of slice 0 first.
  const std::byte* Element(int64_t element) const {
    const int64_t offset = element / tensor_.inner * tensor_.extent * tensor_.inner + element % tensor_.inner;
    return tensor_.data + offset * static_cast<int64_t>(sizeof(T));
  }

  Key KeyAt(const std::byte* element, int64_t slice) const {
    Key bits;
    std::memcpy(&bits, element + slice * tensor_.inner * static_cast<int64_t>(sizeof(T)), sizeof(T));
    return AscendingKey<T>::Of(bits);
  }

  static bool IsNan(Key key) { return FloatKey<T> && key == std::numeric_limits<Key>::max(); }

  bool AreEqual(int64_t a, int64_t b) const {
    for (int64_t outer = 0; outer < tensor_.outer; ++outer) {
      const std::byte* element = Element(outer * tensor_.inner);
      for (int64_t i = 0; i < tensor_.inner; ++i, element += sizeof(T)) {
        const Key key = KeyAt(element, a);
        if (key != KeyAt(element, b) || IsNan(key)) return false;
      }
    }
    return true;
  }

 private:
  const SlicedTensor tensor_;
};

// Slices in an order in which equal ones are neighbours, and where each distinct one begins.
template <class Index>
struct Runs {
  std::vector<Index> order;
  std::vector<Index> begins;
};

// The result of runs. In them equal slices keep their order, so that the first is the representative.
template <class Index>
void Report(const Runs<Index>& runs, const UniqueRequest& request, UniqueSlices& unique) {
  const auto at = [&](size_t i) { return static_cast<int64_t>(runs.order[i]); };
  const size_t extent = runs.order.size();
  if (request.with_inverse) unique.inverse.resize(extent);
  unique.representatives.reserve(runs.begins.size());
  for (size_t u = 0; u < runs.begins.size(); ++u) {
    const size_t begin = runs.begins[u];
    const size_t end = u + 1 < runs.begins.size() ? runs.begins[u + 1] : extent;
    unique.representatives.push_back(at(begin));
    if (request.with_counts) unique.counts.push_back(static_cast<int64_t>(end - begin));
    if (!request.with_inverse) continue;
    for (size_t i = begin; i < end; ++i) unique.inverse[static_cast<size_t>(at(i))] = static_cast<int64_t>(u);
  }
}

template <class T, class Index>
bool FindSorted(const Slices<T>& slices, size_t extent, const UniqueRequest& request, UniqueSlices& unique) {
  using Key = KeyType<T>;
  using Record = KeyedIndex<Key, Index>;
  Runs<Index> runs;
  runs.order.resize(extent);
  for (size_t i = 0; i < extent; ++i) runs.order[i] = static_cast<Index>(i);
  const std::unique_ptr<Record[]> records(new Record[extent]);
  const std::unique_ptr<Record[]> spare(new Record[extent]);
  // Ranges of `order` whose slices are equal in all elements looked at so far.
  using Range = std::pair<Index, Index>;
  std::vector<Range> groups, split;
  if (extent > 0) groups.emplace_back(0, static_cast<Index>(extent));
  std::vector<bool> begins(extent, false);
  if (extent > 0) begins[0] = true;
  int64_t looked_at = 0;
  for (int64_t element = 0; element < slices.element_count() && !groups.empty(); ++element) {
    split.clear();
    const std::byte* keys = slices.Element(element);
    for (const auto& [begin, end] : groups) {
      const size_t n = end - begin;
      looked_at += static_cast<int64_t>(n);
      if (looked_at >= kSlicesAtOnce) {
        if (IsRaised(request.cancelled)) return false;
        looked_at = 0;
      }
      for (size_t i = 0; i < n; ++i) {
        const Index slice = runs.order[begin + i];
        records[i] = {slices.KeyAt(keys, static_cast<int64_t>(slice)), slice};
      }
      if (!RadixSort(records.get(), spare.get(), n, request.cancelled)) return false;
      for (size_t first = 0; first < n;) {
        const Key key = records[first].key;
        size_t last = first + 1;
        while (last < n && records[last].key == key && !slices.IsNan(key)) ++last;
        begins[begin + first] = true;
        if (last - first > 1) split.emplace_back(begin + first, begin + last);
        first = last;
      }
      for (size_t i = 0; i < n; ++i) runs.order[begin + i] = records[i].index;
    }
    groups.swap(split);
  }
  for (size_t i = 0; i < extent; ++i) {
    if (begins[i]) runs.begins.push_back(static_cast<Index>(i));
  }
  Report(runs, request, unique);
  return true;
}

// Of single elements of one or two bytes, by counting.
template <class T>
bool FindByHistogram(const Slices<T>& slices, int64_t extent, const UniqueRequest& request, UniqueSlices& unique) {
  using Key = KeyType<T>;
  constexpr int64_t kLowest = std::numeric_limits<Key>::min();
  const std::byte* x = slices.Element(0);
  Histogram histogram(sizeof(T) == 1 ? DType::kUInt8 : DType::kUInt16, /*with_first=*/true);
  for (int64_t at = 0; at < extent; at += kSlicesAtOnce) {
    if (IsRaised(request.cancelled)) return false;
    histogram.Add(x + at * static_cast<int64_t>(sizeof(T)), static_cast<size_t>(std::min(kSlicesAtOnce, extent - at)));
  }
  struct Bin {
    int64_t count = 0;
    int64_t first = std::numeric_limits<int64_t>::max();
    int64_t place = 0;
  };
  std::vector<Bin> bins(size_t{1} << (8 * sizeof(T)));
  const auto bin_of = [&](Key key) -> Bin& { return bins[static_cast<size_t>(key - kLowest)]; };
  for (size_t bits = 0; bits < bins.size(); ++bits) {
    Bin& bin = bin_of(AscendingKey<T>::Of(static_cast<Key>(bits)));
    bin.count += histogram.count(bits);
    bin.first = std::min(bin.first, histogram.first(bits));
  }
  for (Bin& bin : bins) {
    if (bin.count == 0) continue;
    bin.place = static_cast<int64_t>(unique.representatives.size());
    // Each NaN is one of its own; all look the same.
    const bool is_nan = slices.IsNan(static_cast<Key>(&bin - bins.data() + kLowest));
    unique.representatives.resize(unique.representatives.size() + static_cast<size_t>(is_nan ? bin.count : 1),
                                  bin.first);
    if (request.with_counts) unique.counts.resize(unique.representatives.size(), is_nan ? 1 : bin.count);
  }
  if (!request.with_inverse) return true;
  unique.inverse.resize(static_cast<size_t>(extent));
  for (int64_t slice = 0; slice < extent; ++slice) {
    const Key key = slices.KeyAt(x, slice);
    unique.inverse[static_cast<size_t>(slice)] = slices.IsNan(key) ? bin_of(key).place++ : bin_of(key).place;
  }
  return true;
}

template <class T>
bool FindConsecutive(const Slices<T>& slices, int64_t extent, const UniqueRequest& request, UniqueSlices& unique) {
  int64_t looked_at = 0;
  for (int64_t slice = 0; slice < extent; ++slice) {
    if ((looked_at += slices.element_count()) >= kSlicesAtOnce) {
      if (IsRaised(request.cancelled)) return false;
      looked_at = 0;
    }
    if (slice == 0 || !slices.AreEqual(slice - 1, slice)) {
      unique.representatives.push_back(slice);
      if (request.with_counts) unique.counts.push_back(0);
    }
    if (request.with_counts) ++unique.counts.back();
    if (request.with_inverse) unique.inverse.push_back(static_cast<int64_t>(unique.representatives.size()) - 1);
  }
  return true;
}

template <class T>
bool Find(const SlicedTensor& tensor, const UniqueRequest& request, UniqueSlices& unique) {
  const Slices<T> slices(tensor);
  if (request.consecutive) return FindConsecutive(slices, tensor.extent, request, unique);
  if constexpr (sizeof(T) <= 2) {
    const bool is_flat = slices.element_count() == 1;
    if (is_flat && tensor.extent >= static_cast<int64_t>(Histogram::FewestWorthIt(sizeof(T))))
      return FindByHistogram(slices, tensor.extent, request, unique);
  }
  const auto extent = static_cast<size_t>(tensor.extent);
  return extent <= std::numeric_limits<uint32_t>::max() ? FindSorted<T, uint32_t>(slices, extent, request, unique)
                                                        : FindSorted<T, uint64_t>(slices, extent, request, unique);
}

template <class T>
bool Copy(const SlicedTensor& tensor, const std::vector<int64_t>& chosen, const std::atomic<bool>* cancelled,
          std::byte* out) {
  if (chosen.empty()) return true;  // of slices without elements there may be very many
  const Slices<T> slices(tensor);
  int64_t copied = 0;
  for (int64_t outer = 0; outer < tensor.outer; ++outer) {
    for (const int64_t slice : chosen) {
      if ((copied += tensor.inner) >= kSlicesAtOnce) {
        if (IsRaised(cancelled)) return false;
        copied = 0;
      }
      const std::byte* element = slices.Element(outer * tensor.inner);
      for (int64_t i = 0; i < tensor.inner; ++i, element += sizeof(T), out += sizeof(T)) {
        const auto bits = AscendingKey<T>::Bits(slices.KeyAt(element, slice));
        std::memcpy(out, &bits, sizeof(T));
      }
    }
  }
  return true;
}

}  // namespace

bool FindUnique(const SlicedTensor& tensor, const UniqueRequest& request, UniqueSlices& unique) {
  return VisitRealType(tensor.dtype, [&]<class T>(std::type_identity<T>) { return Find<T>(tensor, request, unique); });
}

bool CopySlices(const SlicedTensor& tensor, const std::vector<int64_t>& slices, const std::atomic<bool>* cancelled,
                std::byte* out) {
  return VisitRealType(tensor.dtype,
                       [&]<class T>(std::type_identity<T>) { return Copy<T>(tensor, slices, cancelled, out); });
}

double UniqueByteCount(DType dtype, double extent, const UniqueRequest& request) {
  // Vectors that grow hold up to twice what is in them, and once more while they do.
  double per_slice = 3 * 8.0 * (1 + (request.with_inverse ? 1 : 0) + (request.with_counts ? 1 : 0));
  if (!request.consecutive) {
    const double index = extent < 0x1p32 ? 4 : 8;
    const double record = std::max(index, static_cast<double>(ByteSize(dtype))) + index;
    // Records twice, the order, where slices begin, and the ranges under way.
    per_slice += 2 * record + 2 * index + 1.0 / 8 + 2 * 3 * index;
  }
  return extent * per_slice + (ByteSize(dtype) <= 2 ? 0x1p22 : 0);
}

}  // namespace treduce
