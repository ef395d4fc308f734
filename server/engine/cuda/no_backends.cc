// Of a build without CUDA.
#include "server/engine/cuda/open_backends.h"

namespace treduce::cuda {

OpenedBackends OpenBackends(size_t) { return {{}, "built without CUDA"}; }

}  // namespace treduce::cuda
