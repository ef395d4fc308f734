// The scratch of selections and of `unique`, kept between requests.
#ifndef TREDUCE_SERVER_ENGINE_CPU_SCRATCH_POOL_H_
#define TREDUCE_SERVER_ENGINE_CPU_SCRATCH_POOL_H_

#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "server/engine/select/selection.h"

namespace treduce {

// Thread-safe. Not by thread: one that waits for others to do their part of a selection may run another request's
// meanwhile.
class ScratchPool {
 public:
  // A scratch for the holder alone, given back when it is destroyed.
  class Lease {
   public:
    explicit Lease(ScratchPool& pool) : pool_(pool), scratch_(pool.Take()) {}
    ~Lease() { pool_.GiveBack(std::move(scratch_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    SelectionScratch& operator*() const { return *scratch_; }

   private:
    ScratchPool& pool_;
    std::unique_ptr<SelectionScratch> scratch_;
  };

 private:
  // More than this many are not kept.
  static constexpr size_t kMaxKept = 8;

  std::unique_ptr<SelectionScratch> Take() {
    const std::lock_guard lock(mutex_);
    if (kept_.empty()) return std::make_unique<SelectionScratch>();
    std::unique_ptr<SelectionScratch> scratch = std::move(kept_.back());
    kept_.pop_back();
    return scratch;
  }

  void GiveBack(std::unique_ptr<SelectionScratch> scratch) {
    scratch->Trim();
    const std::lock_guard lock(mutex_);
    if (kept_.size() < kMaxKept) kept_.push_back(std::move(scratch));
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<SelectionScratch>> kept_;
};

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_CPU_SCRATCH_POOL_H_
