// Elements in the typed fields of InferTensorContents, which cost ten times what raw bytes cost but can be written by
// hand.
#ifndef TREDUCE_SERVER_INFERENCE_CONTENTS_H_
#define TREDUCE_SERVER_INFERENCE_CONTENTS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "inference/grpc_service.pb.h"
#include "server/engine/values/dtype.h"
#include "server/engine/values/tensor.h"
#include "server/wire_format.h"

namespace treduce {

// Reads an InferTensorContents piece by piece, so that it never lies in memory as a whole. Not thread-safe.
class ContentsReader {
 public:
  // `contents` are the bytes of the message, which must outlive the reader.
  ContentsReader(const Payload& contents, DType dtype);

  // The next elements as the bytes of a tensor, until the next call; empty at the end. INVALID_ARGUMENT for elements in
  // a field that is not that of the dtype, and for those out of its range.
  absl::StatusOr<absl::Span<const std::byte>> Next();

 private:
  // Reads fields until elements come; false at the end.
  absl::StatusOr<bool> FindElements();
  absl::Status ReadElement();
  template <class T>
  void Add(T element);

  const DType dtype_;
  std::deque<google::protobuf::io::ArrayInputStream> slices_;
  std::vector<google::protobuf::io::ZeroCopyInputStream*> streams_;
  google::protobuf::io::ConcatenatingInputStream stream_;
  google::protobuf::io::CodedInputStream input_;
  std::optional<google::protobuf::io::CodedInputStream::Limit> packed_;  // within a packed field: the limit around it
  std::vector<std::byte> piece_;
};

// Whether there is a typed field for elements of `dtype`: not for FP16 and BF16.
bool HasContents(DType dtype);

// The elements of a tensor. REQUIRES: HasContents.
void SetContents(const Tensor& tensor, inference::InferTensorContents& contents);

}  // namespace treduce

#endif  // TREDUCE_SERVER_INFERENCE_CONTENTS_H_
