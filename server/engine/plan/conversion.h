// How a reduction sees the elements of a tensor.
#ifndef TREDUCE_SERVER_ENGINE_PLAN_CONVERSION_H_
#define TREDUCE_SERVER_ENGINE_PLAN_CONVERSION_H_

#include <cstdint>

namespace treduce {

// What an element becomes before it is folded.
enum class Conversion : uint8_t {
  kNone,           // the same bytes
  kCast,           // cast to the dtype of the folds
  kCastNanToZero,  // the same, NaN to 0
  kMagnitude,      // |x| of a complex x, as float64
};

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_PLAN_CONVERSION_H_
