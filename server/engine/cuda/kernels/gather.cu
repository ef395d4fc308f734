// The kernels that gather the elements of outputs, one for each size of elements.
#include <algorithm>
#include <bit>

#include "server/engine/cuda/gather_kernels.h"
#include "server/engine/cuda/launch.h"
#include "server/engine/cuda/nest-inl.h"

namespace treduce::cuda {
namespace {

constexpr int64_t kMostBlocks = 1 << 16;
// Elements of a tile of columns.
constexpr int kTile = 1024;

// Rows whose segments are apart.
template <class Bits>
TREDUCE_KERNEL void GatherRows(TREDUCE_CONSTANT NestSpec nest, const Bits* x, Bits* out) {
  const int64_t count = nest.segments * nest.rows;
  for (int64_t i = BlockIndex() * BlockSize() + ThreadIndex(); i < count; i += GridSize() * BlockSize()) {
    const Location location = Locate(nest, i / nest.rows);
    out[location.output * nest.reduced_count + location.place * nest.rows + i % nest.rows] = x[i];
  }
}

// Columns, by tiles of `across` columns, a power of two: read in order of rows, written in order of columns.
template <class Bits>
TREDUCE_KERNEL void TREDUCE_LAUNCH_BOUNDS(kBlock, 4)
    GatherColumns(TREDUCE_CONSTANT NestSpec nest, int across, const Bits* x, Bits* out) {
  Bits* tile = reinterpret_cast<Bits*>(SharedMemory());
  const int down = kTile / across;
  const int64_t stripes = (nest.width + across - 1) / across;
  const int64_t strips = (nest.rows + down - 1) / down;
  for (int64_t job = BlockIndex(); job < nest.segments * strips * stripes; job += GridSize()) {
    const int64_t first_column = job % stripes * across;
    const int64_t first_row = job / stripes % strips * down;
    const int64_t segment = job / stripes / strips;
    const Location location = Locate(nest, segment);
    for (int i = ThreadIndex(); i < kTile; i += BlockSize()) {
      const int64_t row = first_row + i / across;
      const int64_t column = first_column + i % across;
      if (row < nest.rows && column < nest.width) {
        tile[i / across * (across + 1) + i % across] = x[(segment * nest.rows + row) * nest.width + column];
      }
    }
    Barrier();
    for (int i = ThreadIndex(); i < kTile; i += BlockSize()) {
      const int64_t row = first_row + i % down;
      const int64_t column = first_column + i / down;
      if (row < nest.rows && column < nest.width) {
        out[(location.output + column) * nest.reduced_count + location.place * nest.rows + row] =
            tile[i % down * (across + 1) + i / down];
      }
    }
    Barrier();
  }
}

template <class Bits>
Error LaunchGatherOf(const NestSpec& nest, const void* x, void* out, Stream stream) {
  const auto* from = static_cast<const Bits*>(x);
  auto* to = static_cast<Bits*>(out);
  if (!nest.columns) {
    const int64_t blocks = std::min(CeilDiv(nest.segments * nest.rows, kBlock), kMostBlocks);
    return Launch(&GatherRows<Bits>, blocks, kBlock, 0, stream, nest, from, to);
  }
  const auto across = static_cast<int>(std::bit_ceil(static_cast<uint64_t>(std::min<int64_t>(nest.width, kMaxAcross))));
  const int down = kTile / across;
  const int64_t jobs = nest.segments * CeilDiv(nest.rows, down) * CeilDiv(nest.width, across);
  return Launch(&GatherColumns<Bits>, jobs, kBlock, static_cast<size_t>(down * (across + 1)) * sizeof(Bits), stream,
                nest, across, from, to);
}

}  // namespace

Error LaunchGather(const NestSpec& nest, size_t element_size, const void* x, void* out, Stream stream) {
  switch (element_size) {
    case 1:
      return LaunchGatherOf<uint8_t>(nest, x, out, stream);
    case 2:
      return LaunchGatherOf<uint16_t>(nest, x, out, stream);
    case 4:
      return LaunchGatherOf<uint32_t>(nest, x, out, stream);
    default:
      return LaunchGatherOf<uint64_t>(nest, x, out, stream);
  }
}

}  // namespace treduce::cuda
