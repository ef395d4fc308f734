// Where the segments of a nest belong.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_NEST_INL_H_
#define TREDUCE_SERVER_ENGINE_CUDA_NEST_INL_H_

#include "server/engine/cuda/nest_spec.h"
#include "server/engine/cuda/simt.h"

namespace treduce::cuda {

struct Location {
  int64_t output;  // of the segment's first column
  int64_t place;   // of the segment among those of its outputs
};

// `nest` has the members of NestSpec.
template <class Nest>
TREDUCE_DEVICE_FUNCTION Location Locate(const Nest& nest, int64_t segment) {
  if (!nest.interleaved) return {segment * nest.width, 0};
  Location location = {0, 0};
  int64_t output_step = nest.width;
  int64_t place_step = 1;
  for (int i = nest.outer_count; i-- > 0;) {
    const int64_t size = nest.outer_size[i];
    const int64_t digit = segment % size;
    segment /= size;
    if (nest.outer_reduced[i]) {
      location.place += digit * place_step;
      place_step *= size;
    } else {
      location.output += digit * output_step;
      output_step *= size;
    }
  }
  return location;
}

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_NEST_INL_H_
