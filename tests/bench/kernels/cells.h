// What the kernel benchmark measures: problems (an op, a dtype and a shape), and a cell of figures for each problem and
// number of threads.
#ifndef TREDUCE_TESTS_BENCH_KERNELS_CELLS_H_
#define TREDUCE_TESTS_BENCH_KERNELS_CELLS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "server/engine/values/reduction.h"
#include "tests/bench/kernels/data.h"

namespace treduce::bench {

inline constexpr DType kMeasuredDTypes[] = {DType::kFloat32, DType::kFloat64, DType::kFloat16, DType::kBFloat16,
                                            DType::kInt32,   DType::kInt64,   DType::kUInt8,   DType::kBool};

// How the reduced elements lie in memory.
enum class Layout : uint8_t {
  kWhole,       // all of them
  kRows,        // long rows
  kShortRows,   // rows of 8
  kColumns,     // of a matrix
  kMiddle,      // the middle one of three dims
  kFewColumns,  // 8 columns
  kTallRows,    // columns of 8
  kChannels,    // all dims but the second, as batch normalisation has it
};

struct ShapeCase {
  std::string_view name;  // "8192x8192:0"
  Layout layout;
  Shape shape;
  std::vector<int64_t> dim;  // empty for all

  int64_t ElementCount() const;
};

// In ascending order of their elements.
const std::vector<ShapeCase>& AllShapes();

struct Problem {
  std::string op;  // a name in the registry, or "fused": sum, amin, amax, mean and std in one request
  DType dtype;
  const ShapeCase* shape;
  std::vector<Reduction> reductions;

  Fill fill() const { return FillOf(op); }
  size_t ByteCount() const;
  // "sum/float32/8192x8192:0".
  std::string Name() const;
};

// Names to keep; an empty list keeps all.
struct Selection {
  std::vector<std::string> ops;
  std::vector<std::string> dtypes;
  std::vector<std::string> shapes;
};

// Every problem that the engine takes, dtype by dtype, the small ones of each first. INVALID_ARGUMENT when the
// selection has a name that does not exist.
absl::StatusOr<std::vector<Problem>> SelectProblems(const Selection& selection);

// Seconds are medians of one call. Ratios are above 1 where treduce is faster.
struct Cell {
  Problem problem;
  int threads = 1;
  double seconds = 0;
  double roof_seconds = 0;
  std::optional<double> torch_seconds = std::nullopt;
  std::optional<double> numpy_seconds = std::nullopt;
  double vs_roof = 0;
  std::optional<double> vs_torch = std::nullopt;
  std::optional<double> vs_numpy = std::nullopt;
  // PyTorch took much longer than with one thread: its threads had no core each. Its time is left out.
  bool disturbed = false;
  std::string checked_by = {};  // "torch", "numpy", "reference" or "nothing"
  std::string wrong = {};       // what the check found, or empty

  // "sum/float32/8192x8192:0/2", with the number of threads.
  std::string Name() const;
};

// exp of the mean of the logarithms; NaN of nothing.
double GeometricMean(const std::vector<double>& values);

}  // namespace treduce::bench

#endif  // TREDUCE_TESTS_BENCH_KERNELS_CELLS_H_
