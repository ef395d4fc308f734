// Fuzz target of the Open Inference Protocol's border: any bytes, in any slices, as a ModelInferRequest; then plan,
// accumulation and response as the server does them. What Protobuf's own parser takes must be taken and mean the same,
// elements in typed fields included, and responses must be what Protobuf can read.
//
// An input is: one byte that decides how the message is cut into slices, and the message.
#include <cstdint>
#include <memory>
#include <string>

#include "google/protobuf/util/message_differencer.h"
#include "server/inference/contents.h"
#include "server/inference/datatypes.h"
#include "server/inference/models.h"
#include "server/inference/wire.h"
#include "tests/fuzz/expect.h"
#include "tests/fuzz/requests.h"
#include "tests/server/bytes.h"

namespace treduce {
namespace {

using google::protobuf::util::MessageDifferencer;
using inference::InferTensorContents;
using inference::ModelInferRequest;
using inference::ModelInferResponse;

void ExpectSame(InferRequest request, ModelInferRequest proto) {
  Expect(proto.raw_input_contents_size() == (request.has_raw ? 1 : 0));
  if (request.has_raw) Expect(proto.raw_input_contents(0) == Join(request.raw));
  Expect(request.has_contents == (proto.inputs_size() > 0 && proto.inputs(0).has_contents()));
  proto.clear_raw_input_contents();
  for (auto& input : *proto.mutable_inputs()) input.clear_contents();
  // Of fields that are not the protocol's, not all are kept.
  proto.DiscardUnknownFields();
  request.fields.DiscardUnknownFields();
  Expect(MessageDifferencer::Equals(proto, request.fields));
}

// Appends typed contents, which are those of `proto`; false when they are refused.
bool AppendContents(const Payload& contents, DType dtype, const InferTensorContents* proto,
                    Accumulation& accumulation) {
  ContentsReader reader(contents, dtype);
  std::vector<std::byte> all;
  for (;;) {
    const absl::StatusOr<absl::Span<const std::byte>> piece = reader.Next();
    if (!piece.ok()) {
      Expect(proto == nullptr || !IsMalformed(piece.status()));
      return false;
    }
    if (piece->empty()) break;
    all.insert(all.end(), piece->begin(), piece->end());
    if (!accumulation.Append(*piece).ok()) return false;
  }
  if (proto == nullptr || !HasContents(dtype)) return true;
  InferTensorContents read;
  const auto extent = static_cast<int64_t>(all.size() / ByteSize(dtype));
  SetContents({dtype, {extent}, std::move(all)}, read);
  // By bytes, since NaN differs from itself.
  InferTensorContents expected = *proto;
  expected.DiscardUnknownFields();
  Expect(read.SerializeAsString() == expected.SerializeAsString());
  return true;
}

void CheckResponse(const InferRequest& request, const SelectedOutputs& outputs, const SharedResults& results) {
  ModelInferResponse response;
  Expect(response.ParseFromString(Join(EncodeInferResponse(request, outputs, results))));
  Expect(static_cast<size_t>(response.outputs_size()) == outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Tensor& tensor = results->front().outputs[outputs[i].index];
    const ModelInferResponse::InferOutputTensor& output = response.outputs(static_cast<int>(i));
    Expect(output.datatype() == DatatypeOf(tensor.dtype) && !output.datatype().empty());
    if (output.has_contents()) {
      Expect(request.has_contents && response.raw_output_contents().empty());
    } else {
      const std::string data(reinterpret_cast<const char*>(tensor.data.data()), tensor.data.size());
      Expect(response.raw_output_contents(static_cast<int>(i)) == data);
    }
  }
  inference::ModelStreamInferResponse streamed;
  Expect(streamed.ParseFromString(Join(EncodeStreamInferResponse(request, outputs, results))));
  Expect(streamed.mutable_infer_response()->mutable_parameters()->erase("triton_final_response") == 1);
  Expect(streamed.infer_response().SerializeAsString() == response.SerializeAsString());
}

void Fuzz(const std::string& bytes, uint8_t seed) {
  const grpc::ByteBuffer message = CutBySeed(bytes, seed);
  InferRequest request;
  const absl::Status status = ParseInferRequest(message, request);
  ModelInferRequest proto;
  const bool parsed = proto.ParseFromString(bytes);
  if (!status.ok()) return Expect(!parsed || !IsMalformed(status));
  if (parsed) ExpectSame(request, proto);

  const absl::StatusOr<const OpInfo*> model = FindModel(request.fields.model_name(), request.fields.model_version());
  if (!model.ok()) return;
  const absl::StatusOr<ReductionSpec> spec = SpecOf(**model, request.fields);
  if (!spec.ok()) return;
  const absl::StatusOr<SelectedOutputs> outputs = SelectOutputs(**model, spec->reductions.front(), request.fields);
  if (!outputs.ok()) return;
  const std::unique_ptr<Accumulation> accumulation = Start(*spec);
  if (accumulation == nullptr) return;
  const InferTensorContents* contents = parsed ? &proto.inputs(0).contents() : nullptr;
  const bool appended = request.has_contents ? AppendContents(request.contents, spec->dtype, contents, *accumulation)
                                             : Append(request.raw, *accumulation);
  if (!appended) return;
  if (const SharedResults results = Finish(*accumulation)) CheckResponse(request, *outputs, results);
}

}  // namespace
}  // namespace treduce

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  treduce::Fuzz(std::string(reinterpret_cast<const char*>(data) + 1, size - 1), data[0]);
  return 0;
}
