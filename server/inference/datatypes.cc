// One table of all names.
#include "server/inference/datatypes.h"

namespace treduce {
namespace {

struct Entry {
  DType dtype;
  std::string_view datatype;
  inference::DataType config_type;
};

constexpr Entry kEntries[] = {
    {DType::kFloat64, "FP64", inference::TYPE_FP64},    {DType::kFloat32, "FP32", inference::TYPE_FP32},
    {DType::kFloat16, "FP16", inference::TYPE_FP16},    {DType::kBFloat16, "BF16", inference::TYPE_BF16},
    {DType::kInt8, "INT8", inference::TYPE_INT8},       {DType::kInt16, "INT16", inference::TYPE_INT16},
    {DType::kInt32, "INT32", inference::TYPE_INT32},    {DType::kInt64, "INT64", inference::TYPE_INT64},
    {DType::kUInt8, "UINT8", inference::TYPE_UINT8},    {DType::kUInt16, "UINT16", inference::TYPE_UINT16},
    {DType::kUInt32, "UINT32", inference::TYPE_UINT32}, {DType::kUInt64, "UINT64", inference::TYPE_UINT64},
    {DType::kBool, "BOOL", inference::TYPE_BOOL},
};

const Entry* Find(DType dtype) {
  for (const Entry& entry : kEntries) {
    if (entry.dtype == dtype) return &entry;
  }
  return nullptr;
}

}  // namespace

std::string_view DatatypeOf(DType dtype) {
  const Entry* entry = Find(dtype);
  return entry == nullptr ? std::string_view() : entry->datatype;
}

std::optional<DType> DTypeFromDatatype(std::string_view datatype) {
  for (const Entry& entry : kEntries) {
    if (entry.datatype == datatype) return entry.dtype;
  }
  return std::nullopt;
}

inference::DataType ConfigTypeOf(DType dtype) {
  const Entry* entry = Find(dtype);
  return entry == nullptr ? inference::TYPE_INVALID : entry->config_type;
}

}  // namespace treduce
