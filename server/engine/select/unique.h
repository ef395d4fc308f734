// The distinct slices of a tensor along one dim, which are its elements where the tensor is flattened.
//
// No hashing: slices are sorted by their first elements, those that are equal by their next, and so on, so that what
// comes out depends on the elements only. Zeros of both signs are equal. A NaN differs from everything, itself
// included, and comes last, as in PyTorch without `dim`.
#ifndef TREDUCE_SERVER_ENGINE_SELECT_UNIQUE_H_
#define TREDUCE_SERVER_ENGINE_SELECT_UNIQUE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "server/engine/values/dtype.h"

namespace treduce {

// `extent` slices of `outer` runs of `inner` neighbouring elements each; packed, without alignment.
struct SlicedTensor {
  DType dtype;  // not complex
  const std::byte* data;
  int64_t outer;
  int64_t extent;
  int64_t inner;
};

struct UniqueSlices {
  std::vector<int64_t> representatives;  // the first slice of each distinct one
  std::vector<int64_t> inverse;          // for each slice its place in `representatives`
  std::vector<int64_t> counts;           // how many slices are equal to each representative
};

// `inverse` and `counts` are left empty where they are not asked for. With `consecutive`, slices are only compared with
// the one before. False when `cancelled` (which may be null) was raised meanwhile.
struct UniqueRequest {
  bool consecutive = false;
  bool with_inverse = false;
  bool with_counts = false;
  const std::atomic<bool>* cancelled = nullptr;
};
bool FindUnique(const SlicedTensor& tensor, const UniqueRequest& request, UniqueSlices& unique);

// Writes these slices of the tensor, as a tensor of as many. Zeros become +0.0, NaN the canonical one. False as above.
bool CopySlices(const SlicedTensor& tensor, const std::vector<int64_t>& slices, const std::atomic<bool>* cancelled,
                std::byte* out);

// Upper bound, in bytes, of the memory that FindUnique takes beside the tensor, with its result.
double UniqueByteCount(DType dtype, double extent, const UniqueRequest& request);

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_SELECT_UNIQUE_H_
