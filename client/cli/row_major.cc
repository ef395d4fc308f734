// See row_major.h.
#include "client/cli/row_major.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace treduce::cli {

RowMajorReader::RowMajorReader(absl::Span<const std::byte> data, Shape shape, size_t element_size)
    : data_(data), shape_(std::move(shape)), element_size_(element_size), position_(shape_.size(), 0) {
  auto stride = static_cast<int64_t>(element_size);
  for (int64_t extent : shape_) {
    strides_.push_back(stride);
    stride *= extent;
  }
}

void RowMajorReader::Read(absl::Span<std::byte> to) {
  switch (element_size_) {
    case 1:
      return ReadElements<1>(to);
    case 2:
      return ReadElements<2>(to);
    case 4:
      return ReadElements<4>(to);
    case 8:
      return ReadElements<8>(to);
    default:
      return ReadElements<16>(to);
  }
}

template <size_t kElementSize>
void RowMajorReader::ReadElements(absl::Span<std::byte> to) {
  if (shape_.empty()) {
    std::memcpy(to.data(), data_.data(), to.size());
    return;
  }
  const size_t last = shape_.size() - 1;
  std::byte* out = to.data();
  std::byte* const end = out + to.size();
  while (out != end) {
    const std::byte* from = data_.data();
    for (size_t dim = 0; dim <= last; ++dim) from += position_[dim] * strides_[dim];
    const int64_t run = std::min<int64_t>(shape_[last] - position_[last], (end - out) / kElementSize);
    for (int64_t i = 0; i < run; ++i, from += strides_[last], out += kElementSize) std::memcpy(out, from, kElementSize);
    position_[last] += run;
    for (size_t dim = last; dim > 0 && position_[dim] == shape_[dim]; --dim) {
      position_[dim] = 0;
      ++position_[dim - 1];
    }
  }
}

void SwapBytes(absl::Span<std::byte> bytes, size_t unit_size) {
  for (std::byte* unit = bytes.data(); unit != bytes.data() + bytes.size(); unit += unit_size) {
    std::reverse(unit, unit + unit_size);
  }
}

}  // namespace treduce::cli
