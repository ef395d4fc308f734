// The kernels of passes over elements TREDUCE_ELEMENT that do the folds of TREDUCE_FOLD_SET: compiled once for each
// type and set, side by side.
#include "server/engine/cuda/launch-inl.h"

namespace treduce::cuda {

template Error LaunchFolds<TREDUCE_ELEMENT, FoldSet::TREDUCE_FOLD_SET>(PassSpec&, Stream);
#ifdef TREDUCE_JOIN  // with one set of each type
template Error LaunchJoin<TREDUCE_ELEMENT>(const PassSpec&, int, States, int64_t, Stream);
#endif

}  // namespace treduce::cuda
