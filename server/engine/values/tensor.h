// Tensors in memory: row-major, packed, little-endian; bool is one byte (any non-zero byte is true).
#ifndef TREDUCE_SERVER_ENGINE_VALUES_TENSOR_H_
#define TREDUCE_SERVER_ENGINE_VALUES_TENSOR_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/engine/values/dtype.h"
#include "server/engine/values/shape.h"

namespace treduce {

// Bytes of a tensor. INVALID_ARGUMENT as ElementCount, and when they are more than 2^63 - 1.
absl::StatusOr<int64_t> ByteCount(DType dtype, absl::Span<const int64_t> shape);

// Borrows its bytes, which must outlive it and need no alignment.
struct TensorView {
  DType dtype = DType::kFloat32;
  Shape shape;
  absl::Span<const std::byte> data;
};

// Owns its bytes.
struct Tensor {
  DType dtype = DType::kFloat32;
  Shape shape;
  std::vector<std::byte> data;

  TensorView view() const { return {dtype, shape, data}; }
};

// The outputs of one reduction, in PyTorch's order: one tensor, or two such as (values, indices).
struct ReductionResult {
  absl::InlinedVector<Tensor, 2> outputs;
};

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_VALUES_TENSOR_H_
