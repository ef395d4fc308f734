// Checks and text of shapes.
#include "server/engine/values/shape.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/engine/values/errors.h"

namespace treduce {

absl::StatusOr<int64_t> ElementCount(absl::Span<const int64_t> shape) {
  if (shape.size() > kMaxDims) {
    return Error(absl::StatusCode::kInvalidArgument, {"TOO_MANY_DIMS", "shape", absl::StrCat(kMaxDims)},
                 absl::StrCat("only tensors with up to ", kMaxDims, " dims are supported, but got ", shape.size()));
  }
  int64_t count = 1;
  bool empty = false;
  for (int64_t extent : shape) {
    if (extent < 0) {
      return InvalidField(
          "NEGATIVE_EXTENT", "shape",
          absl::StrCat("Trying to create tensor with negative dimension ", extent, ": ", ToString(shape)));
    }
    if (extent == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(count, extent, &count)) {
      return InvalidField("SHAPE_OVERFLOW", "shape",
                          absl::StrCat("Storage size calculation overflowed with sizes=", ToString(shape)));
    }
  }
  return empty ? 0 : count;
}

std::string ToString(absl::Span<const int64_t> shape) { return absl::StrCat("[", absl::StrJoin(shape, ", "), "]"); }

}  // namespace treduce
