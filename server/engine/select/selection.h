// Selections: ops that pick elements of all those reduced into an output by their rank or their number, and so need
// them together in memory.
//
// What a selection finds are order keys (server/engine/fold/order_key.h), in the words of a state like that of a fold:
// nothing is rounded, so no order of operations matters, and a cast that keeps the order (they all do) can come after.
#ifndef TREDUCE_SERVER_ENGINE_SELECT_SELECTION_H_
#define TREDUCE_SERVER_ENGINE_SELECT_SELECTION_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/functional/function_ref.h"
#include "server/engine/fold/fold.h"
#include "server/engine/select/few.h"
#include "server/engine/select/histogram.h"
#include "server/engine/select/quantile_rank.h"
#include "server/engine/values/dtype.h"
#include "server/engine/values/huge_pages.h"
#include "server/engine/values/reduction.h"

namespace treduce {

// A state is the key found, and with an index that of its first occurrence; of quantiles the number of elements that
// count, and the keys at the two ranks around each q.
enum class SelectionKind : uint8_t {
  kMedian,        // the element of rank (n - 1) / 2; the largest key, which is that of NaN, if there is a NaN
  kNanMedian,     // the same of the elements that are not NaN
  kMode,          // the key that occurs most often, the smallest of several; NaN only where there is nothing else
  kQuantiles,     // as kMedian at the ranks of each q
  kNanQuantiles,  // as kNanMedian at those
};

struct SelectionParams {
  bool with_index = false;                     // of kMedian, kNanMedian and kMode
  const QuantileOptions* quantiles = nullptr;  // of kQuantiles and kNanQuantiles
  bool rounds_q = false;                       // to float32, as PyTorch does where that is the dtype of the result
};

// Quantile number `i`, rounded.
double QuantileAt(const SelectionParams& params, size_t i);
// Its rank among `count` elements. REQUIRES: count > 0.
QuantileRank RankOf(const SelectionParams& params, size_t i, int64_t count);

// Calls the body for ranges that make up [0, size), side by side if it can.
using ParallelFor = absl::FunctionRef<void(size_t size, absl::FunctionRef<void(size_t begin, size_t end)> body)>;

// Memory that selections and `unique` use one after the other: fresh pages cost more than what is done in them. Not
// thread-safe.
class SelectionScratch {
 public:
  // Room for `count` of each, uninitialised; what was there before is lost if it has to grow.
  template <class Key>
  Key* keys(size_t count) {
    return reinterpret_cast<Key*>(keys_.Reserve(count * sizeof(Key)));
  }
  template <class Key>
  Key* spare(size_t count) {
    return reinterpret_cast<Key*>(spare_.Reserve(count * sizeof(Key)));
  }

  // Gives back what is more than should be kept between requests.
  void Trim() {
    keys_.Trim();
    spare_.Trim();
  }

 private:
  struct Buffer {
    std::byte* Reserve(size_t byte_count) {
      if (byte_count > size) {
        *this = {};
        data.reset(new std::byte[byte_count]);
        size = byte_count;
        PreferHugePages(data.get(), size);
      }
      return data.get();
    }
    void Trim() {
      constexpr size_t kMaxKept = size_t{24} << 20;
      if (size > kMaxKept) *this = {};
    }

    std::unique_ptr<std::byte[]> data;
    size_t size = 0;
  };

  Buffer keys_;
  Buffer spare_;
};

struct Selection {
  // Words of a state.
  int (*field_count)(const SelectionParams& params);
  // Selects from `n` >= 1 packed elements, without alignment; the state is written to out[k].
  void (*of_elements)(const SelectionParams& params, const std::byte* x, size_t n, SelectionScratch& scratch,
                      ParallelFor parallel_for, States out, size_t k);
  // The same from several outputs, whose states are written to out[k] and after.
  void (*of_few)(const SelectionParams& params, const FewElements& elements, States out, size_t k);
  // The same from the histogram of the elements; nullptr where elements have more than 2 bytes.
  void (*of_histogram)(const SelectionParams& params, const Histogram& histogram, States out, size_t k);
};

// REQUIRES: `dtype` is not complex.
const Selection* FindSelection(SelectionKind kind, DType dtype);

// Upper bound of the scratch, in bytes, for `n` elements.
double ScratchByteCount(SelectionKind kind, const SelectionParams& params, DType dtype, double n);

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_SELECT_SELECTION_H_
