// A memfd: Linux's file without a name, reached through /proc by others.
#include "tests/bench/kernels/memory_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace treduce::bench {

absl::StatusOr<std::unique_ptr<MemoryFile>> MemoryFile::Create(size_t size) {
  const int descriptor = memfd_create("treduce-kernel-bench", MFD_CLOEXEC);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, "memfd_create");
  std::unique_ptr<MemoryFile> file(new MemoryFile(descriptor, size));
  if (size == 0) return file;
  // Not ftruncate: without room it would be the first write that fails, with a signal.
  if (const int error = posix_fallocate(descriptor, 0, static_cast<off_t>(size)); error != 0) {
    return absl::UnavailableError(absl::StrCat("no room for ", size, " bytes of shared memory"));
  }
  void* data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (data == MAP_FAILED) return absl::ErrnoToStatus(errno, "mmap");
  file->data_ = static_cast<std::byte*>(data);
  madvise(data, size, MADV_HUGEPAGE);  // fails where there are none
  return file;
}

MemoryFile::~MemoryFile() {
  if (data_ != nullptr) munmap(data_, size_);
  close(descriptor_);
}

std::string MemoryFile::path() const { return absl::StrCat("/proc/", getpid(), "/fd/", descriptor_); }

absl::Status MemoryFile::Read(size_t offset, size_t size, std::byte* into) const {
  while (size > 0) {
    const ssize_t count = pread(descriptor_, into, size, static_cast<off_t>(offset));
    if (count < 0) return absl::ErrnoToStatus(errno, "pread");
    if (count == 0) return absl::OutOfRangeError("the file is too short");
    into += count;
    offset += static_cast<size_t>(count);
    size -= static_cast<size_t>(count);
  }
  return absl::OkStatus();
}

}  // namespace treduce::bench
