// Fuzz target of the command line's input: any bytes, in a file or a pipe, as a .npy array that is read to its end.
// What is read must be as long as the header says, and a header written for it must say the same.
//
// An input is one byte of flags (bit 0: a pipe, bit 1: opaque elements are bfloat16) and the file.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "client/cli/input.h"
#include "client/cli/npy.h"
#include "tests/fuzz/expect.h"

namespace treduce {
namespace {

constexpr size_t kPipeCapacity = 64 << 10;

// A descriptor that reads `bytes` from the start; -1 when a pipe would not hold them.
int Reader(absl::Span<const uint8_t> bytes, bool as_pipe) {
  if (!as_pipe) {
    const int file = memfd_create("npy", 0);
    Expect(write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    return file;
  }
  if (bytes.size() > kPipeCapacity) return -1;
  int ends[2];
  Expect(pipe(ends) == 0);
  Expect(write(ends[1], bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  close(ends[1]);
  return ends[0];
}

void CheckHeader(DType dtype, const Shape& shape) {
  const std::string header = cli::MakeNpyHeader(dtype, shape);
  const auto opaque_dtype = dtype == DType::kBFloat16 ? std::optional(dtype) : std::nullopt;
  const auto parsed =
      cli::ParseNpyHeader({reinterpret_cast<const std::byte*>(header.data()), header.size()}, opaque_dtype);
  Expect(parsed.ok() && parsed->dtype == dtype && parsed->shape == shape && !parsed->fortran_order);
}

// Reads in pieces, as the client does: whole elements, and never more than are left.
void Drain(const TensorSource& source) {
  std::vector<std::byte> buffer(63 * 16);
  for (int64_t left = *ByteCount(source.dtype, source.shape); left > 0;) {
    const auto room = absl::MakeSpan(buffer).first(std::min<int64_t>(buffer.size(), left));
    const absl::StatusOr<size_t> count = source.read(room);
    if (!count.ok() || *count == 0) return;
    Expect(*count <= room.size());
    left -= static_cast<int64_t>(*count);
  }
}

void Fuzz(absl::Span<const uint8_t> bytes, bool as_pipe, bool opaque) {
  const int file = Reader(bytes, as_pipe);
  if (file < 0) return;
  cli::InputOptions options;
  if (opaque) options.opaque_dtype = DType::kBFloat16;
  const auto input = cli::Input::Open("/proc/self/fd/" + std::to_string(file), options);
  close(file);
  if (!input.ok()) return;
  if (const auto* view = std::get_if<TensorView>(&(*input)->tensor())) {
    Expect(static_cast<int64_t>(view->data.size()) == *ByteCount(view->dtype, view->shape));
    CheckHeader(view->dtype, view->shape);
  } else {
    const auto& source = std::get<TensorSource>((*input)->tensor());
    CheckHeader(source.dtype, source.shape);
    Drain(source);
  }
}

}  // namespace
}  // namespace treduce

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 0) treduce::Fuzz({data + 1, size - 1}, data[0] & 1, data[0] & 2);
  return 0;
}
