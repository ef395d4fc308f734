// What the project holds its kernels to: ratios to the roof and to PyTorch, class by class.
#ifndef TREDUCE_TESTS_BENCH_KERNELS_GOALS_H_
#define TREDUCE_TESTS_BENCH_KERNELS_GOALS_H_

#include <vector>

#include "tests/bench/kernels/cells.h"
#include "tests/bench/report.h"

namespace treduce::bench {

// Adds a target for each class that has cells: its lowest ratio, and how many of its cells miss. Then those of all
// cells together.
void AddGoals(const std::vector<Cell>& cells, Report& report);

// Prints how many cells there are, the mean ratios, the cells that do worst against PyTorch, and those whose answers
// are wrong.
void PrintSummary(const std::vector<Cell>& cells);

// No cell's answer is wrong.
bool AllRight(const std::vector<Cell>& cells);

}  // namespace treduce::bench

#endif  // TREDUCE_TESTS_BENCH_KERNELS_GOALS_H_
