// What a kernel is told of a pass: plain data, passed by value. The backend fills it in (device_plan.cc), the kernels
// read it; pointers are to memory of the device.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_PASS_SPEC_H_
#define TREDUCE_SERVER_ENGINE_CUDA_PASS_SPEC_H_

#include <cstddef>
#include <cstdint>

#include "server/engine/cuda/nest_spec.h"
#include "server/engine/fold/fold.h"
#include "server/engine/fold/states.h"
#include "server/engine/plan/finish_value.h"
#include "server/engine/values/dtype.h"

namespace treduce::cuda {

// Passes with more than these are split, or left to the CPU.
inline constexpr int kMaxFolds = 8;
inline constexpr int kMaxResults = 16;

// One fold of a pass. Its states have the words [first_word, first_word + word_count) of those of the pass.
struct FoldSpec {
  FoldKind kind;
  uint8_t first_word;
  uint8_t word_count;
  FoldParams params;
};

// Results of one reduction, made of the states of up to two folds.
struct ResultSpec {
  FinishKind kind;
  bool is_wide;      // the elements folded are f64, or were parts of complex128 ones
  bool parts_apart;  // each result is made of two neighbouring states, of real and imaginary parts
  uint8_t first_word[2];
  DType dtype[2];  // of the outputs; the real one where parts are stored apart
  void* out[2];
  double correction;  // of variances
  double ord;         // of norms
};

// The nest of a pass, as NestSpec says it (as a base class it costs registers), and how it is cut: a run of 2^k leaves
// of a segment is joined where it is folded. What is left of each run is a node; the nodes of an output are joined by
// kernels of their own.
struct PassSpec {
  const void* x;
  bool columns;
  bool interleaved;
  int64_t rows;
  int64_t width;
  int64_t leaf_rows;
  int64_t leaves;  // of a segment
  int64_t segments;
  int64_t segments_per_output;
  int64_t kept_count;
  int64_t reduced_count;
  int outer_count;
  bool outer_reduced[kMaxOuterAxes];
  int64_t outer_size[kMaxOuterAxes];

  int run;       // leaves, a power of two
  bool packed;   // a thread folds the columns of a word; rows are whole words
  int64_t runs;  // of a segment
  int team;      // warps that share a run of rows
  int across;    // columns, or outputs, that a block has side by side
  int64_t nodes_per_output;
  int64_t node_stride, output_stride;  // in states
  States nodes;

  int word_count;
  int fold_count;
  int result_count;
  FoldSpec folds[kMaxFolds];
  ResultSpec results[kMaxResults];
};

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_PASS_SPEC_H_
