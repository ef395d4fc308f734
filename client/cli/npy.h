// The .npy format, versions 1 to 3: the header that NumPy writes before the bytes of an array.
#ifndef TREDUCE_CLIENT_CLI_NPY_H_
#define TREDUCE_CLIENT_CLI_NPY_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/engine/values/dtype.h"
#include "server/engine/values/shape.h"

namespace treduce::cli {

struct NpyHeader {
  DType dtype = DType::kFloat32;
  Shape shape;
  bool fortran_order = false;  // the first dim varies fastest
  bool big_endian = false;
  int64_t byte_count = 0;  // of the data
};

// Bytes at the start of a file that tell how long its header is.
inline constexpr size_t kNpyPrefixSize = 12;

// Length of the header, with the prefix. Errors are INVALID_ARGUMENT, for these functions and any input.
absl::StatusOr<size_t> NpyHeaderSize(absl::Span<const std::byte> prefix);

// Parses a header of NpyHeaderSize bytes. NumPy knows no bfloat16: ml_dtypes writes it as elements of two opaque bytes,
// "<V2", which are refused unless `opaque_dtype` says what opaque elements are.
absl::StatusOr<NpyHeader> ParseNpyHeader(absl::Span<const std::byte> header,
                                         std::optional<DType> opaque_dtype = std::nullopt);

// The header, of version 1, of a row-major tensor; bfloat16 as ml_dtypes writes it.
std::string MakeNpyHeader(DType dtype, absl::Span<const int64_t> shape);

}  // namespace treduce::cli

#endif  // TREDUCE_CLIENT_CLI_NPY_H_
