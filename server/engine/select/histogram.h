// How often each value occurs among elements of one or two bytes: all that selections need to know of them.
#ifndef TREDUCE_SERVER_ENGINE_SELECT_HISTOGRAM_H_
#define TREDUCE_SERVER_ENGINE_SELECT_HISTOGRAM_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "server/engine/values/dtype.h"

namespace treduce {

// Counts by the bits of the elements; 0.25 ns an element of one byte, 1 ns one of two. Not thread-safe.
class Histogram {
 public:
  // Of elements of `dtype`, of at most 2 bytes. `with_first` keeps the index of the first element of each value.
  Histogram(DType dtype, bool with_first);

  // The next `n` packed elements, without alignment.
  void Add(const std::byte* x, size_t n);

  // Those of `other`, which must be of the same kind and count elements from index `first` on.
  void Merge(const Histogram& other, int64_t first);

  // Elements added.
  int64_t size() const { return size_; }
  // By the bits of the element, as an unsigned integer.
  int64_t count(size_t bits) const;
  // REQUIRES: with_first, and that there is one.
  int64_t first(size_t bits) const { return firsts_[bits]; }

  // Fewer elements than this are sorted or searched sooner than the tables are cleared.
  static constexpr size_t FewestWorthIt(size_t element_size) { return element_size == 1 ? 512 : size_t{64} << 10; }

  // Bytes of memory that one takes.
  static int64_t ByteCount(DType dtype, bool with_first);

 private:
  template <class Bits>
  void AddBits(const std::byte* x, size_t n);

  const size_t element_size_;
  int64_t size_ = 0;
  // Side by side, so that equal neighbours do not wait for each other: table i counts elements i, i + kTables, ...
  static constexpr size_t kTables = 4;
  std::vector<uint32_t> recent_;  // [bits][table], since they were last moved to counts_
  int64_t recent_count_ = 0;
  std::vector<int64_t> counts_;
  std::vector<int64_t> firsts_;
};

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_SELECT_HISTOGRAM_H_
