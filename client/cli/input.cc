// See input.h.
#include "client/cli/input.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/row_major.h"
#include "server/engine/values/errors.h"

namespace treduce::cli {
namespace {

// Bytes that a pipe is read by when it must be held in memory: it grows with what arrives, not with what it claims.
constexpr int64_t kPipeStep = int64_t{16} << 20;

absl::Status SystemError() { return absl::UnknownError(std::strerror(errno)); }

// The front of `bytes` that holds whole elements.
absl::Span<std::byte> Whole(const NpyHeader& header, absl::Span<std::byte> bytes) {
  return bytes.first(bytes.size() - bytes.size() % ByteSize(header.dtype));
}

void MakeLittleEndian(const NpyHeader& header, absl::Span<std::byte> bytes) {
  if (!header.big_endian) return;
  const size_t unit = ByteSize(RealDType(header.dtype));
  SwapBytes(bytes.first(bytes.size() - bytes.size() % unit), unit);  // the rest is where a pipe was cut short
}

}  // namespace

Input::~Input() {
  if (!map_.empty()) munmap(const_cast<std::byte*>(map_.data()), map_.size());
  if (file_ != STDIN_FILENO) close(file_);
}

absl::StatusOr<std::unique_ptr<Input>> Input::Open(const std::string& path, const InputOptions& options) {
  const int file = path == "-" ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return SystemError();
  std::unique_ptr<Input> input(new Input(file));
  struct stat info;
  if (fstat(file, &info) != 0) return SystemError();
  if (S_ISDIR(info.st_mode)) {
    errno = EISDIR;
    return SystemError();
  }
  if (S_ISREG(info.st_mode)) {
    if (absl::Status status = input->Map(info.st_size); !status.ok()) return status;
  }
  if (absl::Status status = input->ReadHeader(options); !status.ok()) return status;
  if (absl::Status status = input->CheckSize(options.raw.has_value()); !status.ok()) return status;

  const NpyHeader& header = input->header_;
  if (header.fortran_order && header.shape.size() > 1 && header.byte_count > 0) {
    absl::StatusOr<TensorSource> source = input->RowMajorSource();
    if (!source.ok()) return source.status();
    input->tensor_ = *std::move(source);
  } else if (input->rest_.has_value() && !header.big_endian) {
    input->tensor_ = TensorView{header.dtype, header.shape, input->rest_->first(header.byte_count)};
  } else {
    const bool must_end = options.raw.has_value() && !input->rest_.has_value();
    input->tensor_ = TensorSource{header.dtype, header.shape,
                                  [reader = input.get(), left = header.byte_count,
                                   must_end](absl::Span<std::byte> to) mutable -> absl::StatusOr<size_t> {
                                    absl::StatusOr<size_t> count = reader->Read(Whole(reader->header_, to));
                                    if (!count.ok()) return count;
                                    MakeLittleEndian(reader->header_, to.first(*count));
                                    left -= static_cast<int64_t>(*count);
                                    if (left > 0 || !must_end) return count;
                                    if (absl::Status status = reader->ExpectEnd(); !status.ok()) return status;
                                    return count;
                                  }};
  }
  return input;
}

absl::Status Input::Map(int64_t file_size) {
  rest_.emplace();
  const int64_t start = lseek(file_, 0, SEEK_CUR);  // standard input may be a file that was read from before
  if (start < 0) return SystemError();
  if (file_size <= start) return absl::OkStatus();
  void* address = mmap(nullptr, file_size, PROT_READ, MAP_PRIVATE, file_, 0);
  if (address == MAP_FAILED) return SystemError();
  madvise(address, file_size, MADV_SEQUENTIAL);
  map_ = {static_cast<const std::byte*>(address), static_cast<size_t>(file_size)};
  rest_ = map_.subspan(start);
  return absl::OkStatus();
}

absl::Status Input::ReadHeader(const InputOptions& options) {
  if (options.raw.has_value()) {
    header_.dtype = options.raw->dtype;
    header_.shape = options.raw->shape;
    const absl::StatusOr<int64_t> byte_count = ByteCount(header_.dtype, header_.shape);
    if (!byte_count.ok()) return byte_count.status();
    header_.byte_count = *byte_count;
    return absl::OkStatus();
  }
  std::vector<std::byte> bytes(kNpyPrefixSize);
  absl::StatusOr<size_t> count = Read(absl::MakeSpan(bytes));
  if (!count.ok()) return count.status();
  bytes.resize(*count);
  const absl::StatusOr<size_t> size = NpyHeaderSize(bytes);
  if (!size.ok()) return size.status();
  bytes.resize(*size);
  count = Read(absl::MakeSpan(bytes).subspan(kNpyPrefixSize));
  if (!count.ok()) return count.status();
  bytes.resize(kNpyPrefixSize + *count);
  absl::StatusOr<NpyHeader> header = ParseNpyHeader(bytes, options.opaque_dtype);
  if (!header.ok()) return header.status();
  header_ = *std::move(header);
  return absl::OkStatus();
}

absl::Status Input::CheckSize(bool raw) const {
  if (!rest_.has_value()) return absl::OkStatus();
  const auto size = static_cast<int64_t>(rest_->size());
  // NumPy does not mind what comes behind an array; a file without a header has nothing else to tell its size.
  if (size == header_.byte_count || (!raw && size > header_.byte_count)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("holds ", size, " bytes of data, but ", header_.byte_count,
                                                 " are expected for shape ", ToString(header_.shape), " and dtype ",
                                                 std::string(Name(header_.dtype))));
}

absl::Status Input::ExpectEnd() {
  std::byte next;
  const absl::StatusOr<size_t> count = Read({&next, 1});
  if (!count.ok()) return count.status();
  if (*count == 0) return absl::OkStatus();
  return InvalidField("SIZE_MISMATCH", "data",
                      absl::StrCat("goes on after the ", header_.byte_count, " bytes expected for shape ",
                                   ToString(header_.shape), " and dtype ", std::string(Name(header_.dtype))));
}

absl::StatusOr<TensorSource> Input::RowMajorSource() {
  if (!rest_.has_value()) {
    while (static_cast<int64_t>(buffer_.size()) < header_.byte_count) {
      const size_t start = buffer_.size();
      const auto step = std::min(kPipeStep, header_.byte_count - static_cast<int64_t>(start));
      buffer_.resize(start + step);
      const absl::StatusOr<size_t> count = Read(absl::MakeSpan(buffer_).subspan(start));
      if (!count.ok()) return count.status();
      if (static_cast<int64_t>(*count) == step) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("ended after ", start + *count, " of ", header_.byte_count, " bytes of data"));
    }
  }
  const absl::Span<const std::byte> data = rest_.value_or(buffer_).first(header_.byte_count);
  return TensorSource{header_.dtype, header_.shape,
                      [this, reader = RowMajorReader(data, header_.shape, ByteSize(header_.dtype))](
                          absl::Span<std::byte> to) mutable -> absl::StatusOr<size_t> {
                        to = Whole(header_, to);
                        reader.Read(to);
                        MakeLittleEndian(header_, to);
                        return to.size();
                      }};
}

absl::StatusOr<size_t> Input::Read(absl::Span<std::byte> to) {
  if (rest_.has_value()) {
    const size_t count = std::min(to.size(), rest_->size());
    std::copy_n(rest_->data(), count, to.data());
    rest_->remove_prefix(count);
    return count;
  }
  size_t count = 0;
  while (count < to.size()) {
    const ssize_t got = read(file_, to.data() + count, to.size() - count);
    if (got == 0) break;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError();
    count += got;
  }
  return count;
}

}  // namespace treduce::cli
