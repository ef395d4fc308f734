// Memory that another process can open as a file, and that is gone with this one.
#ifndef TREDUCE_TESTS_BENCH_KERNELS_MEMORY_FILE_H_
#define TREDUCE_TESTS_BENCH_KERNELS_MEMORY_FILE_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace treduce::bench {

class MemoryFile {
 public:
  // Mapped with every page in place, in huge ones where the kernel has them for shared memory. UNAVAILABLE when there
  // is no room.
  static absl::StatusOr<std::unique_ptr<MemoryFile>> Create(size_t size);
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  // For processes of the same user, while this one lives.
  std::string path() const;
  absl::Span<std::byte> bytes() const { return {data_, size_}; }
  // Copies what another process has written: `size` bytes from `offset`. OUT_OF_RANGE when there are not as many.
  absl::Status Read(size_t offset, size_t size, std::byte* into) const;

 private:
  MemoryFile(int descriptor, size_t size) : descriptor_(descriptor), size_(size) {}

  int descriptor_;
  size_t size_;
  std::byte* data_ = nullptr;
};

}  // namespace treduce::bench

#endif  // TREDUCE_TESTS_BENCH_KERNELS_MEMORY_FILE_H_
