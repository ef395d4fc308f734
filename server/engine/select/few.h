// Selections from few elements, of many outputs side by side: a lane of a vector has an output of its own, and a
// sorting network puts all in order without a branch that depends on them.
#ifndef TREDUCE_SERVER_ENGINE_SELECT_FEW_H_
#define TREDUCE_SERVER_ENGINE_SELECT_FEW_H_

#include <cstddef>

#include "server/engine/select/scan.h"

namespace treduce {

// Elements of an output, at most.
inline constexpr size_t kMostFew = 32;
// Outputs side by side, at most: as many as the widest vector has lanes.
inline constexpr size_t kFewOutputs = 64;

// Outputs of the same number of elements, packed without alignment: element r of output i is number
// i * output_stride + r * element_stride; one of the two is 1.
struct FewElements {
  const std::byte* x;
  size_t n;        // of each output, in [1, kMostFew]
  size_t outputs;  // in [1, kFewOutputs]
  size_t output_stride;
  size_t element_stride;
};

// Keys of outputs side by side: number r of output i is [r][i].
template <class Key>
struct FewKeys {
  alignas(64) Key keys[kMostFew][kFewOutputs];    // as the elements come
  alignas(64) Key sorted[kMostFew][kFewOutputs];  // in ascending order
};

// T is an element type that is not complex.
template <class T>
void KeysOfFew(const FewElements& elements, FewKeys<KeyType<T>>& keys);

// What occurs most often in each output, the smallest of several; with `has_nan`, the largest key only where there is
// nothing else.
template <class Key>
void ModesOfFew(const FewElements& elements, const FewKeys<Key>& keys, bool has_nan, Key (&modes)[kFewOutputs]);

// Index of the first element of each output with the key that is wanted there. REQUIRES: there is one.
template <class Key>
void FirstsOfFew(const FewElements& elements, const FewKeys<Key>& keys, const Key (&wanted)[kFewOutputs],
                 Key (&firsts)[kFewOutputs]);

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_SELECT_FEW_H_
