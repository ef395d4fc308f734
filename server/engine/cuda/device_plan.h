// A plan as a device carries it out: its passes cut into kernels, and the memory these need.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_DEVICE_PLAN_H_
#define TREDUCE_SERVER_ENGINE_CUDA_DEVICE_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/engine/cuda/device_selection.h"
#include "server/engine/cuda/pass_spec.h"
#include "server/engine/cuda/runtime.h"
#include "server/engine/plan/lowering.h"
#include "server/engine/plan/pass_shape.h"
#include "server/engine/plan/plan.h"

namespace treduce::cuda {

// Thread-safe once made. Holds no memory of the device.
class DevicePlan {
 public:
  // UNIMPLEMENTED, saying which reduction, where the device has no kernels for one: it is the CPU's then.
  static absl::StatusOr<DevicePlan> Make(const Plan& plan, int multiprocessors);

  // Bytes of memory of the device that Launch needs, beside the tensor.
  size_t workspace_byte_count() const { return workspace_byte_count_; }

  // Bytes that selections read and write, about; what folds do is less.
  double SelectionTraffic() const;

  // Where in the workspace the outputs of reduction `i` are when what Launch enqueued is done.
  absl::Span<const size_t> outputs(size_t i) const { return outputs_[i]; }

  // Enqueues everything for the tensor at `x`, whole and aligned to 16 bytes. `workspace`, aligned alike, holds
  // workspace_byte_count() bytes.
  Error Launch(const void* x, std::byte* workspace, Stream stream) const;

 private:
  // Elements seen in one way: as they are, or converted.
  struct View {
    Conversion conversion;
    DType dtype;       // after it
    size_t converted;  // where in the workspace
  };
  // A result of a pass until its folds have their words.
  struct Source {
    int fold;
    FoldKind kind;
  };
  struct Pass {
    size_t view;
    DType dtype;  // of what is folded
    PassShape shape;
    int64_t reduced_count;
    PassSpec spec;
    size_t nodes;                                         // where in the workspace
    std::vector<absl::InlinedVector<Source, 2>> sources;  // of each result
    std::vector<absl::InlinedVector<size_t, 2>> outputs;  // of each result, where in the workspace
  };

  struct Selection {
    DeviceSelection ranks;
    size_t memory;  // where in the workspace
  };

  absl::Status Add(const PlannedReduction& reduction);
  void AddSelection(const PlannedReduction& reduction, const Lowered& lowered, absl::Span<const size_t> outputs);
  size_t ViewOf(Conversion conversion, DType dtype);
  // Makes `lowered` part of `pass`; false if there is no room.
  bool AddTo(Pass& pass, const PlannedReduction& reduction, const Lowered& lowered,
             const absl::InlinedVector<size_t, 2>& outputs) const;
  // Lays out the words of the states of a pass that is complete, and cuts it.
  void Seal(Pass& pass);
  size_t Reserve(size_t bytes);

  int multiprocessors_ = 0;
  DType dtype_;
  int64_t element_count_ = 0;
  std::vector<View> views_;
  std::vector<Pass> passes_;
  std::vector<Selection> selections_;
  std::vector<absl::InlinedVector<size_t, 2>> outputs_;
  size_t workspace_byte_count_ = 0;
};

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_DEVICE_PLAN_H_
