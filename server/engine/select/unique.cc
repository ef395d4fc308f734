// Groups of slices that are equal so far, split by one element after the other until none is left. Single elements are
// looked at in one go, sorted or counted before if need be.
#include "server/engine/select/unique.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "server/engine/select/histogram.h"
#include "server/engine/select/radix_sort.h"
#include "server/engine/select/scan.h"
#include "server/engine/select/sorted_keys.h"
#include "server/engine/values/cancellation.h"
#include "server/engine/values/huge_pages.h"

namespace treduce {
namespace {

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
    return treduce::KeyAt<T>(element, static_cast<size_t>(slice * tensor_.inner));
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

// Unique slices by their numbers.
struct UniqueSlices {
  std::vector<int64_t> representatives;  // the first slice of each distinct one
  std::vector<int64_t> counts;           // how many slices are equal to each representative
  int64_t* inverse;                      // for each slice its place in `representatives`
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
  unique.representatives.reserve(runs.begins.size());
  for (size_t u = 0; u < runs.begins.size(); ++u) {
    const size_t begin = runs.begins[u];
    const size_t end = u + 1 < runs.begins.size() ? runs.begins[u + 1] : extent;
    unique.representatives.push_back(at(begin));
    if (request.with_counts) unique.counts.push_back(static_cast<int64_t>(end - begin));
    if (!request.with_inverse) continue;
    for (size_t i = begin; i < end; ++i) unique.inverse[at(i)] = static_cast<int64_t>(u);
  }
}

template <class T, class Index>
bool FindSorted(const Slices<T>& slices, size_t extent, const UniqueRequest& request, SelectionScratch& scratch,
                UniqueSlices& unique) {
  using Key = KeyType<T>;
  using Record = KeyedIndex<Key, Index>;
  Runs<Index> runs;
  runs.order.resize(extent);
  for (size_t i = 0; i < extent; ++i) runs.order[i] = static_cast<Index>(i);
  Record* const records = scratch.keys<Record>(extent);
  Record* const spare = scratch.spare<Record>(extent);
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
      if (looked_at >= kCancellationStep) {
        if (IsRaised(request.cancelled)) return false;
        looked_at = 0;
      }
      for (size_t i = 0; i < n; ++i) {
        const Index slice = runs.order[begin + i];
        records[i] = {slices.KeyAt(keys, static_cast<int64_t>(slice)), slice};
      }
      if (!RadixSort(records, spare, n, request.cancelled)) return false;
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

template <class T>
bool FindConsecutive(const Slices<T>& slices, int64_t extent, const UniqueRequest& request, UniqueSlices& unique) {
  int64_t looked_at = 0;
  for (int64_t slice = 0; slice < extent; ++slice) {
    if ((looked_at += slices.element_count()) >= kCancellationStep) {
      if (IsRaised(request.cancelled)) return false;
      looked_at = 0;
    }
    if (slice == 0 || !slices.AreEqual(slice - 1, slice)) {
      unique.representatives.push_back(slice);
      if (request.with_counts) unique.counts.push_back(0);
    }
    if (request.with_counts) ++unique.counts.back();
    if (request.with_inverse) unique.inverse[slice] = static_cast<int64_t>(unique.representatives.size()) - 1;
  }
  return true;
}

// Of slices of any size.
template <class T>
bool FindSlices(const Slices<T>& slices, int64_t extent, const UniqueRequest& request, SelectionScratch& scratch,
                UniqueSlices& unique) {
  if (request.consecutive) return FindConsecutive(slices, extent, request, unique);
  const auto n = static_cast<size_t>(extent);
  return n <= std::numeric_limits<uint32_t>::max() ? FindSorted<T, uint32_t>(slices, n, request, scratch, unique)
                                                   : FindSorted<T, uint64_t>(slices, n, request, scratch, unique);
}

// Writes these slices of the tensor, as a tensor of as many. False as FindUnique.
template <class T>
bool CopySlices(const SlicedTensor& tensor, const std::vector<int64_t>& chosen, const std::atomic<bool>* cancelled,
                std::byte* out) {
  if (chosen.empty()) return true;  // of slices without elements there may be very many
  const Slices<T> slices(tensor);
  int64_t copied = 0;
  for (int64_t outer = 0; outer < tensor.outer; ++outer) {
    for (const int64_t slice : chosen) {
      if ((copied += tensor.inner) >= kCancellationStep) {
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

// Reserves memory of which little may turn out to be needed; what is not touched costs nothing.
void Reserve(std::vector<std::byte>& bytes, size_t byte_count) {
  bytes.reserve(byte_count);
  PreferHugePages(bytes.data(), byte_count);
}

void Trim(std::vector<std::byte>& bytes) {
  if (bytes.size() < bytes.capacity() / 2) bytes.shrink_to_fit();
}

template <class V>
void AppendTo(std::vector<std::byte>& bytes, const V* values, size_t n) {
  const auto* begin = reinterpret_cast<const std::byte*>(values);
  bytes.insert(bytes.end(), begin, begin + n * sizeof(V));
}

// Makes the tensors of single elements that come in an order in which equal ones are neighbours.
template <class T>
class RunWriter {
 public:
  using Key = KeyType<T>;

  // Of `extent` elements in all.
  RunWriter(size_t extent, const UniqueRequest& request, UniqueTensors& unique) : request_(request), unique_(unique) {
    Reserve(unique.values, extent * sizeof(T));
    if (request.with_counts) Reserve(unique.counts, extent * sizeof(int64_t));
  }

  // The next n <= kScanBlock elements, at least one, of the slices of number slice_of(0), slice_of(1), ...
  template <class SliceOf>
  void Append(const std::byte* x, size_t n, const SliceOf& slice_of) {
    const Key first = KeyAt<T>(x, 0);
    if (size_ == 0) last_ = static_cast<Key>(~first);
    Key values[kScanBlock + kScanSlack];
    size_t count = 0;
    if (IsStart(last_, first)) values[count++] = AscendingKey<T>::Bits(first);
    count += CopyRunStarts<T>(x + sizeof(T), n - 1, values + count);
    AppendTo(unique_.values, values, count);
    if (request_.with_counts || request_.with_inverse) AppendPlaces(x, n, slice_of);
    unique_.count += static_cast<int64_t>(count);
    last_ = KeyAt<T>(x, n - 1);
    size_ += static_cast<int64_t>(n);
  }

  // False when the flag was raised meanwhile.
  bool Finish() {
    Trim(unique_.values);
    if (!request_.with_counts) return true;
    // So far they are the places where runs begin.
    auto* counts = reinterpret_cast<int64_t*>(unique_.counts.data());
    const auto runs = static_cast<size_t>(unique_.count);
    const bool done = ForEachBlock(runs, request_.cancelled, [&](size_t begin, size_t end) {
      for (size_t u = begin; u < end; ++u) counts[u] = (u + 1 < runs ? counts[u + 1] : size_) - counts[u];
    });
    Trim(unique_.counts);
    return done;
  }

 private:
  static bool IsStart(Key before, Key key) { return key != before || Slices<T>::IsNan(key); }

  template <class SliceOf>
  void AppendPlaces(const std::byte* x, size_t n, const SliceOf& slice_of) {
    int64_t begins[kScanBlock + 1];
    size_t count = 0;
    Key before = last_;
    for (size_t i = 0; i < n; ++i) {
      const Key key = KeyAt<T>(x, i);
      begins[count] = size_ + static_cast<int64_t>(i);
      count += IsStart(before, key) ? 1 : 0;
      before = key;
      if (request_.with_inverse) unique_.inverse[slice_of(i)] = unique_.count + static_cast<int64_t>(count) - 1;
    }
    if (request_.with_counts) AppendTo(unique_.counts, begins, count);
  }

  const UniqueRequest& request_;
  UniqueTensors& unique_;
  int64_t size_ = 0;
  Key last_ = 0;
};

template <class T>
bool FindConsecutiveElements(const std::byte* x, size_t extent, const UniqueRequest& request, UniqueTensors& unique) {
  RunWriter<T> writer(extent, request, unique);
  return ForEachBlock(extent, request.cancelled,
                      [&](size_t begin, size_t end) {
                        for (size_t at = begin; at < end; at += kScanBlock) {
                          writer.Append(x + at * sizeof(T), std::min(kScanBlock, end - at),
                                        [at](size_t i) { return at + i; });
                        }
                      }) &&
         writer.Finish();
}

// The keys of single elements, as an array of Record. Records are keys, or, if they are wider, keys above the index in
// the lower half of the bits.
template <class T, class Record>
struct ElementKeys {
  static constexpr bool kWithIndex = sizeof(Record) > sizeof(T);
  static constexpr int kIndexBits = 4 * sizeof(Record);

  const std::byte* x;

  Record operator[](size_t i) const {
    const KeyType<T> key = KeyAt<T>(x, i);
    if constexpr (kWithIndex) {
      return static_cast<Record>(static_cast<uint64_t>(key) << kIndexBits | i);
    } else {
      return key;
    }
  }

  static size_t IndexOf(Record record) { return static_cast<size_t>(record) & ((size_t{1} << kIndexBits) - 1); }

  static KeyType<T> KeyOf(Record record) {
    if constexpr (kWithIndex) {
      return static_cast<KeyType<T>>(record >> kIndexBits);
    } else {
      return record;
    }
  }
};

template <class T, class Record>
bool FindSortedElements(const std::byte* x, size_t extent, const UniqueRequest& request, SelectionScratch& scratch,
                        UniqueTensors& unique) {
  using Keys = ElementKeys<T, Record>;
  RunWriter<T> writer(extent, request, unique);
  const auto take = [&](const Record* records, size_t n) {
    return ForEachBlock(n, request.cancelled, [&](size_t begin, size_t end) {
      KeyType<T> elements[kScanBlock];
      for (size_t at = begin; at < end; at += kScanBlock) {
        const size_t now = std::min(kScanBlock, end - at);
        for (size_t i = 0; i < now; ++i) elements[i] = AscendingKey<T>::Bits(Keys::KeyOf(records[at + i]));
        writer.Append(reinterpret_cast<const std::byte*>(elements), now,
                      [&](size_t i) { return Keys::IndexOf(records[at + i]); });
      }
    });
  };
  Record* const spare = extent > kKeysAtOnce ? scratch.spare<Record>(extent) : nullptr;
  return KeySorter<Record, decltype(take)>(take, request.cancelled)
             .Sort(Keys{x}, extent, scratch.keys<Record>(extent), spare) &&
         writer.Finish();
}

// Of single elements of one or two bytes, by counting.
template <class T>
bool FindByHistogram(const SlicedTensor& tensor, const UniqueRequest& request, UniqueTensors& unique) {
  using Key = KeyType<T>;
  constexpr size_t kKeys = size_t{1} << (8 * sizeof(T));
  const auto extent = static_cast<size_t>(tensor.extent);
  const auto index_of = [](Key key) { return static_cast<size_t>(key - std::numeric_limits<Key>::min()); };
  const auto key_of = [](size_t index) {
    return static_cast<Key>(static_cast<int>(index) + std::numeric_limits<Key>::min());
  };
  Histogram histogram(sizeof(T) == 1 ? DType::kUInt8 : DType::kUInt16, /*with_first=*/false);
  if (!ForEachBlock(extent, request.cancelled,
                    [&](size_t begin, size_t end) { histogram.Add(tensor.data + begin * sizeof(T), end - begin); })) {
    return false;
  }
  // By key: elements, and then the place of the first of them.
  std::vector<int64_t> keys(kKeys);
  for (size_t bits = 0; bits < kKeys; ++bits) {
    keys[index_of(AscendingKey<T>::Of(static_cast<Key>(bits)))] += histogram.count(bits);
  }
  // Each NaN is one of its own.
  const auto distinct = [&](size_t index) { return Slices<T>::IsNan(key_of(index)) ? keys[index] : keys[index] > 0; };
  size_t total = 0;
  for (size_t index = 0; index < kKeys; ++index) total += static_cast<size_t>(distinct(index));
  Reserve(unique.values, total * sizeof(T));
  if (request.with_counts) Reserve(unique.counts, total * sizeof(int64_t));
  for (size_t index = 0; index < kKeys; ++index) {
    const int64_t found = distinct(index);
    const Key value = AscendingKey<T>::Bits(key_of(index));
    const int64_t count = found > 1 ? 1 : keys[index];
    keys[index] = unique.count;
    if (!ForEachBlock(static_cast<size_t>(found), request.cancelled, [&](size_t begin, size_t end) {
          for (size_t i = begin; i < end; ++i) {
            AppendTo(unique.values, &value, 1);
            if (request.with_counts) AppendTo(unique.counts, &count, 1);
          }
        })) {
      return false;
    }
    unique.count += found;
  }
  if (!request.with_inverse) return true;
  const Slices<T> slices(tensor);
  return ForEachBlock(extent, request.cancelled, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const Key key = slices.KeyAt(tensor.data, static_cast<int64_t>(i));
      int64_t& place = keys[index_of(key)];
      unique.inverse[i] = place;
      if (Slices<T>::IsNan(key)) ++place;
    }
  });
}

// Elements of one or two bytes that are worth counting; fewer have an index of 16 bits.
bool AreCounted(const SlicedTensor& tensor) {
  const auto size = static_cast<size_t>(ByteSize(tensor.dtype));
  return size <= 2 && tensor.extent > static_cast<int64_t>(Histogram::FewestWorthIt(size));
}
static_assert(Histogram::FewestWorthIt(2) <= size_t{1} << 16);

bool AreElements(const SlicedTensor& tensor) { return tensor.outer == 1 && tensor.inner == 1; }

// The bytes of what is sorted of single elements that are not counted; 0 if they are sorted as slices are. Keys of two
// bytes alone would take longer than with their index.
size_t RecordSize(const SlicedTensor& tensor, const UniqueRequest& request) {
  if (!AreElements(tensor)) return 0;
  const auto size = static_cast<size_t>(ByteSize(tensor.dtype));
  if (size <= 2) return sizeof(int32_t);
  if (!request.with_inverse) return size;
  return size == 4 && tensor.extent <= std::numeric_limits<uint32_t>::max() ? sizeof(int64_t) : 0;
}

template <class T>
bool Find(const SlicedTensor& tensor, const UniqueRequest& request, SelectionScratch& scratch, UniqueTensors& unique) {
  const auto extent = static_cast<size_t>(tensor.extent);
  if (AreElements(tensor) && request.consecutive) {
    return FindConsecutiveElements<T>(tensor.data, extent, request, unique);
  }
  if constexpr (sizeof(T) <= 2) {
    if (AreElements(tensor) && AreCounted(tensor)) return FindByHistogram<T>(tensor, request, unique);
  }
  const size_t record = request.consecutive ? 0 : RecordSize(tensor, request);
  if constexpr (sizeof(T) <= 2) {
    if (record != 0) return FindSortedElements<T, int32_t>(tensor.data, extent, request, scratch, unique);
  } else {
    if (record == sizeof(T)) return FindSortedElements<T, KeyType<T>>(tensor.data, extent, request, scratch, unique);
  }
  if constexpr (sizeof(T) == 4) {
    if (record != 0) return FindSortedElements<T, int64_t>(tensor.data, extent, request, scratch, unique);
  }
  UniqueSlices slices = {.representatives = {}, .counts = {}, .inverse = unique.inverse};
  if (!FindSlices(Slices<T>(tensor), tensor.extent, request, scratch, slices)) return false;
  unique.count = static_cast<int64_t>(slices.representatives.size());
  unique.values.resize(slices.representatives.size() * static_cast<size_t>(tensor.outer * tensor.inner) * sizeof(T));
  if (request.with_counts) AppendTo(unique.counts, slices.counts.data(), slices.counts.size());
  return CopySlices<T>(tensor, slices.representatives, request.cancelled, unique.values.data());
}

}  // namespace

bool FindUnique(const SlicedTensor& tensor, const UniqueRequest& request, SelectionScratch& scratch,
                UniqueTensors& unique) {
  return VisitRealType(tensor.dtype,
                       [&]<class T>(std::type_identity<T>) { return Find<T>(tensor, request, scratch, unique); });
}

double UniqueByteCount(const SlicedTensor& tensor, const UniqueRequest& request) {
  const auto extent = static_cast<double>(tensor.extent);
  if (AreElements(tensor) && request.consecutive) return 0;
  if (AreElements(tensor) && AreCounted(tensor)) return 0x1p22;
  if (const size_t record = request.consecutive ? 0 : RecordSize(tensor, request); record != 0) {
    return 2 * extent * static_cast<double>(record);
  }
  // Vectors that grow hold up to twice what is in them, and once more while they do.
  double per_slice = 3 * 8.0 * (1 + (request.with_counts ? 1 : 0));
  if (!request.consecutive) {
    const double index = extent < 0x1p32 ? 4 : 8;
    const double record = std::max(index, static_cast<double>(ByteSize(tensor.dtype))) + index;
    // Records twice, the order, where slices begin, and the ranges under way.
    per_slice += 2 * record + 2 * index + 1.0 / 8 + 2 * 3 * index;
  }
  return extent * per_slice;
}

}  // namespace treduce
