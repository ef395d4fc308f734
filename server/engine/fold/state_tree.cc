// A binary counter: bit k of the number of leaves is a subtree of 2^k.
#include "server/engine/fold/state_tree.h"

#include <algorithm>

namespace treduce {

States StateTree::Level(size_t level, size_t first) {
  if (level >= levels_.size()) levels_.resize(level + 1);
  if (!levels_[level]) levels_[level] = StateBlock(fold_->field_count, width_);
  return levels_[level].states().From(first);
}

void StateTree::Push(size_t first, size_t count, int64_t leaf, States states) {
  size_t level = 0;
  for (; (leaf >> level & 1) != 0; ++level) {
    const States left = Level(level, first);
    fold_->merge(params_, left, states, count);
    states = left;
  }
  const States to = Level(level, first);
  for (int i = 0; i < fold_->field_count; ++i) std::copy_n(states.field<uint64_t>(i), count, to.field<uint64_t>(i));
}

States StateTree::Collapse(size_t first, size_t count, int64_t leaves) {
  size_t level = 0;
  while ((leaves >> level & 1) == 0) ++level;
  States right = Level(level, first);
  while (leaves >> ++level != 0) {
    if ((leaves >> level & 1) == 0) continue;
    const States left = Level(level, first);
    fold_->merge(params_, left, right, count);
    right = left;
  }
  return right;
}

}  // namespace treduce
