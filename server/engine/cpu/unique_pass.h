// UNIQUE and UNIQUE_CONSECUTIVE of a whole tensor, which must be in memory together; results are as large as turns out.
#ifndef TREDUCE_SERVER_ENGINE_CPU_UNIQUE_PASS_H_
#define TREDUCE_SERVER_ENGINE_CPU_UNIQUE_PASS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "server/engine/cpu/block_buffer.h"
#include "server/engine/cpu/scratch_pool.h"
#include "server/engine/plan/lowering.h"
#include "server/engine/plan/plan.h"
#include "server/engine/values/tensor.h"

namespace treduce {

// Not thread-safe.
class UniquePass {
 public:
  // Of the tensor of `plan`, which must outlive it, as must `scratches` and `cancelled` (which may be null).
  UniquePass(const Plan& plan, ScratchPool& scratches, const std::atomic<bool>* cancelled);

  // Makes `reduction` part of it. Its results are made in `outputs`, which have no data yet.
  void Add(const PlannedReduction& reduction, const UniqueRequest& request, std::vector<Tensor*> outputs);

  // The next bytes of the tensor. False when `cancelled` was raised meanwhile.
  bool Append(const std::byte* x, size_t byte_count);

  // The results of a tensor without elements.
  void FinishEmpty() { Take(nullptr); }

  // Upper bound of the memory that a pass with this reduction holds beside its results, in bytes, saturating.
  static int64_t ByteCount(const Plan& plan, const PlannedReduction& reduction, const UniqueRequest& request);

 private:
  struct Consumer {
    const PlannedReduction* reduction;
    UniqueRequest request;
    std::vector<Tensor*> outputs;
  };

  // The whole tensor.
  bool Take(const std::byte* x);
  bool Take(const std::byte* x, const Consumer& consumer);

  const Plan& plan_;
  ScratchPool& scratches_;
  const std::atomic<bool>* const cancelled_;
  std::vector<Consumer> consumers_;
  BlockBuffer buffer_;
};

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_CPU_UNIQUE_PASS_H_
