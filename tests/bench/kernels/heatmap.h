// The picture of a run: ops by dtypes, coloured by the ratio to PyTorch.
#ifndef TREDUCE_TESTS_BENCH_KERNELS_HEATMAP_H_
#define TREDUCE_TESTS_BENCH_KERNELS_HEATMAP_H_

#include <string>
#include <vector>

#include "tests/bench/kernels/cells.h"

namespace treduce::bench {

// An SVG with two panels, of large tensors and of small ones. A field is the geometric mean over shapes and numbers of
// threads; it stays empty where PyTorch has no such kernel. Readable on light and on dark pages.
std::string Heatmap(const std::vector<Cell>& cells);

}  // namespace treduce::bench

#endif  // TREDUCE_TESTS_BENCH_KERNELS_HEATMAP_H_
