// The kernels of selections among elements TREDUCE_ELEMENT: compiled once for each type, side by side.
#include <bit>

#include "server/engine/cuda/launch.h"
#include "server/engine/cuda/select_digits-inl.h"
#include "server/engine/cuda/select_few-inl.h"
#include "server/engine/cuda/selection_kernels.h"

namespace treduce::cuda {

template <class T, int kOwn>
Error LaunchByWarp(const SelectionSpec& spec, Stream stream) {
  return Launch(&SelectByWarp<T, kOwn>, CeilDiv(spec.outputs, kWarpsOfBlock), kBlock, 0, stream, spec);
}

template <class T>
Error LaunchSelectionOf(const SelectionSpec& spec, Stream stream) {
  if (spec.n <= kWarpSize) {
    const auto lanes = static_cast<int>(std::bit_ceil(static_cast<uint64_t>(spec.n)));
    return Launch(&SelectFew<T>, CeilDiv(spec.outputs * lanes, kBlock), kBlock, 0, stream, spec, lanes);
  }
  if (spec.n <= 4 * kWarpSize) return LaunchByWarp<T, 4>(spec, stream);
  if (spec.n <= 8 * kWarpSize) return LaunchByWarp<T, 8>(spec, stream);
  if (spec.n <= 16 * kWarpSize) return LaunchByWarp<T, 16>(spec, stream);
  if (spec.n <= 32 * kWarpSize) return LaunchByWarp<T, 32>(spec, stream);
  const size_t table_bytes = static_cast<size_t>(spec.rank_count) * kTableWords * sizeof(uint32_t);
  if (spec.chunk >= spec.n) {
    return Launch(&SelectByBlock<T>, spec.outputs, kBlock, table_bytes + sizeof(Search) + sizeof(PartialSums), stream,
                  spec);
  }
  const int64_t chunks = spec.outputs * CeilDiv(spec.n, spec.chunk);
  Error error = Launch(&BeginShared<T>, spec.outputs, kBlock, 0, stream, spec);
  for (int digit = 0; digit < Radix<T>::kDigits && error == kSuccess; ++digit) {
    error = Launch(&CountShared<T>, chunks, kBlock, table_bytes, stream, spec);
    if (error == kSuccess && digit > 0) error = Launch(&ListShared<T>, chunks, kBlock, 0, stream, spec);
    if (error == kSuccess) error = Launch(&FindShared<T>, spec.outputs, kBlock, sizeof(PartialSums), stream, spec);
  }
  if (error == kSuccess) error = Launch(&FindElementsShared<T>, chunks, kBlock, 0, stream, spec);
  if (error == kSuccess) error = Launch(&StoreShared<T>, spec.outputs, kWarpSize, 0, stream, spec);
  return error;
}

template Error LaunchSelectionOf<TREDUCE_ELEMENT>(const SelectionSpec&, Stream);

}  // namespace treduce::cuda
