// Small tensors for tests.
#ifndef TREDUCE_TESTS_CLIENT_TENSORS_H_
#define TREDUCE_TESTS_CLIENT_TENSORS_H_

#include <cstdint>
#include <cstring>
#include <numeric>
#include <vector>

#include "absl/types/span.h"
#include "server/engine/values/tensor.h"

namespace treduce {

template <typename T>
absl::Span<const std::byte> BytesOf(const std::vector<T>& elements) {
  return {reinterpret_cast<const std::byte*>(elements.data()), elements.size() * sizeof(T)};
}

// The elements as the bytes of a tensor, whatever its dtype is.
template <typename T>
Tensor MakeTensor(DType dtype, absl::Span<const int64_t> shape, const std::vector<T>& elements) {
  const auto bytes = BytesOf(elements);
  return {dtype, Shape(shape.begin(), shape.end()), {bytes.begin(), bytes.end()}};
}

// 0, 1, 2, ...
template <typename T>
Tensor Arange(DType dtype, absl::Span<const int64_t> shape) {
  std::vector<T> elements(*ElementCount(shape));
  std::iota(elements.begin(), elements.end(), T{0});
  return MakeTensor(dtype, shape, elements);
}

template <typename T>
std::vector<T> ElementsOf(const Tensor& tensor) {
  std::vector<T> elements(tensor.data.size() / sizeof(T));
  std::memcpy(elements.data(), tensor.data.data(), tensor.data.size());
  return elements;
}

}  // namespace treduce

#endif  // TREDUCE_TESTS_CLIENT_TENSORS_H_
