// Parses requests: the top-level fields by hand, the spec by Protobuf.
#include "server/wire.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"
#include "grpcpp/support/proto_buffer_reader.h"
#include "server/engine/values/errors.h"
#include "treduce/v1/treduce.pb.h"

namespace treduce {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// Both requests have the spec in field 1 and the payload in field 2.
constexpr int kSpecField = v1::ReduceRequest::kSpecFieldNumber;
constexpr int kPayloadField = v1::ReduceRequest::kDataFieldNumber;
static_assert(kSpecField == v1::ReduceStreamRequest::kSpecFieldNumber);
static_assert(kPayloadField == v1::ReduceStreamRequest::kChunkFieldNumber);

struct Fields {
  v1::ReductionSpec spec;
  int64_t spec_bytes = 0;  // of all the parts that Protobuf merges to one
  bool has_spec = false;
  Payload payload;
  int last = 0;  // the one of the two that came last, which is the one that a oneof holds
};

absl::Status ReadSpec(CodedInputStream& input, int message_length, Fields& fields) {
  const std::optional<int> length = ReadLength(input, message_length);
  if (!length.has_value()) return Malformed("spec");
  fields.spec_bytes += *length;
  if (absl::Status status = CheckSpecBytes("spec", fields.spec_bytes); !status.ok()) return status;
  const CodedInputStream::Limit outer = input.PushLimit(*length);
  if (!fields.spec.MergeFromCodedStream(&input) || !input.ConsumedEntireMessage()) return Malformed("spec");
  input.PopLimit(outer);
  return absl::OkStatus();
}

bool ReadPayload(CodedInputStream& input, int message_length, Payload& payload) {
  const std::optional<int> length = ReadLength(input, message_length);
  payload.clear();
  return length.has_value() && ReadSlices(input, *length, payload);
}

// With `oneof`, the two fields are those of one.
absl::StatusOr<Fields> ReadFields(const grpc::ByteBuffer& message, bool oneof) {
  const int length = static_cast<int>(message.Length());
  // The reader does not change the message. A copy would not do: short slices lie within the ByteBuffer itself.
  grpc::ProtoBufferReader reader(const_cast<grpc::ByteBuffer*>(&message));
  CodedInputStream input(&reader);
  Fields fields;
  while (const uint32_t tag = input.ReadTag()) {
    if (tag == DelimitedTag(kSpecField)) {
      if (oneof && fields.last == kPayloadField) fields.spec.Clear();
      if (absl::Status status = ReadSpec(input, length, fields); !status.ok()) return status;
      fields.has_spec = true;
      fields.last = kSpecField;
    } else if (tag == DelimitedTag(kPayloadField)) {
      if (!ReadPayload(input, length, fields.payload)) return Malformed("");
      fields.last = kPayloadField;
    } else if (!WireFormatLite::SkipField(&input, tag)) {
      return Malformed("");
    }
  }
  if (!input.ConsumedEntireMessage()) return Malformed("");
  return fields;
}

// Numbers off the wire are wider than the engine's enums, which would take 257 for 1.
template <class Enum>
absl::StatusOr<Enum> NarrowEnum(int number, std::string_view reason, std::string_view field) {
  if (number != static_cast<uint8_t>(number)) {
    return InvalidField(reason, field,
                        absl::StrCat(number, " is not known to this server; DescribeServer lists what it knows"));
  }
  return static_cast<Enum>(number);
}

absl::StatusOr<QuantileOptions> FromProto(const v1::QuantileOptions& proto, const std::string& path) {
  QuantileOptions options;
  if (proto.has_scalar()) options.q = proto.scalar();
  if (proto.has_list()) options.q = std::vector<double>(proto.list().values().begin(), proto.list().values().end());
  if (proto.interpolation() != v1::INTERPOLATION_UNSPECIFIED) {
    const absl::StatusOr<Interpolation> interpolation =
        NarrowEnum<Interpolation>(proto.interpolation(), "UNKNOWN_INTERPOLATION", path + ".interpolation");
    if (!interpolation.ok()) return interpolation.status();
    options.interpolation = *interpolation;
  }
  return options;
}

absl::StatusOr<Reduction> FromProto(const v1::Reduction& proto, const std::string& path) {
  Reduction reduction;
  const absl::StatusOr<Op> op = NarrowEnum<Op>(proto.op(), "UNKNOWN_OP", path + ".op");
  if (!op.ok()) return op.status();
  reduction.op = *op;
  reduction.dim.assign(proto.dim().begin(), proto.dim().end());
  reduction.keepdim = proto.keepdim();
  if (proto.dtype() != v1::DTYPE_UNSPECIFIED) {
    const absl::StatusOr<DType> dtype = NarrowEnum<DType>(proto.dtype(), "UNKNOWN_DTYPE", path + ".dtype");
    if (!dtype.ok()) return dtype.status();
    reduction.dtype = *dtype;
  }
  if (proto.has_variance()) {
    VarianceOptions options;
    if (proto.variance().has_correction()) options.correction = proto.variance().correction();
    reduction.options = options;
  } else if (proto.has_norm()) {
    NormOptions options;
    if (proto.norm().has_ord()) options.ord = proto.norm().ord();
    reduction.options = options;
  } else if (proto.has_quantile()) {
    absl::StatusOr<QuantileOptions> options = FromProto(proto.quantile(), path + ".options.quantile");
    if (!options.ok()) return options.status();
    reduction.options.emplace<QuantileOptions>(*std::move(options));
  } else if (proto.has_unique()) {
    reduction.options = UniqueOptions{proto.unique().return_inverse(), proto.unique().return_counts()};
  }
  return reduction;
}

absl::StatusOr<ReductionSpec> FromProto(const v1::ReductionSpec& proto) {
  ReductionSpec spec;
  const absl::StatusOr<DType> dtype = NarrowEnum<DType>(proto.dtype(), "UNKNOWN_DTYPE", "dtype");
  if (!dtype.ok()) return dtype.status();
  spec.dtype = *dtype;
  spec.shape.assign(proto.shape().begin(), proto.shape().end());
  spec.reductions.reserve(proto.reductions_size());
  for (int i = 0; i < proto.reductions_size(); ++i) {
    absl::StatusOr<Reduction> reduction = FromProto(proto.reductions(i), absl::StrCat("reductions[", i, "]"));
    if (!reduction.ok()) return reduction.status();
    spec.reductions.push_back(*std::move(reduction));
  }
  spec.device = proto.device();
  return spec;
}

}  // namespace

absl::StatusOr<ReduceMessage> ParseReduceRequest(const grpc::ByteBuffer& message) {
  absl::StatusOr<Fields> fields = ReadFields(message, /*oneof=*/false);
  if (!fields.ok()) return fields.status();
  if (!fields->has_spec) return InvalidField("MISSING_SPEC", "spec", "the request has none");
  absl::StatusOr<ReductionSpec> spec = FromProto(fields->spec);
  if (!spec.ok()) return spec.status();
  return ReduceMessage{*std::move(spec), std::move(fields->payload)};
}

absl::StatusOr<StreamMessage> ParseReduceStreamRequest(const grpc::ByteBuffer& message) {
  absl::StatusOr<Fields> fields = ReadFields(message, /*oneof=*/true);
  if (!fields.ok()) return fields.status();
  if (fields->last == kPayloadField) return StreamMessage(std::move(fields->payload));
  if (fields->last == kSpecField) {
    absl::StatusOr<ReductionSpec> spec = FromProto(fields->spec);
    if (!spec.ok()) return spec.status();
    return StreamMessage(*std::move(spec));
  }
  return InvalidField("MISSING_PAYLOAD", "payload", "the message holds neither a spec nor a chunk");
}

}  // namespace treduce
