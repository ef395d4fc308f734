// A binary counter: bit k of the number of leaves is a subtree of 2^k.
#include "server/engine/fold/state_tree.h"

#include <algorithm>

namespace treduce {

// Level by level, so that all pairs of a level are merged side by side.
void JoinRuns(const Fold& fold, const FoldParams& params, States states, size_t runs, size_t length) {
  if (length == 1) return;
  const size_t most = runs * ((length + 1) / 2);
  const StateBlock right_block(fold.field_count, most);
  const States right = right_block.states();
  for (; length > 1; length = (length + 1) / 2) {
    const size_t half = (length + 1) / 2;
    for (int i = 0; i < fold.field_count; ++i) {
      uint64_t* left_word = states.field<uint64_t>(i);
      uint64_t* right_word = right.field<uint64_t>(i);
      const uint64_t* from = left_word;
      for (size_t r = 0; r < runs; ++r, from += length % 2) {
        for (size_t k = 0; k < length / 2; ++k, from += 2) {
          *left_word++ = from[0];
          *right_word++ = from[1];
        }
        if (length % 2 != 0) *left_word++ = *right_word++ = *from;
      }
    }
    fold.merge(params, states, right, runs * half);
    if (length % 2 == 0) continue;
    // What has no right neighbour passes through.
    for (int i = 0; i < fold.field_count; ++i) {
      for (size_t k = half - 1; k < runs * half; k += half) states.field<uint64_t>(i)[k] = right.field<uint64_t>(i)[k];
    }
  }
}

States StateTree::Level(size_t level, size_t first) {
  if (level >= levels_.size()) levels_.resize(level + 1);
  if (!levels_[level]) levels_[level] = StateBlock(fold_->field_count, width_);
  return levels_[level].states().From(first);
}

void StateTree::Push(size_t first, size_t count, int64_t leaf, States states, size_t level) {
  for (; (leaf & 1) != 0; ++level, leaf >>= 1) {
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
