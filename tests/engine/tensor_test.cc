// Tests of server/engine/values/tensor.cc.
#include "server/engine/values/tensor.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gmock/gmock.h"
#include "server/engine/values/errors.h"

namespace treduce {
namespace {

TEST(ByteCount, IsElementsTimesTheirSize) {
  for (DType dtype : kAllDTypes) {
    EXPECT_EQ(*ByteCount(dtype, {2, 3}), static_cast<int64_t>(6 * ByteSize(dtype))) << Name(dtype);
    EXPECT_EQ(*ByteCount(dtype, {}), static_cast<int64_t>(ByteSize(dtype))) << Name(dtype);
    EXPECT_EQ(*ByteCount(dtype, {2, 0}), 0) << Name(dtype);
  }
}

TEST(ByteCount, RefusesWhatElementCountRefuses) {
  EXPECT_EQ(DetailOf(ByteCount(DType::kInt8, {2, -1}).status())->reason, "NEGATIVE_EXTENT");
}

TEST(ByteCount, RefusesOverflow) {
  const int64_t extent = int64_t{1} << 60;
  EXPECT_TRUE(ByteCount(DType::kFloat32, {extent}).ok());
  const auto detail = DetailOf(ByteCount(DType::kFloat64, {extent}).status());
  ASSERT_TRUE(detail.has_value());
  EXPECT_EQ(detail->reason, "SHAPE_OVERFLOW");
  EXPECT_EQ(detail->field, "shape");
  EXPECT_FALSE(ByteCount(DType::kFloat64, {0, extent}).ok()) << "a zero extent hides no overflow";
}

TEST(Tensor, ItsViewBorrowsItsBytes) {
  const Tensor tensor = {DType::kUInt8, {3}, std::vector<std::byte>(3)};
  const TensorView view = tensor.view();
  EXPECT_EQ(view.dtype, DType::kUInt8);
  EXPECT_EQ(view.shape, tensor.shape);
  EXPECT_EQ(view.data.data(), tensor.data.data());
  EXPECT_EQ(view.data.size(), 3u);
}

}  // namespace
}  // namespace treduce
