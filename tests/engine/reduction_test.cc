// Tests of server/engine/values/reduction.cc.
#include "server/engine/values/reduction.h"

#include "gtest/gtest.h"

namespace treduce {
namespace {

TEST(Interpolation, IsFoundByItsName) {
  for (const Interpolation interpolation : {Interpolation::kLinear, Interpolation::kLower, Interpolation::kHigher,
                                            Interpolation::kMidpoint, Interpolation::kNearest}) {
    EXPECT_EQ(InterpolationFromName(Name(interpolation)), interpolation) << Name(interpolation);
  }
  EXPECT_EQ(Name(Interpolation::kMidpoint), "midpoint");
  for (const char* name : {"", "Linear", "linear ", "cubic"}) EXPECT_EQ(InterpolationFromName(name), std::nullopt);
}

}  // namespace
}  // namespace treduce
