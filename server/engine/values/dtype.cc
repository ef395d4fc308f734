// The table of dtypes.
#include "server/engine/values/dtype.h"

namespace treduce {
namespace {

struct DTypeInfo {
  size_t byte_size;
  std::string_view name;
  std::string_view scalar_type_name;
};

// By number; 0 stands for every number that is no dtype.
constexpr std::array<DTypeInfo, 16> kInfos = {{
    {0, "unknown", "Unknown"},
    {8, "float64", "Double"},
    {4, "float32", "Float"},
    {2, "float16", "Half"},
    {2, "bfloat16", "BFloat16"},
    {1, "int8", "Char"},
    {2, "int16", "Short"},
    {4, "int32", "Int"},
    {8, "int64", "Long"},
    {1, "uint8", "Byte"},
    {2, "uint16", "UInt16"},
    {4, "uint32", "UInt32"},
    {8, "uint64", "UInt64"},
    {1, "bool", "Bool"},
    {8, "complex64", "ComplexFloat"},
    {16, "complex128", "ComplexDouble"},
}};

const DTypeInfo& Info(DType dtype) {
  const auto number = static_cast<size_t>(dtype);
  return kInfos[number < kInfos.size() ? number : 0];
}

}  // namespace

size_t ByteSize(DType dtype) { return Info(dtype).byte_size; }

std::string_view Name(DType dtype) { return Info(dtype).name; }

std::string_view ScalarTypeName(DType dtype) { return Info(dtype).scalar_type_name; }

std::optional<DType> DTypeFromName(std::string_view name) {
  for (DType dtype : kAllDTypes) {
    if (Name(dtype) == name) return dtype;
  }
  return std::nullopt;
}

bool IsFloatingPoint(DType dtype) { return dtype >= DType::kFloat64 && dtype <= DType::kBFloat16; }

bool IsComplex(DType dtype) { return dtype == DType::kComplex64 || dtype == DType::kComplex128; }

bool IsInteger(DType dtype) { return dtype >= DType::kInt8 && dtype <= DType::kUInt64; }

bool IsUnsigned(DType dtype) { return dtype >= DType::kUInt8 && dtype <= DType::kUInt64; }

DType RealDType(DType dtype) {
  if (dtype == DType::kComplex64) return DType::kFloat32;
  if (dtype == DType::kComplex128) return DType::kFloat64;
  return dtype;
}

}  // namespace treduce
