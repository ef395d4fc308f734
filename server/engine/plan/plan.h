// A request checked and flattened. Making a plan is pure and needs no data: whatever can be wrong with a request,
// other than its bytes, is found here, before any arrive.
#ifndef TREDUCE_SERVER_ENGINE_PLAN_PLAN_H_
#define TREDUCE_SERVER_ENGINE_PLAN_PLAN_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/engine/values/reduction.h"
#include "server/engine/values/tensor.h"

namespace treduce {

// The dims of a tensor as one reduction walks them, outermost first. Dims of extent 1 are dropped and
// neighbours that are both kept or both reduced are merged, so kinds alternate.
struct LoopNest {
  struct Axis {
    int64_t size;
    bool reduced;
    bool operator==(const Axis&) const = default;
  };
  absl::InlinedVector<Axis, 6> axes;
  int64_t kept_count = 1;     // outputs: product of the kept extents
  int64_t reduced_count = 1;  // elements reduced into each output

  bool operator==(const LoopNest&) const = default;
};

// An extent of an output that depends on the data: the number of distinct elements.
inline constexpr int64_t kUnknownExtent = -1;

// One output tensor of a reduction: PyTorch's order, shape and dtype.
struct OutputSpec {
  std::string_view name;  // "result", "values", "indices", "min", "max", "var", "std", "mean", ...
  DType dtype;
  Shape shape;
  int64_t byte_count;  // an upper bound where an extent is not known
};

struct PlannedReduction {
  Reduction reduction;    // dims wrapped to 0..n-1, sorted, none for 0-d; options filled in with the op's defaults
  bool all_dims = false;  // no `dim` was given
  DType compute_dtype;    // dtype of the elements that are folded: the input's, or what it is cast to first
  LoopNest nest;
  absl::InlinedVector<OutputSpec, 2> outputs;
};

struct Plan {
  DType dtype;
  Shape shape;
  int64_t element_count = 0;
  int64_t byte_count = 0;         // of the input
  int64_t result_byte_count = 0;  // of all outputs together
  std::vector<PlannedReduction> reductions;
};

// More reductions than this in a request are refused.
inline constexpr int kMaxReductions = 256;

// Checks `spec` by PyTorch's rules and flattens it. INVALID_ARGUMENT, with the field named in an ErrorDetail and
// PyTorch's text, for: no or too many reductions; a bad shape or one of more than 2^63 - 1 bytes; an op or dtype
// number that does not exist; a dim out of range or twice; a dtype the op does not take; `dtype` where the op has
// none, or one that does not fit; options of another family; an empty reduction without identity; results of more
// than 2^63 - 1 bytes.
absl::StatusOr<Plan> MakePlan(const ReductionSpec& spec);

// The axes of `shape` with the dims in `reduced` (0..n-1, sorted, unique) marked.
LoopNest MakeLoopNest(absl::Span<const int64_t> shape, absl::Span<const int64_t> reduced);

// INVALID_ARGUMENT (field `data`): the tensor has not as many bytes as planned, but `got`, as in "12 arrived".
absl::Status SizeMismatch(const Plan& plan, absl::string_view got);

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_PLAN_PLAN_H_
