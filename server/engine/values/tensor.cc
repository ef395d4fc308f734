// Sizes of tensors.
#include "server/engine/values/tensor.h"

#include "absl/strings/str_cat.h"
#include "server/engine/values/errors.h"

namespace treduce {

absl::StatusOr<int64_t> ByteCount(DType dtype, absl::Span<const int64_t> shape) {
  absl::StatusOr<int64_t> count = ElementCount(shape);
  if (count.ok() && __builtin_mul_overflow(*count, static_cast<int64_t>(ByteSize(dtype)), &*count)) {
    return InvalidField("SHAPE_OVERFLOW", "shape",
                        absl::StrCat("Storage size calculation overflowed with sizes=", ToString(shape)));
  }
  return count;
}

}  // namespace treduce
