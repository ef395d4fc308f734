// The kernels of selections, as plain functions.
#ifndef TREDUCE_SERVER_ENGINE_CUDA_SELECTION_KERNELS_H_
#define TREDUCE_SERVER_ENGINE_CUDA_SELECTION_KERNELS_H_

#include "server/engine/cuda/runtime.h"
#include "server/engine/cuda/selection_spec.h"
#include "server/engine/values/dtype.h"

namespace treduce::cuda {

// Cuts a selection whose `outputs` and `n` are filled in for a device of so many multiprocessors: its `chunk`. Its
// results do not depend on how it is cut.
void CutSelection(SelectionSpec& spec, int multiprocessors);

// Whether several blocks share an output, and so need its search and tables.
bool IsShared(const SelectionSpec& spec);

// Enqueues a selection, that has been cut, among elements of `dtype`. REQUIRES: there are elements, and ranks.
Error LaunchSelection(DType dtype, const SelectionSpec& spec, Stream stream);

// For one element type, compiled on its own (kernels/select.cu).
template <class T>
Error LaunchSelectionOf(const SelectionSpec& spec, Stream stream);

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_SELECTION_KERNELS_H_
