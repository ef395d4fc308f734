// Sorts by the widest vectors there are: of keys alone any order of equal ones is the same.
#include "server/engine/select/sorted_keys.h"

#include "hwy/contrib/sort/vqsort.h"
#include "server/engine/select/radix_sort.h"

namespace treduce {
namespace {

// Fewer are not worth setting vectors up for.
constexpr size_t kFewestForVectors = 128;

template <class Key>
void Sort(Key* keys, size_t n) {
  if (n <= kFewKeys) return SortFew(keys, n);
  if (n >= kFewestForVectors) return hwy::Sorter()(keys, n, hwy::SortAscending());
  std::sort(keys, keys + n);
}

}  // namespace

void SortKeys(int32_t* keys, size_t n) { Sort(keys, n); }
void SortKeys(int64_t* keys, size_t n) { Sort(keys, n); }

}  // namespace treduce
