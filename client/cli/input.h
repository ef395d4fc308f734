// The tensor that a command reduces: a .npy file or raw elements, in a file, a pipe or standard input.
#ifndef TREDUCE_CLIENT_CLI_INPUT_H_
#define TREDUCE_CLIENT_CLI_INPUT_H_

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "client/cli/npy.h"
#include "client/cpp/client.h"
#include "server/engine/values/tensor.h"

namespace treduce::cli {

// The layout of a file without a header: row-major, little-endian.
struct RawLayout {
  DType dtype;
  Shape shape;
};

struct InputOptions {
  std::optional<RawLayout> raw;       // the file has no header but this layout
  std::optional<DType> opaque_dtype;  // as ParseNpyHeader takes it
};

// A tensor about to be read, once. Files are mapped, not copied; pipes are read as the tensor is sent (one in Fortran
// order before, as a whole). Row-major and little-endian, whatever the file is.
class Input {
 public:
  // Opens the file `path`, or standard input for "-", and reads its header. The message of an error does not name the
  // path.
  static absl::StatusOr<std::unique_ptr<Input>> Open(const std::string& path, const InputOptions& options);

  ~Input();
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  // A view of the mapped file when it can be sent as it is, a source otherwise. Borrows from this.
  const std::variant<TensorView, TensorSource>& tensor() const { return tensor_; }

 private:
  explicit Input(int file) : file_(file) {}

  absl::Status Map(int64_t file_size);
  absl::Status ReadHeader(const InputOptions& options);
  absl::Status CheckSize(bool raw) const;
  // INVALID_ARGUMENT when there is something behind the tensor.
  absl::Status ExpectEnd();
  absl::StatusOr<TensorSource> RowMajorSource();

  // Reads the next bytes of the file, to.size() of them unless it ends before; returns how many.
  absl::StatusOr<size_t> Read(absl::Span<std::byte> to);

  const int file_;
  absl::Span<const std::byte> map_;                  // of the whole file
  std::optional<absl::Span<const std::byte>> rest_;  // of the mapped file, behind what was read; not for a pipe
  std::vector<std::byte> buffer_;                    // of a pipe that had to be read as a whole
  NpyHeader header_;
  std::variant<TensorView, TensorSource> tensor_;
};

}  // namespace treduce::cli

#endif  // TREDUCE_CLIENT_CLI_INPUT_H_
