// Elements of one dtype written as elements of another.
#ifndef TREDUCE_SERVER_ENGINE_VALUES_CONVERT_H_
#define TREDUCE_SERVER_ENGINE_VALUES_CONVERT_H_

#include <complex>
#include <cstddef>
#include <cstdint>

#include "server/engine/values/dtype.h"

namespace treduce {

// Converts `count` packed elements at `x` to packed elements at `out`; neither needs alignment, they must not overlap.
using ConvertFunction = void (*)(const std::byte* x, size_t count, std::byte* out);

// The cast of `Tensor.to(dtype)`: integers wrap, floating point numbers are rounded once (to nearest even) or truncated
// towards zero, anything but zero is true, the imaginary part is dropped. Out of range for an integer, and NaN: as the
// smallest int64, wrapped.
ConvertFunction FindCast(DType from, DType to);

// The same with NaN taken as zero.
ConvertFunction FindCastNanToZero(DType from, DType to);

// Stores one value as element number `k` of a tensor of `dtype` at `out`, by the rules of the cast. NaN is stored as
// the one canonical quiet NaN of the dtype.
void StoreComplex(std::complex<double> value, DType dtype, size_t k, std::byte* out);

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_VALUES_CONVERT_H_
