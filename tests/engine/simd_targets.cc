// Highway's list of targets, narrowed for tests.
#include "tests/engine/simd_targets.h"

#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "server/engine/fold/fold.h"

namespace treduce {

std::vector<SimdTarget> SimdTargets() {
  std::vector<SimdTarget> targets;
  // A lower bit is a better target: allow all, then all but the best, and so on.
  for (int64_t allowed = hwy::SupportedTargets(); allowed != 0; allowed &= allowed - 1) {
    hwy::SetSupportedTargetsForTest(allowed);
    const std::string name = SimdTargetName();
    if (targets.empty() || targets.back().name != name) targets.push_back({name, allowed});
  }
  hwy::SetSupportedTargetsForTest(0);
  return targets;
}

ScopedSimdTarget::ScopedSimdTarget(const SimdTarget& target) {
  hwy::SetSupportedTargetsForTest(target.allowed);
  EXPECT_EQ(SimdTargetName(), target.name);
}

ScopedSimdTarget::~ScopedSimdTarget() { hwy::SetSupportedTargetsForTest(0); }

}  // namespace treduce
