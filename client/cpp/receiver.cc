// See receiver.h.
#include "client/cpp/receiver.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cpp/convert.h"
#include "server/engine/values/errors.h"

namespace treduce::client {
namespace {

absl::Status Malformed(std::string_view what) {
  return absl::InternalError(absl::StrCat("the server's response is malformed: ", std::string(what)));
}

bool Parse(grpc::ByteBuffer* message, google::protobuf::MessageLite* proto) {
  grpc::ProtoBufferReader reader(message);
  return reader.status().ok() && proto->ParseFromZeroCopyStream(&reader);
}

}  // namespace

absl::Status Receiver::TakeResponse(grpc::ByteBuffer* message) {
  v1::ReduceResponse response;
  if (!Parse(message, &response)) return Malformed("not a ReduceResponse");
  if (absl::Status status = Begin(response.results()); !status.ok()) return status;
  for (const v1::ReductionResult& result : response.results()) {
    for (const v1::Tensor& tensor : result.tensors()) {
      const char* from = tensor.data().data();
      absl::Status status = Fill(tensor.data().size(), [&](std::byte* to, size_t length) {
        std::memcpy(to, std::exchange(from, from + length), length);
        return true;
      });
      if (!status.ok()) return status;
    }
  }
  reply_.execution_info = FromProto(response.execution_info());
  return absl::OkStatus();
}

absl::Status Receiver::TakeStreamed(grpc::ByteBuffer* message) {
  using google::protobuf::internal::WireFormatLite;
  constexpr uint32_t kChunkTag =
      WireFormatLite::MakeTag(v1::ReduceStreamResponse::kChunkFieldNumber, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
  {
    grpc::ProtoBufferReader reader(message);
    google::protobuf::io::CodedInputStream coded(&reader);
    int length = 0;
    if (coded.ReadTag() == kChunkTag && coded.ReadVarintSizeAsInt(&length)) {
      return Fill(length, [&](std::byte* to, size_t count) { return coded.ReadRaw(to, static_cast<int>(count)); });
    }
  }
  v1::ReduceStreamResponse response;
  if (!Parse(message, &response)) return Malformed("not a ReduceStreamResponse");
  if (response.has_header()) return Begin(response.header().results());
  if (response.has_execution_info()) reply_.execution_info = FromProto(response.execution_info());
  return absl::OkStatus();
}

template <typename Results>
absl::Status Receiver::Begin(const Results& results) {
  if (std::exchange(begun_, true)) return Malformed("two headers");
  for (const v1::ReductionResult& result : results) {
    ReductionResult& into = reply_.results.emplace_back();
    for (const v1::Tensor& tensor : result.tensors()) {
      if (!v1::Dtype_IsValid(tensor.dtype()) || tensor.dtype() == v1::DTYPE_UNSPECIFIED) return Malformed("dtype");
      into.outputs.push_back({static_cast<DType>(tensor.dtype()), {tensor.shape().begin(), tensor.shape().end()}, {}});
    }
  }
  for (ReductionResult& result : reply_.results) {
    for (Tensor& tensor : result.outputs) {
      const absl::StatusOr<int64_t> byte_count = ByteCount(tensor.dtype, tensor.shape);
      if (!byte_count.ok()) return Malformed("shape");
      destinations_.push_back({&tensor, static_cast<size_t>(*byte_count)});
    }
  }
  if (out_.empty()) return absl::OkStatus();
  if (out_.size() != destinations_.size()) {
    return InvalidField(
        "OUT_MISMATCH", "out",
        absl::StrCat("expected ", destinations_.size(), " spans, one for each output tensor, but got ", out_.size()));
  }
  for (size_t i = 0; i < out_.size(); ++i) {
    if (out_[i].size() == destinations_[i].byte_count) continue;
    return InvalidField("OUT_MISMATCH", absl::StrCat("out[", i, "]"),
                        absl::StrCat("expected ", destinations_[i].byte_count, " bytes for a result of shape ",
                                     ToString(destinations_[i].tensor->shape), " and dtype ",
                                     std::string(Name(destinations_[i].tensor->dtype)), ", but got ", out_[i].size()));
  }
  return absl::OkStatus();
}

absl::Status Receiver::Fill(size_t length, ReadFn read) {
  while (length > 0) {
    while (current_ < destinations_.size() && destinations_[current_].filled == destinations_[current_].byte_count) {
      ++current_;
    }
    if (current_ == destinations_.size()) return Malformed("more bytes than the results have");
    Destination& to = destinations_[current_];
    const size_t count = std::min(length, to.byte_count - to.filled);
    std::byte* place;
    if (out_.empty()) {
      // Grows as bytes arrive: what a header claims is no reason to allocate.
      to.tensor->data.resize(to.filled + count);
      place = to.tensor->data.data();
    } else {
      place = out_[current_].data();
    }
    if (!read(place + to.filled, count)) return Malformed("a chunk is cut short");
    to.filled += count;
    length -= count;
  }
  return absl::OkStatus();
}

absl::StatusOr<ReduceReply> Receiver::Finish() {
  if (!begun_) return Malformed("no results");
  for (const Destination& to : destinations_) {
    if (to.filled != to.byte_count) return Malformed("fewer bytes than the results have");
  }
  return std::move(reply_);
}

}  // namespace treduce::client
