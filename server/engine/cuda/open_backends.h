// The CUDA devices that this machine, and this build, have.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_OPEN_BACKENDS_H_
#define TREDUCE_SERVER_ENGINE_CUDA_OPEN_BACKENDS_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "server/engine/backend.h"

namespace treduce::cuda {

struct OpenedBackends {
  std::vector<std::unique_ptr<Backend>> backends;
  std::string why_not;  // of those that could not be opened, or why there are none
};

// All devices, each with `memory_limit` bytes for requests; 0 takes nine tenths of its memory.
OpenedBackends OpenBackends(size_t memory_limit);

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_OPEN_BACKENDS_H_
