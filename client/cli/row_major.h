// Brings the elements of files into the order and endianness of the wire.
#ifndef TREDUCE_CLIENT_CLI_ROW_MAJOR_H_
#define TREDUCE_CLIENT_CLI_ROW_MAJOR_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "server/engine/values/shape.h"

namespace treduce::cli {

// Reads the elements of a column-major array (Fortran order: the first dim varies fastest) in row-major order, in
// constant memory.
class RowMajorReader {
 public:
  // `data` holds all elements of `shape`, of `element_size` (1, 2, 4, 8 or 16) bytes each, and must outlive the reader.
  RowMajorReader(absl::Span<const std::byte> data, Shape shape, size_t element_size);

  // Writes the next elements to `to`, whose size is a multiple of the element size; no more than are left.
  void Read(absl::Span<std::byte> to);

 private:
  template <size_t kElementSize>
  void ReadElements(absl::Span<std::byte> to);

  absl::Span<const std::byte> data_;
  Shape shape_;
  size_t element_size_;
  Shape strides_;   // in bytes
  Shape position_;  // of the next element
};

// Reverses each unit of `unit_size` bytes, of which `bytes` is a multiple.
void SwapBytes(absl::Span<std::byte> bytes, size_t unit_size);

}  // namespace treduce::cli

#endif  // TREDUCE_CLIENT_CLI_ROW_MAJOR_H_
