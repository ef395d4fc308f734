// Cuts the elements out of requests, which Protobuf parses without them, and puts results behind responses.
#include "server/inference/wire.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"
#include "grpcpp/support/proto_buffer_reader.h"
#include "server/engine/values/errors.h"
#include "server/inference/contents.h"
#include "server/inference/datatypes.h"

namespace treduce {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;
using inference::ModelInferRequest;
using inference::ModelInferResponse;
using inference::ModelStreamInferResponse;

void AppendVarint(uint64_t value, std::string& bytes) {
  uint8_t buffer[10];
  bytes.append(reinterpret_cast<char*>(buffer), CodedOutputStream::WriteVarint64ToArray(value, buffer) - buffer);
}

// Reads a request. `fields_` collects what is left for Protobuf to parse.
class Parser {
 public:
  Parser(const grpc::ByteBuffer& message, InferRequest& request)
      : message_length_(static_cast<int>(message.Length())),
        // The reader does not change the message. A copy would not do: short slices lie within the ByteBuffer itself.
        reader_(const_cast<grpc::ByteBuffer*>(&message)),
        input_(&reader_),
        request_(request) {}

  absl::Status Parse() {
    absl::Status status = ReadFields();
    if (!request_.fields.ParseFromString(fields_)) {
      request_.fields.Clear();
      status.Update(Malformed(""));
    }
    if (status.ok() && request_.has_raw && request_.has_contents) {
      return InvalidField("CONTENTS_TWICE", "inputs[0].contents",
                          "contents field must not be specified when using raw_input_contents");
    }
    return status;
  }

 private:
  absl::Status ReadFields() {
    while (const uint32_t tag = input_.ReadTag()) {
      absl::Status status;
      if (tag == DelimitedTag(ModelInferRequest::kInputsFieldNumber)) {
        status = ReadInput();
      } else if (tag == DelimitedTag(ModelInferRequest::kRawInputContentsFieldNumber)) {
        status = ReadRaw();
      } else {
        status = CopyField(tag, message_length_, fields_);
      }
      if (!status.ok()) return status;
    }
    return input_.ConsumedEntireMessage() ? absl::OkStatus() : Malformed("");
  }

  absl::Status ReadInput() {
    const std::optional<int> length = ReadLength(input_, message_length_);
    if (!length.has_value()) return Malformed("inputs");
    if (absl::Status status = Count(0); !status.ok()) return status;
    const int end = input_.CurrentPosition() + *length;
    const CodedInputStream::Limit outer = input_.PushLimit(*length);
    std::string fields;
    while (const uint32_t tag = input_.ReadTag()) {
      absl::Status status;
      if (tag == DelimitedTag(ModelInferRequest::InferInputTensor::kContentsFieldNumber)) {
        status = ReadContents(end);
      } else {
        status = CopyField(tag, end, fields);
      }
      if (!status.ok()) return status;
    }
    if (!input_.ConsumedEntireMessage()) return Malformed("inputs");
    input_.PopLimit(outer);
    AppendVarint(DelimitedTag(ModelInferRequest::kInputsFieldNumber), fields_);
    AppendVarint(fields.size(), fields_);
    fields_ += fields;
    ++input_count_;
    return absl::OkStatus();
  }

  // The parts of contents that come in several add up, as Protobuf has it.
  absl::Status ReadContents(int end) {
    if (input_count_ > 0) {
      return InvalidField("INPUT_COUNT", absl::StrCat("inputs[", input_count_, "]"), "a model takes one input");
    }
    // Each part takes memory beside its bytes.
    if (absl::Status status = Count(0); !status.ok()) return status;
    const std::optional<int> length = ReadLength(input_, end);
    if (!length.has_value() || !ReadSlices(input_, *length, request_.contents)) return Malformed("inputs[0].contents");
    request_.has_contents = true;
    return absl::OkStatus();
  }

  absl::Status ReadRaw() {
    if (request_.has_raw) return InvalidField("INPUT_COUNT", "raw_input_contents[1]", "a model takes one input");
    const std::optional<int> length = ReadLength(input_, message_length_);
    if (!length.has_value() || !ReadSlices(input_, *length, request_.raw)) return Malformed("raw_input_contents[0]");
    request_.has_raw = true;
    return absl::OkStatus();
  }

  // Counts a field of `length` bytes, and what stands before it: empty ones take memory, too.
  absl::Status Count(int length) { return CheckSpecBytes("", copied_bytes_ += 2 + length); }

  // Fields of other types than these are not the protocol's.
  absl::Status CopyField(uint32_t tag, int end, std::string& fields) {
    const WireFormatLite::WireType type = WireFormatLite::GetTagWireType(tag);
    if (type == WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      const std::optional<int> length = ReadLength(input_, end);
      if (!length.has_value()) return Malformed("");
      if (absl::Status status = Count(*length); !status.ok()) return status;
      std::string bytes;
      if (!input_.ReadString(&bytes, *length)) return Malformed("");
      AppendVarint(tag, fields);
      AppendVarint(*length, fields);
      fields += bytes;
    } else if (type == WireFormatLite::WIRETYPE_VARINT) {
      uint64_t value;
      if (!input_.ReadVarint64(&value)) return Malformed("");
      if (absl::Status status = Count(0); !status.ok()) return status;
      AppendVarint(tag, fields);
      AppendVarint(value, fields);
    } else if (!WireFormatLite::SkipField(&input_, tag)) {
      return Malformed("");
    }
    return absl::OkStatus();
  }

  const int message_length_;
  grpc::ProtoBufferReader reader_;
  CodedInputStream input_;
  std::string fields_;
  int64_t copied_bytes_ = 0;
  int input_count_ = 0;
  InferRequest& request_;
};

bool AnswersTyped(const InferRequest& request, const std::vector<const Tensor*>& tensors) {
  size_t byte_count = 0;
  for (const Tensor* tensor : tensors) byte_count += tensor->data.size();
  return request.has_contents && byte_count <= kMaxTypedBytes &&
         absl::c_all_of(tensors, [](const Tensor* tensor) { return HasContents(tensor->dtype); });
}

ModelInferResponse ResponseTo(const InferRequest& request) {
  ModelInferResponse response;
  response.set_model_name(request.fields.model_name());
  response.set_model_version(kModelVersion);
  response.set_id(request.fields.id());
  return response;
}

// In a stream clients of Triton look for the last answer to their request: there is but one.
ModelInferResponse StreamResponseTo(const InferRequest& request) {
  ModelInferResponse response = ResponseTo(request);
  (*response.mutable_parameters())["triton_final_response"].set_bool_param(true);
  return response;
}

// A response: what Protobuf has serialized, and the raw contents behind it.
struct EncodedResponse {
  EncodedResponse(ModelInferResponse response, const InferRequest& request, const SelectedOutputs& outputs,
                  const SharedResults& results) {
    std::vector<const Tensor*> tensors;
    for (const SelectedOutput& output : outputs) tensors.push_back(&results->front().outputs[output.index]);
    const bool typed = AnswersTyped(request, tensors);
    for (size_t i = 0; i < tensors.size(); ++i) {
      ModelInferResponse::InferOutputTensor& proto = *response.add_outputs();
      proto.set_name(std::string(outputs[i].name));
      proto.set_datatype(std::string(DatatypeOf(tensors[i]->dtype)));
      proto.mutable_shape()->Assign(tensors[i]->shape.begin(), tensors[i]->shape.end());
      if (typed) {
        SetContents(*tensors[i], *proto.mutable_contents());
      } else {
        raw.push_back(tensors[i]->data);
      }
    }
    fields = response.SerializeAsString();
  }

  int64_t size() const {
    int64_t size = static_cast<int64_t>(fields.size());
    for (const auto data : raw) size += DelimitedSize(data.size());
    return size;
  }

  void AddTo(MessageBuilder& message) const {
    message.AddCopy(fields);
    for (const auto data : raw) {
      message.AddDelimiter(ModelInferResponse::kRawOutputContentsFieldNumber, data.size());
      message.AddPayload(data);
    }
  }

  std::string fields;
  std::vector<absl::Span<const std::byte>> raw;
};

}  // namespace

absl::Status ParseInferRequest(const grpc::ByteBuffer& message, InferRequest& request) {
  return Parser(message, request).Parse();
}

grpc::ByteBuffer EncodeInferResponse(const InferRequest& request, const SelectedOutputs& outputs,
                                     const SharedResults& results) {
  MessageBuilder message(results);
  EncodedResponse(ResponseTo(request), request, outputs, results).AddTo(message);
  return message.Build();
}

grpc::ByteBuffer EncodeStreamInferResponse(const InferRequest& request, const SelectedOutputs& outputs,
                                           const SharedResults& results) {
  const EncodedResponse response(StreamResponseTo(request), request, outputs, results);
  MessageBuilder message(results);
  message.AddDelimiter(ModelStreamInferResponse::kInferResponseFieldNumber, response.size());
  response.AddTo(message);
  return message.Build();
}

grpc::ByteBuffer EncodeStreamInferError(const InferRequest& request, const absl::Status& status) {
  ModelStreamInferResponse response;
  response.set_error_message(std::string(status.message()));
  *response.mutable_infer_response() = StreamResponseTo(request);
  return Serialize(response);
}

}  // namespace treduce
