// Tensors as PyTorch prints them, with its default print options: 4 digits, lines of 80 columns, and of more than 1000
// elements the first and last 3 along each dim.
#ifndef TREDUCE_CLIENT_CLI_PRINT_H_
#define TREDUCE_CLIENT_CLI_PRINT_H_

#include <string>
#include <string_view>

#include "absl/types/span.h"
#include "server/engine/values/tensor.h"

namespace treduce::cli {

// "tensor(10)", "tensor([4, 6])", "tensor([1., 2.], dtype=torch.float64)". The tensor's data must be whole.
std::string ToText(const TensorView& tensor);

// The results of one op; `names` are those of its outputs. One is printed by itself; of two, "var" and "mean" or "std"
// and "mean" are a tuple and the others a torch.return_types.
std::string ToText(std::string_view op, absl::Span<const std::string_view> names, const ReductionResult& result);

}  // namespace treduce::cli

#endif  // TREDUCE_CLIENT_CLI_PRINT_H_
