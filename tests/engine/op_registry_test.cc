// Tests of server/engine/plan/op_registry.cc.
#include "server/engine/plan/op_registry.h"

#include <set>
#include <string>
#include <string_view>

#include "gmock/gmock.h"

namespace treduce {
namespace {

// The input dtypes that `name` takes, as the letters of their kinds: float, complex, signed, u8, other Unsigned, bool.
std::string Accepted(std::string_view name) {
  std::string kinds;
  for (const auto& [kind, dtype] : {std::pair{'f', DType::kFloat32},
                                    {'c', DType::kComplex64},
                                    {'s', DType::kInt64},
                                    {'u', DType::kUInt8},
                                    {'U', DType::kUInt64},
                                    {'b', DType::kBool}}) {
    if (FindOp(name)->accepts(dtype)) kinds += kind;
  }
  return kinds;
}

TEST(OpRegistry, ListsEveryOpInTheOrderOfTheEnum) {
  ASSERT_EQ(AllOps().size(), 28u);
  for (size_t i = 0; i < AllOps().size(); ++i) EXPECT_EQ(AllOps()[i].op, static_cast<Op>(i + 1));
}

TEST(OpRegistry, OpsAreFoundByNumberAndByName) {
  std::set<std::string_view> names;
  for (const OpInfo& info : AllOps()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_EQ(FindOp(info.op), &info);
    EXPECT_EQ(FindOp(info.name), &info);
  }
  EXPECT_EQ(FindOp(static_cast<Op>(0)), nullptr);
  EXPECT_EQ(FindOp(static_cast<Op>(29)), nullptr);
  EXPECT_EQ(FindOp("cumsum"), nullptr);
  EXPECT_EQ(FindOp(""), nullptr);
}

TEST(OpRegistry, EveryEntryIsComplete) {
  for (const OpInfo& info : AllOps()) {
    EXPECT_FALSE(info.summary.empty()) << info.name;
    EXPECT_EQ(info.summary.find('\n'), std::string_view::npos) << info.name;
    EXPECT_TRUE(info.outputs.size() >= 1 && info.outputs.size() <= kMaxOutputs) << info.name;
    EXPECT_TRUE(info.outputs_all_dims.size() >= 1 && info.outputs_all_dims.size() <= kMaxOutputs) << info.name;
    bool accepts_all = true;
    for (DType dtype : kAllDTypes) accepts_all = accepts_all && info.accepts(dtype);
    EXPECT_TRUE(accepts_all || !info.refusal.empty()) << info.name;
  }
}

TEST(OpRegistry, AcceptsWhatPyTorchAcceptsAndWhereItLacksKernels) {
  for (const char* name : {"sum", "prod", "all", "any", "count_nonzero", "logsumexp"}) {
    EXPECT_EQ(Accepted(name), "fcsuUb") << name;
  }
  for (const char* name : {"nansum", "max", "min", "amax", "amin", "aminmax", "median", "nanmedian", "mode", "unique",
                           "unique_consecutive"})
    EXPECT_EQ(Accepted(name), "fsuUb") << name;
  for (const char* name : {"argmax", "argmin"}) EXPECT_EQ(Accepted(name), "fsuU") << name;
  for (const char* name : {"mean", "var", "std", "var_mean", "std_mean", "vector_norm"}) {
    EXPECT_EQ(Accepted(name), "fc") << name;
  }
  for (const char* name : {"nanmean", "quantile", "nanquantile"}) EXPECT_EQ(Accepted(name), "f") << name;
  EXPECT_FALSE(FindOp("quantile")->accepts(DType::kFloat16));
}

TEST(OpRegistry, OpsWithADTypeArgumentCast) {
  std::set<std::string_view> casting;
  for (const OpInfo& info : AllOps()) {
    if (info.casts) casting.insert(info.name);
  }
  EXPECT_THAT(casting, testing::UnorderedElementsAre("sum", "nansum", "mean", "nanmean", "prod", "vector_norm",
                                                     "quantile", "nanquantile"));
}

TEST(OpRegistry, OrderingOpsHaveNoValueForNoElements) {
  std::set<std::string_view> without;
  for (const OpInfo& info : AllOps()) {
    if (info.empty == EmptyReduction::kError) without.insert(info.name);
  }
  EXPECT_THAT(without, testing::UnorderedElementsAre("max", "min", "amax", "amin", "aminmax", "argmax", "argmin",
                                                     "median", "nanmedian", "mode"));
}

TEST(OpRegistry, OnlyMaxAndMinAndMediansGiveIndicesOnlyWithDims) {
  for (const OpInfo& info : AllOps()) {
    const bool depends =
        info.op == Op::kMax || info.op == Op::kMin || info.op == Op::kMedian || info.op == Op::kNanMedian;
    if (depends) {
      EXPECT_THAT(info.outputs, testing::ElementsAre("values", "indices"));
      EXPECT_THAT(info.outputs_all_dims, testing::ElementsAre("result"));
    } else {
      EXPECT_EQ(info.outputs, info.outputs_all_dims) << info.name;
    }
  }
}

}  // namespace
}  // namespace treduce
