// What to compute: one reduction, and the whole of a request. Plain comparable values, not yet validated:
// MakePlan (server/engine/plan/plan.h) does that.
#ifndef TREDUCE_SERVER_ENGINE_VALUES_REDUCTION_H_
#define TREDUCE_SERVER_ENGINE_VALUES_REDUCTION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
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
  kMedian = 22,
  kNanMedian = 23,
  kMode = 24,
  kQuantile = 25,
  kNanQuantile = 26,
  kUnique = 27,
  kUniqueConsecutive = 28,
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

// What stands for a rank between two elements. The numbers are those of `treduce.v1.Interpolation`.
enum class Interpolation : uint8_t {
  kLinear = 1,    // the point between them that the rank is at
  kLower = 2,     // the smaller
  kHigher = 3,    // the larger
  kMidpoint = 4,  // their mean
  kNearest = 5,   // the one whose rank is nearer, the even one of two
};

// PyTorch's name: "midpoint". Of one of the above.
std::string_view Name(Interpolation interpolation);

// The inverse of Name; nullopt for anything else.
std::optional<Interpolation> InterpolationFromName(std::string_view name);

// One quantile, or a list of them, in [0, 1]. A list, of any length, gives results a dim of its extent in front, as a
// 1-d tensor does in PyTorch.
class Quantiles {
 public:
  Quantiles(double q) : values_{q}, is_list_(false) {}
  Quantiles(std::vector<double> list) : values_(std::move(list)), is_list_(true) {}

  const std::vector<double>& values() const { return values_; }
  bool is_list() const { return is_list_; }
  bool operator==(const Quantiles&) const = default;

 private:
  std::vector<double> values_;
  bool is_list_;
};

// Of QUANTILE and NANQUANTILE.
struct QuantileOptions {
  Quantiles q = 0.5;
  Interpolation interpolation = Interpolation::kLinear;
  bool operator==(const QuantileOptions&) const = default;
};

// Of UNIQUE and UNIQUE_CONSECUTIVE: further outputs, in this order.
struct UniqueOptions {
  bool return_inverse = false;  // for each element (or slice along dim) its place among the unique ones
  bool return_counts = false;   // how often each unique one occurs
  bool operator==(const UniqueOptions&) const = default;
};

using ReductionOptions = std::variant<std::monostate, VarianceOptions, NormOptions, QuantileOptions, UniqueOptions>;

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
  // Where, as PyTorch names devices: "cpu", "cuda", "cuda:1"; empty leaves it to the engine (Engine::Choose).
  std::string device = {};
};

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_VALUES_REDUCTION_H_
