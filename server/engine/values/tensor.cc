// Sizes of tensors.
#include "server/engine/values/tensor.h"

#include "absl/strings/str_cat.h"
#include "server/engine/values/errors.h"

namespace treduce {

absl::StatusOr<int64_t> ByteCount(DType dtype, absl::Span<const int64_t> shape) {
  const absl::StatusOr<int64_t> count = ElementCount(shape);
  if (!count.ok()) return count;
  // As if there were no extents of zero, as NumPy has it: other products of extents must not overflow either.
  auto bytes = static_cast<int64_t>(ByteSize(dtype));
  bool overflows = false;
  for (const int64_t extent : shape) overflows |= extent > 0 && __builtin_mul_overflow(bytes, extent, &bytes);
  if (overflows) {
    return InvalidField("SHAPE_OVERFLOW", "shape",
                        absl::StrCat("Storage size calculation overflowed with sizes=", ToString(shape)));
  }
  return *count == 0 ? 0 : bytes;
}

}  // namespace treduce
