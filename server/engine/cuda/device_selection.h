// The selections of a plan from the same outputs, as a device carries them out.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_DEVICE_SELECTION_H_
#define TREDUCE_SERVER_ENGINE_CUDA_DEVICE_SELECTION_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "server/engine/cuda/nest_spec.h"
#include "server/engine/cuda/runtime.h"
#include "server/engine/cuda/selection_spec.h"
#include "server/engine/plan/lowering.h"
#include "server/engine/plan/plan.h"

namespace treduce::cuda {

// Of one reduction, at most: for more, sorting is what would be fast.
inline constexpr size_t kMaxQuantiles = 64;

// Thread-safe once complete. Holds no memory of the device.
class DeviceSelection {
 public:
  // Of elements of `dtype`, on a device of so many multiprocessors. REQUIRES: `nest` has elements, and no more than
  // kMaxOuterAxes axes outside its segments.
  DeviceSelection(const LoopNest& nest, DType dtype, int multiprocessors);

  const LoopNest& nest() const { return nest_; }

  // Whether `lowered`, a selection, is one that the device does.
  static bool Has(const Lowered& lowered);
  // Makes `reduction`, lowered to such a selection of the same nest, part of it; its outputs are at these offsets of
  // the workspace.
  void Add(const PlannedReduction& reduction, const Lowered& lowered, absl::Span<const size_t> outputs);

  // Bytes of memory of the device that Launch needs, beside the tensor and the outputs.
  size_t byte_count() const { return LayOut().end; }

  // Bytes that Launch reads and writes, about.
  double TrafficByteCount() const;

  // Enqueues everything for the tensor at `x`. Outputs are in `workspace`, `memory` has byte_count() bytes; all are
  // aligned to 16 bytes.
  Error Launch(const void* x, std::byte* workspace, std::byte* memory, Stream stream) const;

 private:
  struct Rank {
    RankSpec spec;  // without its pointers
    size_t out;     // where in the workspace
    size_t index;
  };

  // Where in the memory is what follows the elements that were gathered.
  struct Layout {
    size_t searches, tables, end;
  };

  Layout LayOut() const;

  const LoopNest nest_;
  const DType dtype_;
  NestSpec nest_spec_ = {};
  SelectionSpec spec_ = {};  // but for its ranks and pointers
  std::vector<Rank> ranks_;
};

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_DEVICE_SELECTION_H_
