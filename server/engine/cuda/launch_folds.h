// The launches that a pass is made of; for each element type, and set of folds, compiled on its own (kernels/pass.cu).
#ifndef TREDUCE_SERVER_ENGINE_CUDA_LAUNCH_FOLDS_H_
#define TREDUCE_SERVER_ENGINE_CUDA_LAUNCH_FOLDS_H_

#include <cstdint>

#include "server/engine/cuda/fold_set.h"
#include "server/engine/cuda/pass_spec.h"
#include "server/engine/cuda/runtime.h"

namespace treduce::cuda {

// Leaves to nodes, or to results where nothing is left to join. The folds of `spec` are in the set.
template <class T, FoldSet kSet>
Error LaunchFolds(PassSpec& spec, Stream stream);

// Nodes to a `chunks`th of them, `to`, or to results where that is one: `down` threads, with kOwnNodes each, below one
// another.
template <class T>
Error LaunchJoin(const PassSpec& spec, int down, States to, int64_t chunks, Stream stream);

}  // namespace treduce::cuda

#endif  // TREDUCE_SERVER_ENGINE_CUDA_LAUNCH_FOLDS_H_
