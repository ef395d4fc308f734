// Loads and integer adds, eight vectors at a time, compiled for each SIMD target and chosen at run time.
#include "tests/bench/kernels/roof.h"

#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>
#include <oneapi/tbb/task_arena.h>

#include <atomic>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/bench/kernels/roof.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace treduce::bench::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// `count` is a multiple of 64.
uint64_t SumWords(const uint64_t* x, size_t count) {
  const hn::CappedTag<uint64_t, 8> d;
  const size_t n = hn::Lanes(d);
  auto s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  for (size_t i = 0; i < count; i += 8 * n) {
    s0 = hn::Add(s0, hn::LoadU(d, x + i));
    s1 = hn::Add(s1, hn::LoadU(d, x + i + n));
    s2 = hn::Add(s2, hn::LoadU(d, x + i + 2 * n));
    s3 = hn::Add(s3, hn::LoadU(d, x + i + 3 * n));
    s4 = hn::Add(s4, hn::LoadU(d, x + i + 4 * n));
    s5 = hn::Add(s5, hn::LoadU(d, x + i + 5 * n));
    s6 = hn::Add(s6, hn::LoadU(d, x + i + 6 * n));
    s7 = hn::Add(s7, hn::LoadU(d, x + i + 7 * n));
  }
  s0 = hn::Add(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)), hn::Add(hn::Add(s4, s5), hn::Add(s6, s7)));
  return hn::GetLane(hn::SumOfLanes(d, s0));
}

}  // namespace treduce::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace treduce::bench {
namespace {

HWY_EXPORT(SumWords);

constexpr size_t kBlock = 64 * sizeof(uint64_t);
constexpr size_t kSharedFrom = size_t{1} << 20;

uint64_t Sum(const std::byte* x, size_t blocks) {
  return HWY_DYNAMIC_DISPATCH(SumWords)(reinterpret_cast<const uint64_t*>(x), blocks * 64);
}

}  // namespace

class Roof::Arena : public tbb::task_arena {
 public:
  using task_arena::task_arena;
};

Roof::Roof(int thread_count) : arena_(std::make_unique<Arena>(thread_count)) {}
Roof::~Roof() = default;

uint64_t Roof::Read(absl::Span<const std::byte> bytes) const {
  const size_t blocks = bytes.size() / kBlock;
  if (bytes.size() < kSharedFrom || arena_->max_concurrency() == 1) return Sum(bytes.data(), blocks);
  std::atomic<uint64_t> total = 0;
  arena_->execute([&] {
    const auto threads = static_cast<size_t>(arena_->max_concurrency());
    tbb::parallel_for(
        size_t{0}, threads,
        [&](size_t i) {
          const size_t begin = blocks * i / threads;
          total += Sum(bytes.data() + begin * kBlock, blocks * (i + 1) / threads - begin);
        },
        tbb::simple_partitioner());
  });
  return total;
}

}  // namespace treduce::bench
#endif  // HWY_ONCE
