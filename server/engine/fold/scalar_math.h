// The elementary functions of math-inl.h on doubles, for code that is compiled once.
#ifndef TREDUCE_SERVER_ENGINE_FOLD_SCALAR_MATH_H_
#define TREDUCE_SERVER_ENGINE_FOLD_SCALAR_MATH_H_

#include <cstddef>

#include "server/engine/values/convert.h"

namespace treduce {

// As their namesakes in math-inl.h, but for any c that is small beside s.
double ScalarPow(double x, double y);
double ScalarAddLog(double m, double s, double c);

// |x| of elements of a complex dtype, written as float64.
ConvertFunction FindMagnitude(DType complex_dtype);

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_FOLD_SCALAR_MATH_H_
