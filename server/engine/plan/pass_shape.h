// How a nest is cut into what is folded in one sequence: part of the canonical order, so that every backend cuts alike.
//
// Elements come in row-major order and are cut into segments, runs of the innermost reduced axis (with the kept axis
// inside it, if there is one), and segments into leaves of fixed size. A row leaf is neighbouring elements that go to
// one output; a column leaf is rows of `width` neighbouring elements that go to as many outputs.
#ifndef TREDUCE_SERVER_ENGINE_PLAN_PASS_SHAPE_H_
#define TREDUCE_SERVER_ENGINE_PLAN_PASS_SHAPE_H_

#include <cstdint>

#include "absl/container/inlined_vector.h"
#include "server/engine/plan/plan.h"

namespace treduce {

// A pure function of the nest. `whole_leaves` says that folds of the pass need them (Fold::whole_leaves).
struct PassShape {
  explicit PassShape(const LoopNest& nest, bool whole_leaves);

  int64_t LeavesPerSegment() const { return rows / leaf_rows + (rows % leaf_rows != 0 ? 1 : 0); }

  bool columns;        // column leaves, else row leaves
  int64_t rows;        // of a segment; elements of it, for row leaves
  int64_t width;       // elements of a row: 1 for row leaves
  int64_t leaf_rows;   // of a leaf, but for the last of a segment
  int64_t kept_count;  // outputs
  bool interleaved;    // whether the segments of an output are apart, so that all outputs are under way at once
  absl::InlinedVector<LoopNest::Axis, 4> outer;  // the axes outside the segments
  int64_t segments_per_output;

  bool operator==(const PassShape&) const = default;
};

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_PLAN_PASS_SHAPE_H_
