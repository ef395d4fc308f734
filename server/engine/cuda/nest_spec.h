// How a kernel walks a tensor, as PassShape (plan/pass_shape.h) says it: plain data, passed by value.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_NEST_SPEC_H_
#define TREDUCE_SERVER_ENGINE_CUDA_NEST_SPEC_H_

#include <cstdint>

namespace treduce::cuda {

inline constexpr int kMaxOuterAxes = 8;

struct NestSpec {
  bool columns;
  bool interleaved;
  int64_t rows;
  int64_t width;
  int64_t segments;
  int64_t segments_per_output;
  int64_t kept_count;
  int64_t reduced_count;
  int outer_count;
  bool outer_reduced[kMaxOuterAxes];
  int64_t outer_size[kMaxOuterAxes];
};

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_NEST_SPEC_H_
