// One element of a tensor as the widest value of its kind, for the parts that write elements as text.
#ifndef TREDUCE_CLIENT_CLI_SCALAR_H_
#define TREDUCE_CLIENT_CLI_SCALAR_H_

#include <complex>
#include <cstdint>
#include <variant>

#include "server/engine/values/tensor.h"

namespace treduce::cli {

using Scalar = std::variant<bool, int64_t, uint64_t, double, std::complex<double>>;

// Element `index` in row-major order, which must be there. Exact for every dtype.
Scalar ScalarAt(const TensorView& tensor, int64_t index);

}  // namespace treduce::cli

#endif  // TREDUCE_CLIENT_CLI_SCALAR_H_
