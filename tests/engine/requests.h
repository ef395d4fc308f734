// What the tests that loop over the registry ask of an engine, and how they compare the answers.
#ifndef TREDUCE_TESTS_ENGINE_REQUESTS_H_
#define TREDUCE_TESTS_ENGINE_REQUESTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "server/engine/values/reduction.h"
#include "server/engine/values/tensor.h"

namespace treduce {

// Every op that takes `dtype` and has one result for each kept element, of all dims, once for each value of its options
// that is worth telling apart.
std::vector<Reduction> ReductionsOf(DType dtype);

// What has other results: lists of quantiles, and UNIQUE and its like (along one dim or none). The same, of all dims.
std::vector<Reduction> ListsOf(DType dtype);

// The same ops where they cast `dtype` to another dtype first, once for each.
std::vector<Reduction> CastsOf(DType dtype);

// Those reductions with other dims.
std::vector<Reduction> WithDim(std::vector<Reduction> reductions, const std::vector<int64_t>& dim);

// Every way to reduce a tensor of `count` dims: {} (which stands for all), {0}, {1}, {0, 1}, ...
std::vector<std::vector<int64_t>> DimSubsets(int count);

// "var dim=[0, 2] keepdim correction=0.5".
std::string Describe(const Reduction& reduction);

// Empty when dtypes, shapes and bytes are the same; else where they first differ: "output 0 [3] is 1.5, not 1.25".
std::string BitDifference(const ReductionResult& got, const ReductionResult& want);
// The same of the answers to `reductions`, with the reduction named.
std::string BitDifference(absl::Span<const Reduction> reductions, absl::Span<const ReductionResult> got,
                          absl::Span<const ReductionResult> want);

}  // namespace treduce

#endif  // TREDUCE_TESTS_ENGINE_REQUESTS_H_
