// Tests of server/engine/values/shape.cc.
#include "server/engine/values/shape.h"

#include <cstdint>
#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "server/engine/values/errors.h"

namespace treduce {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

// "REASON" of the refusal of `shape`; empty when it is taken.
std::string Reason(const Shape& shape) {
  const auto count = ElementCount(shape);
  if (count.ok()) return "";
  const auto detail = DetailOf(count.status());
  EXPECT_TRUE(detail.has_value());
  EXPECT_EQ(detail->field, "shape");
  return detail->reason;
}

TEST(ElementCount, IsTheProductOfTheExtents) {
  EXPECT_EQ(*ElementCount(Shape{}), 1);
  EXPECT_EQ(*ElementCount(Shape{7}), 7);
  EXPECT_EQ(*ElementCount(Shape{2, 3, 4}), 24);
  EXPECT_EQ(*ElementCount(Shape{2, 0, 4}), 0);
  EXPECT_EQ(*ElementCount(Shape{kMax}), kMax);
  EXPECT_EQ(*ElementCount(Shape{int64_t{1} << 31, (int64_t{1} << 32) - 1}), ((int64_t{1} << 32) - 1) << 31);
}

TEST(ElementCount, TakesUpTo64Dims) {
  EXPECT_EQ(*ElementCount(Shape(64, 1)), 1);
  EXPECT_EQ(Reason(Shape(65, 1)), "TOO_MANY_DIMS");
  EXPECT_EQ(DetailOf(ElementCount(Shape(65, 1)).status())->limit, "64");
}

TEST(ElementCount, RefusesNegativeExtents) {
  EXPECT_EQ(Reason({2, -1}), "NEGATIVE_EXTENT");
  EXPECT_EQ(Reason({0, -1}), "NEGATIVE_EXTENT");
  EXPECT_EQ(Reason({std::numeric_limits<int64_t>::min()}), "NEGATIVE_EXTENT");
}

TEST(ElementCount, RefusesOverflow) {
  EXPECT_EQ(Reason({int64_t{1} << 32, int64_t{1} << 31}), "SHAPE_OVERFLOW");
  EXPECT_EQ(Reason(Shape(63, 2)), "SHAPE_OVERFLOW");
  EXPECT_EQ(Reason({kMax, kMax, kMax}), "SHAPE_OVERFLOW");
}

TEST(ElementCount, AZeroExtentHidesNoOverflow) {
  EXPECT_EQ(Reason({0, kMax, 2}), "SHAPE_OVERFLOW");
  EXPECT_EQ(Reason({kMax, 2, 0}), "SHAPE_OVERFLOW");
}

TEST(ElementCount, TheErrorShowsTheShape) {
  EXPECT_EQ(std::string(ElementCount(Shape{2, -1}).status().message()),
            "shape: Trying to create tensor with negative dimension -1: [2, -1]");
}

TEST(ShapeToString, IsAListInBrackets) {
  EXPECT_EQ(ToString(Shape{}), "[]");
  EXPECT_EQ(ToString(Shape{2}), "[2]");
  EXPECT_EQ(ToString(Shape{2, 0, 3}), "[2, 0, 3]");
}

}  // namespace
}  // namespace treduce
