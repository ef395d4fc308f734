// Tests of server/engine/values/dtype.cc.
#include "server/engine/values/dtype.h"

#include <map>
#include <set>
#include <string_view>

#include "gmock/gmock.h"

namespace treduce {
namespace {

TEST(DType, NamesAreUniqueAndFindTheirDType) {
  std::set<std::string_view> names;
  for (DType dtype : kAllDTypes) {
    EXPECT_TRUE(names.insert(Name(dtype)).second) << Name(dtype);
    EXPECT_EQ(DTypeFromName(Name(dtype)), dtype);
  }
}

TEST(DType, OtherNamesFindNothing) {
  for (std::string_view name : {"", "unknown", "float", "torch.float32", "Float32", "float32 "}) {
    EXPECT_EQ(DTypeFromName(name), std::nullopt) << name;
  }
}

TEST(DType, SizesAreThoseOfTheElements) {
  std::map<size_t, int> dtypes_by_size;
  for (DType dtype : kAllDTypes) ++dtypes_by_size[ByteSize(dtype)];
  EXPECT_EQ(dtypes_by_size, (std::map<size_t, int>{{1, 3}, {2, 4}, {4, 3}, {8, 4}, {16, 1}}));
  EXPECT_EQ(ByteSize(DType::kBool), 1u);
  EXPECT_EQ(ByteSize(DType::kBFloat16), 2u);
  EXPECT_EQ(ByteSize(DType::kComplex64), 8u);
  EXPECT_EQ(ByteSize(DType::kComplex128), 16u);
}

TEST(DType, ScalarTypeNamesArePyTorchs) {
  EXPECT_EQ(ScalarTypeName(DType::kFloat64), "Double");
  EXPECT_EQ(ScalarTypeName(DType::kFloat16), "Half");
  EXPECT_EQ(ScalarTypeName(DType::kInt8), "Char");
  EXPECT_EQ(ScalarTypeName(DType::kInt64), "Long");
  EXPECT_EQ(ScalarTypeName(DType::kUInt8), "Byte");
  EXPECT_EQ(ScalarTypeName(DType::kUInt64), "UInt64");
  EXPECT_EQ(ScalarTypeName(DType::kComplex64), "ComplexFloat");
}

TEST(DType, EveryDTypeIsOfOneKind) {
  for (DType dtype : kAllDTypes) {
    EXPECT_EQ(IsFloatingPoint(dtype) + IsComplex(dtype) + IsInteger(dtype) + (dtype == DType::kBool), 1) << Name(dtype);
    EXPECT_EQ(IsUnsigned(dtype), Name(dtype).substr(0, 4) == "uint") << Name(dtype);
    EXPECT_EQ(IsFloatingPoint(dtype), Name(dtype).find("float") != std::string_view::npos) << Name(dtype);
  }
}

TEST(DType, RealDTypeIsThatOfTheParts) {
  for (DType dtype : kAllDTypes) {
    EXPECT_EQ(ByteSize(RealDType(dtype)) * (IsComplex(dtype) ? 2 : 1), ByteSize(dtype));
    EXPECT_FALSE(IsComplex(RealDType(dtype)));
  }
  EXPECT_EQ(RealDType(DType::kComplex64), DType::kFloat32);
  EXPECT_EQ(RealDType(DType::kInt16), DType::kInt16);
}

TEST(DType, NumbersThatAreNoDTypeAreOfNoKind) {
  for (int number : {0, 16, 255}) {
    const DType dtype = static_cast<DType>(number);
    EXPECT_EQ(Name(dtype), "unknown");
    EXPECT_EQ(ByteSize(dtype), 0u);
    EXPECT_FALSE(IsFloatingPoint(dtype) || IsComplex(dtype) || IsInteger(dtype) || IsUnsigned(dtype));
  }
}

}  // namespace
}  // namespace treduce
