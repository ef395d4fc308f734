// The registry: all that is known of each op, one entry an op. Plans, the server's description of itself, the
// command line and the tests that loop over every op read this table and nothing else.
#ifndef TREDUCE_SERVER_ENGINE_PLAN_OP_REGISTRY_H_
#define TREDUCE_SERVER_ENGINE_PLAN_OP_REGISTRY_H_

#include <array>
#include <cstdint>
#include <string_view>

#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
#include "server/engine/values/dtype.h"
#include "server/engine/values/reduction.h"

namespace treduce {

// Which options message the op takes.
enum class OptionsKind : uint8_t { kNone, kVariance, kNorm, kQuantile, kUnique };

// PyTorch's defaults.
ReductionOptions DefaultOptions(OptionsKind kind);

// What an empty reduction gives: a value (0, 1, NaN, ...), or an error since the op has no identity. QUANTILE refuses
// every tensor without elements, also where only dims that are kept are empty.
enum class EmptyReduction : uint8_t { kValue, kError, kRefusesEmptyTensors };

// Outputs of an op.
inline constexpr size_t kMaxOutputs = 3;

struct OpInfo {
  Op op;
  std::string_view name;     // "var_mean": PyTorch's function name
  std::string_view summary;  // one line for --help and DescribeServer
  OptionsKind options;
  EmptyReduction empty;
  absl::Span<const std::string_view> outputs;           // names when `dim` is given: {"values", "indices"}
  absl::Span<const std::string_view> outputs_all_dims;  // names when it is not: MAX gives no indices then
  // Whether the op takes this input dtype (after the cast of `Reduction::dtype`).
  bool (*accepts)(DType dtype);
  // Whether the op has a `dtype` argument: those that have one in PyTorch, and QUANTILE.
  bool casts;
  // Whether `dtype` rescues an input that the op does not take: MEAN of int64 with dtype=float32.
  bool (*accepts_cast)(DType input);
  // PyTorch's words for a dtype that is not accepted: $0 is the op, $1 "int64", $2 "Long", $3 "Input" or "Optional".
  std::string_view refusal;
  // What elements are folded in when `dtype` is not given: float32 for LOGSUMEXP of integers, else the input's.
  DType (*compute_dtype)(DType input);
  // Of the outputs; `cast` says that `compute_dtype` was asked for by `dtype`.
  std::array<DType, kMaxOutputs> (*output_dtypes)(DType compute_dtype, bool cast);
  // Whether the shapes of the outputs are known before the data is: not those of UNIQUE.
  bool has_fixed_shape = true;
};

// Names of the outputs that `reduction` asks for; its options choose those of UNIQUE.
absl::InlinedVector<std::string_view, kMaxOutputs> OutputNames(const OpInfo& info, const Reduction& reduction);

// Every op, in the order of the enum.
absl::Span<const OpInfo> AllOps();

// nullptr when `op` is not in the registry (a number off the wire).
const OpInfo* FindOp(Op op);
// By `name`; nullptr when there is none.
const OpInfo* FindOp(std::string_view name);

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_PLAN_OP_REGISTRY_H_
