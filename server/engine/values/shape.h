// Extents of a tensor, outermost first.
#ifndef TREDUCE_SERVER_ENGINE_VALUES_SHAPE_H_
#define TREDUCE_SERVER_ENGINE_VALUES_SHAPE_H_

#include <cstdint>
#include <string>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace treduce {

// Row-major and packed: the last extent varies fastest. Empty is a 0-d tensor of one element.
using Shape = absl::InlinedVector<int64_t, 6>;

// As PyTorch: "only tensors with up to 64 dims are supported".
inline constexpr int kMaxDims = 64;

// Elements of a tensor of this shape. INVALID_ARGUMENT, naming the field `shape`, for more than kMaxDims
// extents, a negative extent, or a product of the non-zero extents above 2^63 - 1 (so that a zero extent
// hides no overflow in the shape of a result).
absl::StatusOr<int64_t> ElementCount(absl::Span<const int64_t> shape);

// "[2, 3]", "[]".
std::string ToString(absl::Span<const int64_t> shape);

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_VALUES_SHAPE_H_
