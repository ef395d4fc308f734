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

#include "server/engine/select/selection.h"
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

// The distinct slices, as a tensor of as many, and what was asked for beside it. Zeros become +0.0, NaN the canonical
// one.
struct UniqueTensors {
  int64_t count = 0;  // of distinct slices
  std::vector<std::byte> values;
  std::vector<std::byte> counts;  // int64: how many slices are equal to each of `values`
  int64_t* inverse = nullptr;     // room for the place of each slice in `values`
};

// `inverse` and `counts` are left alone where they are not asked for. With `consecutive`, slices are only compared with
// the one before. False when `cancelled` (which may be null) was raised meanwhile.
struct UniqueRequest {
  bool consecutive = false;
  bool with_inverse = false;
  bool with_counts = false;
  const std::atomic<bool>* cancelled = nullptr;
};
bool FindUnique(const SlicedTensor& tensor, const UniqueRequest& request, SelectionScratch& scratch,
                UniqueTensors& unique);

// Upper bound, in bytes, of the memory that FindUnique takes beside the tensor and what it may return at most. Looks at
// no data.
double UniqueByteCount(const SlicedTensor& tensor, const UniqueRequest& request);

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_SELECT_UNIQUE_H_
