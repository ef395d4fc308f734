// One element stored as any dtype.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_STORE_INL_H_
#define TREDUCE_SERVER_ENGINE_CUDA_STORE_INL_H_

#include <complex>
#include <type_traits>

#include "server/engine/cuda/simt.h"
#include "server/engine/values/narrow.h"

namespace treduce::cuda {

// Stores `wide` as element `k` of a tensor of `dtype`.
template <class Wide>
TREDUCE_DEVICE_FUNCTION void StoreAs(Wide wide, DType dtype, int64_t k, void* out) {
  const auto store = [&]<class T>(std::type_identity<T>) { static_cast<T*>(out)[k] = Narrow<T>(wide); };
  switch (dtype) {
    case DType::kFloat64:
      return store(std::type_identity<double>());
    case DType::kFloat32:
      return store(std::type_identity<float>());
    case DType::kFloat16:
      return store(std::type_identity<Float16>());
    case DType::kBFloat16:
      return store(std::type_identity<BFloat16>());
    case DType::kInt8:
      return store(std::type_identity<int8_t>());
    case DType::kInt16:
      return store(std::type_identity<int16_t>());
    case DType::kInt32:
      return store(std::type_identity<int32_t>());
    case DType::kInt64:
      return store(std::type_identity<int64_t>());
    case DType::kUInt8:
      return store(std::type_identity<uint8_t>());
    case DType::kUInt16:
      return store(std::type_identity<uint16_t>());
    case DType::kUInt32:
      return store(std::type_identity<uint32_t>());
    case DType::kUInt64:
      return store(std::type_identity<uint64_t>());
    case DType::kBool:
      return store(std::type_identity<Bool>());
    case DType::kComplex64:
      return store(std::type_identity<std::complex<float>>());
    case DType::kComplex128:
      return store(std::type_identity<std::complex<double>>());
  }
}

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_STORE_INL_H_
