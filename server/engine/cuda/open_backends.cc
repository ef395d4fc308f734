// Of a build with CUDA.
#include "server/engine/cuda/open_backends.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/engine/cuda/cuda_backend.h"
#include "server/engine/cuda/runtime.h"

namespace treduce::cuda {

OpenedBackends OpenBackends(size_t memory_limit) {
  OpenedBackends opened;
  const int count = CountDevices(&opened.why_not);
  for (int ordinal = 0; ordinal < count; ++ordinal) {
    absl::StatusOr<std::unique_ptr<Backend>> backend = CudaBackend::Open(ordinal, memory_limit);
    if (backend.ok()) {
      opened.backends.push_back(*std::move(backend));
    } else {
      absl::StrAppend(&opened.why_not, opened.why_not.empty() ? "" : "; ", backend.status().message());
    }
  }
  return opened;
}

}  // namespace treduce::cuda
