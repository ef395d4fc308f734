// How a kernel is told which nest to walk.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_SET_NEST_H_
#define TREDUCE_SERVER_ENGINE_CUDA_SET_NEST_H_

#include <cstddef>
#include <cstdint>

#include "server/engine/plan/pass_shape.h"

namespace treduce::cuda {

// Fills in those members of `spec` that NestSpec has. REQUIRES: no more than kMaxOuterAxes axes outside the segments.
template <class Spec>
void SetNest(const PassShape& shape, int64_t reduced_count, Spec& spec) {
  spec.columns = shape.columns;
  spec.interleaved = shape.interleaved;
  spec.rows = shape.rows;
  spec.width = shape.width;
  spec.segments = shape.kept_count / shape.width * shape.segments_per_output;
  spec.segments_per_output = shape.segments_per_output;
  spec.kept_count = shape.kept_count;
  spec.reduced_count = reduced_count;
  spec.outer_count = static_cast<int>(shape.outer.size());
  for (size_t i = 0; i < shape.outer.size(); ++i) {
    spec.outer_reduced[i] = shape.outer[i].reduced;
    spec.outer_size[i] = shape.outer[i].size;
  }
}

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_SET_NEST_H_
