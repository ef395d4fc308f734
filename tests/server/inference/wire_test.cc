// What is parsed is what Protobuf would parse, however the bytes are cut; what is encoded Protobuf can read.
#include "server/inference/wire.h"

#include <string>

#include "gtest/gtest.h"
#include "server/engine/values/errors.h"
#include "server/inference/contents.h"
#include "tests/server/bytes.h"

namespace treduce {
namespace {

using inference::InferTensorContents;
using inference::ModelInferRequest;

ModelInferRequest Rich() {
  ModelInferRequest request;
  request.set_model_name("var");
  request.set_model_version("1");
  request.set_id("an id");
  (*request.mutable_parameters())["dim"].set_string_param("0,1");
  auto& input = *request.add_inputs();
  input.set_name("input");
  input.set_datatype("FP32");
  input.add_shape(5);
  input.add_shape(-5);
  (*input.mutable_parameters())["binary_data_size"].set_int64_param(100);
  request.add_outputs()->set_name("result");
  return request;
}

absl::StatusOr<InferRequest> Parsed(const grpc::ByteBuffer& message) {
  InferRequest request;
  if (absl::Status status = ParseInferRequest(message, request); !status.ok()) return status;
  return request;
}

std::string ReasonOf(const absl::Status& status) {
  const std::optional<ErrorDetail> detail = DetailOf(status);
  return detail.has_value() ? detail->reason : "";
}

std::string ReasonOf(const ModelInferRequest& request) {
  return ReasonOf(Parsed(Whole(request.SerializeAsString())).status());
}

TEST(InferenceWire, ParsesRawContentsInAnyCut) {
  ModelInferRequest proto = Rich();
  proto.add_raw_input_contents(std::string(100, 'd') + "end");
  for (size_t size = 1; size < 40; ++size) {
    const grpc::ByteBuffer message = Cut(proto.SerializeAsString(), size);
    const absl::StatusOr<InferRequest> request = Parsed(message);
    ASSERT_TRUE(request.ok()) << request.status();
    EXPECT_EQ(Join(request->raw), proto.raw_input_contents(0));
    EXPECT_TRUE(request->has_raw);
    EXPECT_FALSE(request->has_contents);
    EXPECT_EQ(request->fields.DebugString(), Rich().DebugString());
  }
}

TEST(InferenceWire, LeavesTypedContentsUnparsed) {
  ModelInferRequest proto = Rich();
  for (int i = 0; i < 50; ++i) proto.mutable_inputs(0)->mutable_contents()->add_fp32_contents(i);
  for (size_t size = 1; size < 40; ++size) {
    const grpc::ByteBuffer message = Cut(proto.SerializeAsString(), size);
    const absl::StatusOr<InferRequest> request = Parsed(message);
    ASSERT_TRUE(request.ok()) << request.status();
    EXPECT_TRUE(request->has_contents);
    EXPECT_EQ(Join(request->contents), proto.inputs(0).contents().SerializeAsString());
    EXPECT_EQ(request->fields.DebugString(), Rich().DebugString());
  }
}

TEST(InferenceWire, RefusesTheElementsOfMoreThanOneInput) {
  ModelInferRequest two_raw = Rich();
  two_raw.add_raw_input_contents("a");
  two_raw.add_raw_input_contents("b");
  EXPECT_EQ(ReasonOf(two_raw), "INPUT_COUNT");
  ModelInferRequest two_typed = Rich();
  *two_typed.add_inputs() = two_typed.inputs(0);
  two_typed.mutable_inputs(1)->mutable_contents()->add_fp32_contents(1);
  EXPECT_EQ(ReasonOf(two_typed), "INPUT_COUNT");
}

TEST(InferenceWire, RefusesElementsOfBothKinds) {
  ModelInferRequest request = Rich();
  request.add_raw_input_contents("1234");
  request.mutable_inputs(0)->mutable_contents()->add_fp32_contents(1);
  EXPECT_EQ(ReasonOf(request), "CONTENTS_TWICE");
}

TEST(InferenceWire, BoundsWhatIsNotElements) {
  ModelInferRequest request = Rich();
  request.set_id(std::string(kMaxSpecBytes, 'i'));
  EXPECT_EQ(ReasonOf(request), "SPEC_TOO_LARGE");
  // As a shape of values that are not packed, which other writers of Protobuf may send.
  std::string shape;
  for (int i = 0; i < kMaxSpecBytes; ++i) shape += "\x18\x01";
  const std::string length = {static_cast<char>(0x80), static_cast<char>(0x80), '\x20'};
  ASSERT_EQ(shape.size(), size_t{0x20} << 14);
  EXPECT_EQ(ReasonOf(Parsed(Whole("\x2a" + length + shape)).status()), "SPEC_TOO_LARGE");
}

// Each of which made a message of a hundred bytes: eight MiB of them a gigabyte.
TEST(InferenceWire, BoundsEmptyFields) {
  for (const int field : {ModelInferRequest::kInputsFieldNumber, ModelInferRequest::kOutputsFieldNumber,
                          ModelInferRequest::kParametersFieldNumber}) {
    std::string bytes;
    for (int i = 0; i < 1 << 20; ++i) bytes += {static_cast<char>(DelimitedTag(field)), '\0'};
    EXPECT_EQ(ReasonOf(Parsed(Whole(bytes)).status()), "SPEC_TOO_LARGE") << field;
  }
}

TEST(InferenceWire, BoundsThePartsOfContents) {
  std::string input;
  for (int i = 0; i < 1 << 20; ++i) input += std::string("\x2a\x02\x0a\x00", 4);
  std::string bytes = "\x2a";
  for (size_t rest = input.size();; rest >>= 7) {
    bytes += static_cast<char>(rest < 128 ? rest : (rest & 127) | 128);
    if (rest < 128) break;
  }
  EXPECT_EQ(ReasonOf(Parsed(Whole(bytes + input)).status()), "SPEC_TOO_LARGE");
}

TEST(InferenceWire, KeepsWhatCameBeforeAnError) {
  ModelInferRequest proto = Rich();
  proto.add_raw_input_contents("a");
  proto.add_raw_input_contents("b");
  InferRequest request;
  EXPECT_EQ(ReasonOf(ParseInferRequest(Whole(proto.SerializeAsString()), request)), "INPUT_COUNT");
  EXPECT_EQ(request.fields.model_name(), "var");
  EXPECT_EQ(request.fields.id(), "an id");
}

// Protobuf has those of an id that it refuses for them, and clients would refuse the answer.
TEST(InferenceWire, KeepsNoBytesThatAreNoText) {
  InferRequest request;
  EXPECT_EQ(ReasonOf(ParseInferRequest(Whole("\x0a\x03sum\x1a\x01\xff"), request)), "MALFORMED_MESSAGE");
  EXPECT_EQ(request.fields.id(), "");
}

TEST(InferenceWire, TakesAShapeThatIsNotPacked) {
  const absl::StatusOr<InferRequest> request = Parsed(Whole(std::string("\x2a\x04\x18\x02\x18\x03", 6)));
  ASSERT_TRUE(request.ok()) << request.status();
  ASSERT_EQ(request->fields.inputs_size(), 1);
  EXPECT_EQ(request->fields.inputs(0).shape_size(), 2);
}

TEST(InferenceWire, RefusesWhatIsCutShort) {
  ModelInferRequest proto = Rich();
  proto.mutable_inputs(0)->mutable_contents()->add_fp32_contents(1);
  const std::string whole = proto.SerializeAsString();
  for (size_t length = 0; length < whole.size(); ++length) {
    const std::string bytes = whole.substr(0, length);
    EXPECT_EQ(Parsed(Whole(bytes)).ok(), ModelInferRequest().ParseFromString(bytes)) << length;
  }
}

// What a reader makes of contents: the bytes of a tensor, or the reason of its refusal.
std::string Read(const std::string& contents, DType dtype) {
  const std::byte* data = reinterpret_cast<const std::byte*>(contents.data());
  Payload payload;
  for (size_t i = 0; i < contents.size(); i += 3)
    payload.emplace_back(data + i, std::min<size_t>(3, contents.size() - i));
  ContentsReader reader(payload, dtype);
  std::string bytes;
  for (;;) {
    const auto piece = reader.Next();
    if (!piece.ok()) return ReasonOf(piece.status());
    if (piece->empty()) return bytes;
    bytes.append(reinterpret_cast<const char*>(piece->data()), piece->size());
  }
}

TEST(Contents, ReadWhatSetContentsWrites) {
  for (const DType dtype : kAllDTypes) {
    if (!HasContents(dtype)) continue;
    // More than one piece of them.
    Tensor tensor = {dtype, {20'000}, std::vector<std::byte>(20'000 * ByteSize(dtype))};
    for (size_t i = 0; i < tensor.data.size(); ++i) {
      tensor.data[i] = static_cast<std::byte>(dtype == DType::kBool ? i % 3 == 0 : i * 37 + i / 251);
    }
    InferTensorContents contents;
    SetContents(tensor, contents);
    const std::string expected(reinterpret_cast<const char*>(tensor.data.data()), tensor.data.size());
    EXPECT_TRUE(Read(contents.SerializeAsString(), dtype) == expected) << Name(dtype);
  }
}

TEST(Contents, ReadPartsPackedOrNot) {
  // 7, packed 1 and -1, 2; and a field that is not the protocol's.
  const std::string bytes("\x10\x07\x12\x0b\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x10\x02\x7a\x01x", 20);
  EXPECT_EQ(Read(bytes, DType::kInt8), "\x07\x01\xff\x02");
}

TEST(Contents, RefuseElementsOutOfRange) {
  InferTensorContents contents;
  contents.add_int_contents(-129);
  EXPECT_EQ(Read(contents.SerializeAsString(), DType::kInt8), "ELEMENT_OUT_OF_RANGE");
  EXPECT_EQ(Read(contents.SerializeAsString(), DType::kInt16).size(), 2u);
  InferTensorContents unsigned_contents;
  unsigned_contents.add_uint_contents(65536);
  EXPECT_EQ(Read(unsigned_contents.SerializeAsString(), DType::kUInt16), "ELEMENT_OUT_OF_RANGE");
}

TEST(Contents, RefuseTheFieldOfAnotherDatatype) {
  InferTensorContents contents;
  contents.add_fp32_contents(1);
  for (const DType dtype : {DType::kFloat64, DType::kFloat16, DType::kInt32, DType::kBool}) {
    EXPECT_EQ(Read(contents.SerializeAsString(), dtype), "CONTENTS_MISMATCH") << Name(dtype);
  }
  InferTensorContents bytes;
  bytes.add_bytes_contents("abcd");
  EXPECT_EQ(Read(bytes.SerializeAsString(), DType::kFloat32), "CONTENTS_MISMATCH");
}

TEST(Contents, RefuseWhatIsCutShort) {
  InferTensorContents contents;
  for (int i = 0; i < 3; ++i) contents.add_int64_contents(300 + i);
  const std::string whole = contents.SerializeAsString();
  for (size_t length = 1; length < whole.size(); ++length) {
    EXPECT_EQ(Read(whole.substr(0, length), DType::kInt64), "MALFORMED_MESSAGE") << length;
  }
}

}  // namespace
}  // namespace treduce
