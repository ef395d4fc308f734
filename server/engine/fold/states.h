// States in memory, wherever that is.
#ifndef TREDUCE_SERVER_ENGINE_FOLD_STATES_H_
#define TREDUCE_SERVER_ENGINE_FOLD_STATES_H_

#include <cstddef>
#include <cstdint>

#include "server/engine/values/host_device.h"

namespace treduce {

// Borrowed states: word `i` of state `k` is `field<T>(i)[k]`; a word holds a double or an int64_t.
struct States {
  std::byte* base = nullptr;
  size_t stride = 0;  // bytes from one word's array to the next

  template <class T>
  TREDUCE_HOST_DEVICE T* field(int i) const {
    static_assert(sizeof(T) == 8);
    return reinterpret_cast<T*>(base + static_cast<size_t>(i) * stride);
  }
  // The states from number `k` on.
  TREDUCE_HOST_DEVICE States From(size_t k) const { return {base + k * 8, stride}; }
  // The states without the words before number `i`.
  TREDUCE_HOST_DEVICE States FromWord(int i) const { return {base + static_cast<size_t>(i) * stride, stride}; }
};

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_FOLD_STATES_H_
