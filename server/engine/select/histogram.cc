// Counting into tables of 32-bit numbers, moved to wider ones before they can overflow.
#include "server/engine/select/histogram.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace treduce {
namespace {

constexpr int64_t kNoFirst = std::numeric_limits<int64_t>::max();

size_t ValueCount(size_t element_size) { return size_t{1} << (8 * element_size); }

template <class Bits>
Bits Load(const std::byte* x, size_t i) {
  Bits bits;
  std::memcpy(&bits, x + i * sizeof(Bits), sizeof(Bits));
  return bits;
}

}  // namespace

Histogram::Histogram(DType dtype, bool with_first)
    : element_size_(ByteSize(dtype)),
      recent_(kTables * ValueCount(element_size_)),
      counts_(ValueCount(element_size_)),
      firsts_(with_first ? ValueCount(element_size_) : 0, kNoFirst) {}

template <class Bits>
void Histogram::AddBits(const std::byte* x, size_t n) {
  uint32_t* tables = recent_.data();
  size_t i = 0;
  for (; i + kTables <= n; i += kTables) {
    for (size_t t = 0; t < kTables; ++t) ++tables[Load<Bits>(x, i + t) * kTables + t];
  }
  for (; i < n; ++i) ++tables[Load<Bits>(x, i) * kTables];
  if (firsts_.empty()) return;
  for (i = 0; i < n; ++i) {
    int64_t& first = firsts_[Load<Bits>(x, i)];
    if (first == kNoFirst) first = size_ + static_cast<int64_t>(i);
  }
}

void Histogram::Add(const std::byte* x, size_t n) {
  constexpr size_t kBlock = size_t{1} << 30;
  for (; n > 0;) {
    const size_t now = std::min(n, kBlock);
    if (recent_count_ + static_cast<int64_t>(now) > std::numeric_limits<uint32_t>::max()) {
      for (size_t bits = 0; bits < counts_.size(); ++bits) counts_[bits] = count(bits);
      std::fill(recent_.begin(), recent_.end(), 0);
      recent_count_ = 0;
    }
    element_size_ == 1 ? AddBits<uint8_t>(x, now) : AddBits<uint16_t>(x, now);
    recent_count_ += static_cast<int64_t>(now);
    size_ += static_cast<int64_t>(now);
    x += now * element_size_;
    n -= now;
  }
}

void Histogram::Merge(const Histogram& other, int64_t first) {
  for (size_t bits = 0; bits < counts_.size(); ++bits) counts_[bits] += other.count(bits);
  for (size_t bits = 0; bits < firsts_.size(); ++bits) {
    if (other.firsts_[bits] != kNoFirst) firsts_[bits] = std::min(firsts_[bits], first + other.firsts_[bits]);
  }
  size_ += other.size_;
}

int64_t Histogram::count(size_t bits) const {
  int64_t count = counts_[bits];
  for (size_t t = 0; t < kTables; ++t) count += recent_[bits * kTables + t];
  return count;
}

int64_t Histogram::ByteCount(DType dtype, bool with_first) {
  return static_cast<int64_t>(ValueCount(ByteSize(dtype)) * (kTables * 4 + 8 + (with_first ? 8 : 0)));
}

}  // namespace treduce
