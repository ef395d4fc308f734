// Reads single elements of tensors and tells how far apart two are; written for tests, one element at a time, and
// independent of the engine's own decoding.
//
// A complex tensor counts as twice as many real components: element i has components 2i and 2i + 1.
#ifndef TREDUCE_TESTS_ENGINE_ELEMENTS_H_
#define TREDUCE_TESTS_ENGINE_ELEMENTS_H_

#include <cstdint>
#include <string>

#include "absl/numeric/int128.h"
#include "server/engine/values/tensor.h"

namespace treduce {

// Components of a tensor: its elements, or twice as many when it is complex.
int64_t ComponentCount(const TensorView& tensor);

// The value of component `i`, exactly: long double holds every float64, int64 and uint64. bool gives 0 or 1.
long double ComponentAt(const TensorView& tensor, int64_t i);

// Neighbouring values of a dtype have neighbouring keys; both zeros have key 0, infinity follows the largest finite
// value. Meaningless for NaN.
absl::int128 OrderedKey(const TensorView& tensor, int64_t i);

// Steps from one value to the other; 0 between NaNs, the largest number between a NaN and anything else. Both tensors
// have the same dtype.
uint64_t UlpDistance(const TensorView& a, const TensorView& b, int64_t i);

// Distance from `value` to the next of its binade in `dtype`: the unit in which rounding errors are counted. `dtype`
// is a floating-point one; below the smallest normal number it is the smallest subnormal.
long double UlpOf(DType dtype, long double value);

// The largest finite value of a floating-point dtype.
long double LargestOf(DType dtype);

// The elements in another dtype, as PyTorch casts them: integers wrap, floating-point values are rounded to nearest, or
// towards zero for an integer (which must hold the result), bool is whether they are non-zero, and an imaginary part is
// dropped or zero.
Tensor Cast(const TensorView& tensor, DType to);

// "1.5", "nan", "-12": enough digits to tell neighbours apart.
std::string ComponentText(const TensorView& tensor, int64_t i);

}  // namespace treduce

#endif  // TREDUCE_TESTS_ENGINE_ELEMENTS_H_
