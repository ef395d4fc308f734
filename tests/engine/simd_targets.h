// The SIMD targets that the engine can run on here, to be tried one by one.
#ifndef TREDUCE_TESTS_ENGINE_SIMD_TARGETS_H_
#define TREDUCE_TESTS_ENGINE_SIMD_TARGETS_H_

#include <cstdint>
#include <string>
#include <vector>

namespace treduce {

struct SimdTarget {
  std::string name;  // as Engine::simd_name
  int64_t allowed;   // the targets to choose the best of, as Highway's bits
};

// Those that this machine has and the engine is compiled for, the best first.
std::vector<SimdTarget> SimdTargets();

// Has the engine choose folds of `target` while it lives. One at a time, with no reduction under way when it comes or
// goes.
class ScopedSimdTarget {
 public:
  explicit ScopedSimdTarget(const SimdTarget& target);
  ~ScopedSimdTarget();
  ScopedSimdTarget(const ScopedSimdTarget&) = delete;
  ScopedSimdTarget& operator=(const ScopedSimdTarget&) = delete;
};

}  // namespace treduce

#endif  // TREDUCE_TESTS_ENGINE_SIMD_TARGETS_H_
