// Leaf sizes are those of fold/fold.h.
#include "server/engine/plan/pass_shape.h"

#include "server/engine/fold/fold.h"

namespace treduce {

PassShape::PassShape(const LoopNest& nest, bool whole_leaves) : kept_count(nest.kept_count) {
  auto axes = nest.axes;
  columns = axes.size() >= 2 && !axes.back().reduced;
  width = 1;
  if (columns) {
    width = axes.back().size;
    axes.pop_back();
  }
  rows = 1;
  if (!axes.empty() && axes.back().reduced) {
    rows = axes.back().size;
    axes.pop_back();
  }
  leaf_rows = !columns ? kRowLeaf : whole_leaves ? kWholeColumnLeaf : kColumnLeaf;
  outer.assign(axes.begin(), axes.end());
  segments_per_output = 1;
  for (const LoopNest::Axis& axis : outer) segments_per_output *= axis.reduced ? axis.size : 1;
  interleaved = segments_per_output > 1;
}

}  // namespace treduce
