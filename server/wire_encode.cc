// Encodes results: headers by hand around the bytes of the tensors, which are referred to where they lie.
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/container/inlined_vector.h"
#include "server/engine/plan/op_registry.h"
#include "server/engine/plan/plan.h"
#include "server/wire.h"
#include "treduce/v1/treduce.pb.h"

namespace treduce {
namespace {

void SetDescription(const Tensor& tensor, v1::Tensor& proto) {
  proto.set_dtype(static_cast<v1::Dtype>(tensor.dtype));
  proto.mutable_shape()->Assign(tensor.shape.begin(), tensor.shape.end());
}

// A treduce.v1.Tensor whose data is not part of it yet.
struct EncodedTensor {
  explicit EncodedTensor(const Tensor& tensor) : data(tensor.data) {
    v1::Tensor proto;
    SetDescription(tensor, proto);
    description = proto.SerializeAsString();
  }
  int64_t size() const { return description.size() + (data.empty() ? 0 : DelimitedSize(data.size())); }

  std::string description;
  absl::Span<const std::byte> data;
};

void AddResult(const ReductionResult& result, MessageBuilder& message) {
  absl::InlinedVector<EncodedTensor, 2> tensors;
  int64_t size = 0;
  for (const Tensor& output : result.outputs) size += DelimitedSize(tensors.emplace_back(output).size());

  message.AddDelimiter(v1::ReduceResponse::kResultsFieldNumber, size);
  for (const EncodedTensor& tensor : tensors) {
    message.AddDelimiter(v1::ReductionResult::kTensorsFieldNumber, tensor.size());
    message.AddCopy(tensor.description);
    if (tensor.data.empty()) continue;
    message.AddDelimiter(v1::Tensor::kDataFieldNumber, tensor.data.size());
    message.AddPayload(tensor.data);
  }
}

void SetDuration(absl::Duration duration, google::protobuf::Duration& proto) {
  proto.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  proto.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
}

v1::Backend BackendOf(std::string_view device) { return device == "cpu" ? v1::BACKEND_CPU : v1::BACKEND_CUDA; }

void SetExecutionInfo(const ExecutionInfo& info, v1::ExecutionInfo& proto) {
  proto.set_backend(BackendOf(info.device));
  proto.set_device(info.device);
  SetDuration(info.queue_time, *proto.mutable_queue_time());
  SetDuration(info.receive_time, *proto.mutable_receive_time());
  SetDuration(info.compute_time, *proto.mutable_compute_time());
  proto.set_received_bytes(info.received_bytes);
}

const char* OptionsField(OptionsKind kind) {
  switch (kind) {
    case OptionsKind::kNone:
      return "";
    case OptionsKind::kVariance:
      return "variance";
    case OptionsKind::kNorm:
      return "norm";
    case OptionsKind::kQuantile:
      return "quantile";
    case OptionsKind::kUnique:
      return "unique";
  }
  return "";
}

}  // namespace

grpc::ByteBuffer EncodeReduceResponse(const SharedResults& results, const ExecutionInfo& info) {
  MessageBuilder message(results);
  for (const ReductionResult& result : *results) AddResult(result, message);
  v1::ReduceResponse rest;
  SetExecutionInfo(info, *rest.mutable_execution_info());
  message.AddCopy(rest.SerializeAsString());
  return message.Build();
}

grpc::ByteBuffer EncodeResultHeader(absl::Span<const ReductionResult> results) {
  v1::ReduceStreamResponse message;
  for (const ReductionResult& result : results) {
    v1::ReductionResult* proto = message.mutable_header()->add_results();
    for (const Tensor& tensor : result.outputs) SetDescription(tensor, *proto->add_tensors());
  }
  return Serialize(message);
}

std::vector<grpc::ByteBuffer> EncodeResultChunks(const SharedResults& results) {
  std::vector<grpc::ByteBuffer> messages;
  std::vector<absl::Span<const std::byte>> pieces;
  int64_t size = 0;
  const auto flush = [&] {
    if (size == 0) return;
    MessageBuilder message(results);
    message.AddDelimiter(v1::ReduceStreamResponse::kChunkFieldNumber, size);
    for (const auto piece : pieces) message.AddPayload(piece);
    messages.push_back(message.Build());
    pieces.clear();
    size = 0;
  };
  for (const ReductionResult& result : *results) {
    for (const Tensor& tensor : result.outputs) {
      for (absl::Span<const std::byte> rest = tensor.data; !rest.empty();) {
        pieces.push_back(rest.subspan(0, kResultChunkBytes - size));
        size += pieces.back().size();
        rest.remove_prefix(pieces.back().size());
        if (size == kResultChunkBytes) flush();
      }
    }
  }
  flush();
  return messages;
}

grpc::ByteBuffer EncodeExecutionInfo(const ExecutionInfo& info) {
  v1::ReduceStreamResponse message;
  SetExecutionInfo(info, *message.mutable_execution_info());
  return Serialize(message);
}

grpc::ByteBuffer EncodeDescription(const ServerDescription& description, absl::Span<const DeviceDescription> devices) {
  v1::DescribeServerResponse message;
  message.set_version(description.version);
  for (const OpInfo& info : AllOps()) {
    v1::OpDescription* op = message.add_ops();
    op->set_op(static_cast<v1::Op>(info.op));
    op->set_name(std::string(info.name));
    op->set_summary(std::string(info.summary));
    for (const DType dtype : kAllDTypes) {
      if (info.accepts(dtype)) op->add_dtypes(static_cast<v1::Dtype>(dtype));
    }
    op->set_options(OptionsField(info.options));
  }
  message.mutable_limits()->set_max_unary_bytes(description.max_unary_bytes);
  message.mutable_limits()->set_max_dims(kMaxDims);
  message.mutable_limits()->set_max_reductions(kMaxReductions);
  message.mutable_limits()->set_byte_budget(description.byte_budget);
  for (const DeviceDescription& from : devices) {
    const v1::Backend backend = BackendOf(from.name);
    if (!absl::c_linear_search(message.backends(), backend)) message.add_backends(backend);
    v1::Device& device = *message.add_devices();
    device.set_name(from.name);
    device.set_description(from.description);
    device.set_memory_bytes(from.memory_bytes);
    device.set_working(from.working);
  }
  message.set_simd(description.simd);
  message.set_thread_count(description.thread_count);
  return Serialize(message);
}

}  // namespace treduce
