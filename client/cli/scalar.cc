// See scalar.h.
#include "client/cli/scalar.h"

#include <cstring>

#include "server/engine/values/element.h"

namespace treduce::cli {
namespace {

template <typename T>
T Load(const TensorView& tensor, int64_t index) {
  T value;
  std::memcpy(&value, tensor.data.data() + index * sizeof(T), sizeof(T));
  return value;
}

}  // namespace

Scalar ScalarAt(const TensorView& tensor, int64_t index) {
  switch (tensor.dtype) {
    case DType::kFloat64:
      return Load<double>(tensor, index);
    case DType::kFloat32:
      return double{Load<float>(tensor, index)};
    case DType::kFloat16:
      return double{ToFloat(Load<Float16>(tensor, index))};
    case DType::kBFloat16:
      return double{ToFloat(Load<BFloat16>(tensor, index))};
    case DType::kInt8:
      return int64_t{Load<int8_t>(tensor, index)};
    case DType::kInt16:
      return int64_t{Load<int16_t>(tensor, index)};
    case DType::kInt32:
      return int64_t{Load<int32_t>(tensor, index)};
    case DType::kInt64:
      return Load<int64_t>(tensor, index);
    case DType::kUInt8:
      return uint64_t{Load<uint8_t>(tensor, index)};
    case DType::kUInt16:
      return uint64_t{Load<uint16_t>(tensor, index)};
    case DType::kUInt32:
      return uint64_t{Load<uint32_t>(tensor, index)};
    case DType::kUInt64:
      return Load<uint64_t>(tensor, index);
    case DType::kBool:
      return Load<uint8_t>(tensor, index) != 0;
    case DType::kComplex64:
      return std::complex<double>(Load<std::complex<float>>(tensor, index));
    case DType::kComplex128:
      return Load<std::complex<double>>(tensor, index);
  }
  return false;
}

}  // namespace treduce::cli
