// Joins the states of leaves in the canonical order: an adjacent-pair tree over the leaf index, where a missing right
// child passes through. Leaves come in index order; at any time one subtree is held for each set bit of their number,
// so that n leaves need log2(n) states.
#ifndef TREDUCE_SERVER_ENGINE_FOLD_STATE_TREE_H_
#define TREDUCE_SERVER_ENGINE_FOLD_STATE_TREE_H_

#include <cstdint>
#include <vector>

#include "server/engine/fold/fold.h"

namespace treduce {

// Joins each of `runs` runs of `length` states, one behind the other, as leaves of a tree of its own. The state of run
// `k` is left in states[k], and anything in the others.
void JoinRuns(const Fold& fold, const FoldParams& params, States states, size_t runs, size_t length);

// Holds the trees of `width` outputs, which advance on their own. Memory is taken as levels are reached.
class StateTree {
 public:
  StateTree(const Fold* fold, const FoldParams& params, size_t width) : fold_(fold), params_(params), width_(width) {}

  // Adds leaf number `leaf` of outputs [first, first + count), with the states `states`; for a higher `level`, the
  // subtree of 2^level leaves of this number.
  void Push(size_t first, size_t count, int64_t leaf, States states, size_t level = 0);

  // The states of outputs [first, first + count) after `leaves` leaves, valid until the next Push; the trees of these
  // outputs are then used up. REQUIRES: leaves >= 1.
  States Collapse(size_t first, size_t count, int64_t leaves);

 private:
  States Level(size_t level, size_t first);

  const Fold* fold_;
  FoldParams params_;
  size_t width_;
  std::vector<StateBlock> levels_;
};

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_FOLD_STATE_TREE_H_
