// Element types of a tensor, with PyTorch's names.
//
// Plain values: every function here is pure, allocates nothing and is safe to call from any thread.
#ifndef TREDUCE_SERVER_ENGINE_VALUES_DTYPE_H_
#define TREDUCE_SERVER_ENGINE_VALUES_DTYPE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace treduce {

// The numbers are those of `treduce.v1.Dtype` and never change.
enum class DType : uint8_t {
  kFloat64 = 1,
  kFloat32 = 2,
  kFloat16 = 3,
  kBFloat16 = 4,
  kInt8 = 5,
  kInt16 = 6,
  kInt32 = 7,
  kInt64 = 8,
  kUInt8 = 9,
  kUInt16 = 10,
  kUInt32 = 11,
  kUInt64 = 12,
  kBool = 13,
  kComplex64 = 14,
  kComplex128 = 15,
};

inline constexpr std::array<DType, 15> kAllDTypes = {
    DType::kFloat64, DType::kFloat32, DType::kFloat16, DType::kBFloat16,  DType::kInt8,
    DType::kInt16,   DType::kInt32,   DType::kInt64,   DType::kUInt8,     DType::kUInt16,
    DType::kUInt32,  DType::kUInt64,  DType::kBool,    DType::kComplex64, DType::kComplex128,
};

// Bytes of one element: 1, 2, 4, 8 or 16.
size_t ByteSize(DType dtype);

// "float32", "bfloat16", "int64", "bool", "complex64", ... as `str(torch.float32)` without "torch.".
std::string_view Name(DType dtype);

// PyTorch's name of the scalar type as its error messages print it: "Float", "Half", "Long", "Char", ...
std::string_view ScalarTypeName(DType dtype);

// The inverse of Name; nullopt for anything else.
std::optional<DType> DTypeFromName(std::string_view name);

// float64, float32, float16 and bfloat16.
bool IsFloatingPoint(DType dtype);
bool IsComplex(DType dtype);
// int8 to int64 and uint8 to uint64; not bool.
bool IsInteger(DType dtype);
// uint8 to uint64.
bool IsUnsigned(DType dtype);

// complex64 -> float32, complex128 -> float64, anything else unchanged.
DType RealDType(DType dtype);

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_VALUES_DTYPE_H_
