// Memory whose pages are fresh comes at some 1 GB/s in small pages, in large ones at ten times that.
#ifndef TREDUCE_SERVER_ENGINE_VALUES_HUGE_PAGES_H_
#define TREDUCE_SERVER_ENGINE_VALUES_HUGE_PAGES_H_

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>

namespace treduce {

// Asks for large pages in [data, data + byte_count), as far as they fit in it. Where there are none nothing changes.
inline void PreferHugePages(void* data, size_t byte_count) {
#ifdef MADV_HUGEPAGE
  constexpr uintptr_t kHugePage = uintptr_t{2} << 20;
  const auto address = reinterpret_cast<uintptr_t>(data);
  const uintptr_t begin = (address + kHugePage - 1) / kHugePage * kHugePage;
  const uintptr_t end = (address + byte_count) / kHugePage * kHugePage;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_VALUES_HUGE_PAGES_H_
