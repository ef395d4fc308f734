// What to compute: one reduction, and the whole of a request. Plain comparable values, not yet validated:
// MakePlan (server/engine/plan/plan.h) does that.
#ifndef TREDUCE_SERVER_ENGINE_VALUES_REDUCTION_H_
#define TREDUCE_SERVER_ENGINE_VALUES_REDUCTION_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "server/engine/values/dtype.h"
#include "server/engine/values/shape.h"

namespace treduce {

// PyTorch's reduction operations. The numbers are those of `treduce.v1.Op` and never change.
enum class Op : uint8_t {
  kSum = 1,
  kNanSum = 2,
  kMean = 3,
  kNanMean = 4,
  kProd = 5,
  kMax = 6,
  kMin = 7,
  kAMax = 8,
  kAMin = 9,
  kAMinMax = 10,
  kArgMax = 11,
  kArgMin = 12,
  kAll = 13,
  kAny = 14,
  kCountNonzero = 15,
  kVar = 16,
  kStd = 17,
  kVarMean = 18,
  kStdMean = 19,
  kVectorNorm = 20,
  kLogSumExp = 21,
};

// Of VAR, STD, VAR_MEAN and STD_MEAN. The divisor is max(0, n - correction); any real number, as in PyTorch.
struct VarianceOptions {
  double correction = 1.0;
  bool operator==(const VarianceOptions&) const = default;
};

// Of VECTOR_NORM: (sum |x|^ord)^(1/ord). 0 counts non-zeros, +-infinity take max |x| and min |x|.
struct NormOptions {
  double ord = 2.0;
  bool operator==(const NormOptions&) const = default;
};

using ReductionOptions = std::variant<std::monostate, VarianceOptions, NormOptions>;

// One op on dims with options; field names and meanings are PyTorch's.
struct Reduction {
  Op op = Op::kSum;
  // Dims to reduce, -n..n-1 in any order without repeats; empty reduces all dims.
  std::vector<int64_t> dim = {};
  // Keeps reduced dims with extent 1.
  bool keepdim = false;
  // Casts the input before it is reduced; nullopt keeps its dtype.
  std::optional<DType> dtype = std::nullopt;
  // std::monostate stands for the defaults of the op's options, and is all that ops without options take.
  ReductionOptions options = {};

  bool operator==(const Reduction&) const = default;
};

// A whole request: one tensor, read once, and what to compute of it.
struct ReductionSpec {
  DType dtype = DType::kFloat32;
  Shape shape;
  std::vector<Reduction> reductions;
};

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_VALUES_REDUCTION_H_
