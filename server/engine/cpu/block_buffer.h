// Blocks of a tensor's elements, whole in memory: where they arrived if they did in one piece, else copied together.
#ifndef TREDUCE_SERVER_ENGINE_CPU_BLOCK_BUFFER_H_
#define TREDUCE_SERVER_ENGINE_CPU_BLOCK_BUFFER_H_

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>

namespace treduce {

// Of blocks of one size, which follow one another. Not thread-safe.
class BlockBuffer {
 public:
  // REQUIRES: block_bytes > 0.
  explicit BlockBuffer(size_t block_bytes) : block_bytes_(block_bytes) {}

  // Takes bytes off the front, and calls `body(const std::byte* blocks, size_t count)` for the blocks that are whole
  // by then, which it may not keep. `body` returns whether to go on; so does this.
  template <class Body>
  bool Append(const std::byte* x, size_t byte_count, const Body& body) {
    while (byte_count > 0) {
      const size_t whole = byte_count / block_bytes_;
      if (filled_ == 0 && whole > 0) {
        if (!body(x, whole)) return false;
        x += whole * block_bytes_;
        byte_count -= whole * block_bytes_;
        continue;
      }
      if (bytes_ == nullptr) bytes_.reset(new std::byte[block_bytes_]);
      const size_t taken = std::min(byte_count, block_bytes_ - filled_);
      std::memcpy(bytes_.get() + filled_, x, taken);
      filled_ += taken;
      x += taken;
      byte_count -= taken;
      if (filled_ < block_bytes_) continue;
      filled_ = 0;
      if (!body(bytes_.get(), 1)) return false;
    }
    return true;
  }

 private:
  const size_t block_bytes_;
  size_t filled_ = 0;
  std::unique_ptr<std::byte[]> bytes_;
};

}  // namespace treduce

#endif  // TREDUCE_SERVER_ENGINE_CPU_BLOCK_BUFFER_H_
