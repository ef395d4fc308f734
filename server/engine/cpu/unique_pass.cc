// Finds the unique slices once the tensor is whole, and makes tensors of them.
#include "server/engine/cpu/unique_pass.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace treduce {
namespace {

// The tensor as slices along the reduction's dim, or as single elements.
SlicedTensor Sliced(const Plan& plan, const PlannedReduction& reduction, const std::byte* x) {
  if (reduction.all_dims || plan.shape.empty()) return {plan.dtype, x, 1, plan.element_count, 1};
  const auto dim = static_cast<size_t>(reduction.reduction.dim[0]);
  SlicedTensor sliced = {plan.dtype, x, 1, plan.shape[dim], 1};
  for (size_t d = 0; d < plan.shape.size(); ++d) {
    if (d != dim) (d < dim ? sliced.outer : sliced.inner) *= plan.shape[d];
  }
  return sliced;
}

// `data` as the bytes of a tensor of as many slices or counts as there are distinct slices.
void Store(std::vector<std::byte> data, int64_t unique_count, Tensor& tensor) {
  std::replace(tensor.shape.begin(), tensor.shape.end(), kUnknownExtent, unique_count);
  tensor.data = std::move(data);
}

}  // namespace

UniquePass::UniquePass(const Plan& plan, ScratchPool& scratches, const std::atomic<bool>* cancelled)
    : plan_(plan),
      scratches_(scratches),
      cancelled_(cancelled),
      buffer_(static_cast<size_t>(std::max<int64_t>(plan.byte_count, 1))) {}

void UniquePass::Add(const PlannedReduction& reduction, const UniqueRequest& request, std::vector<Tensor*> outputs) {
  consumers_.push_back({&reduction, request, std::move(outputs)});
  consumers_.back().request.cancelled = cancelled_;
}

bool UniquePass::Append(const std::byte* x, size_t byte_count) {
  return buffer_.Append(x, byte_count, [this](const std::byte* tensor, size_t) { return Take(tensor); });
}

bool UniquePass::Take(const std::byte* x) {
  return std::all_of(consumers_.begin(), consumers_.end(),
                     [this, x](const Consumer& consumer) { return Take(x, consumer); });
}

bool UniquePass::Take(const std::byte* x, const Consumer& consumer) {
  const SlicedTensor sliced = Sliced(plan_, *consumer.reduction, x);
  const UniqueRequest& request = consumer.request;
  size_t next = 1;
  UniqueTensors unique;
  if (request.with_inverse) {
    unique.inverse =
        reinterpret_cast<int64_t*>(consumer.outputs[next++]->data.data());  // aligned, as all from the heap
  }
  const ScratchPool::Lease scratch(scratches_);
  if (!FindUnique(sliced, request, *scratch, unique)) return false;
  Store(std::move(unique.values), unique.count, *consumer.outputs[0]);
  if (request.with_counts) Store(std::move(unique.counts), unique.count, *consumer.outputs[next]);
  return true;
}

int64_t UniquePass::ByteCount(const Plan& plan, const PlannedReduction& reduction, const UniqueRequest& request) {
  const SlicedTensor sliced = Sliced(plan, reduction, nullptr);
  const double bytes = static_cast<double>(plan.byte_count) + UniqueByteCount(sliced, request);
  return bytes < 0x1p62 ? static_cast<int64_t>(bytes) : std::numeric_limits<int64_t>::max();
}

}  // namespace treduce
