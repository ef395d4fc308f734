// The elementary functions of math-inl.h on doubles, for code that is compiled once.
#ifndef TREDUCE_SERVER_ENGINE_FOLD_SCALAR_MATH_H_
#define TREDUCE_SERVER_ENGINE_FOLD_SCALAR_MATH_H_

#include <cstddef>

#include "server/engine/values/convert.h"

namespace treduce {

// As its namesake in math-inl.h.
double ScalarPow(double x, double y);

// out[k] = m[k] + log(s[k] + c[k]), as AddLog but for any c >= 0 and for any that is small beside s; side by side.
void AddLogs(const double* m, const double* s, const double* c, size_t count, double* out);

// |x| of elements of a complex dtype, written as float64.
ConvertFunction FindMagnitude(DType complex_dtype);

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_FOLD_SCALAR_MATH_H_
