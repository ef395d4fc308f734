// Fuzz target of the wire border: any bytes, in any slices, as a request; then plan, accumulation and response as the
// server does them. Besides not crashing, what Protobuf's own parser takes must be taken and mean the same (in fields
// that are skipped, Protobuf's parser is the stricter one), and responses must be what Protobuf can read.
//
// An input is: one byte of flags (bit 0: a stream), one byte that decides how messages are cut into slices, and the
// message, or for a stream the messages, each behind its length as two bytes, little-endian.
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "server/engine/engine.h"
#include "server/engine/values/errors.h"
#include "server/wire.h"
#include "tests/fuzz/expect.h"
#include "tests/fuzz/requests.h"
#include "tests/server/bytes.h"
#include "treduce/v1/treduce.pb.h"

namespace treduce {
namespace {

void ExpectSame(const ReductionSpec& spec, const v1::ReductionSpec& proto) {
  Expect(static_cast<int>(spec.dtype) == proto.dtype());
  Expect(std::equal(spec.shape.begin(), spec.shape.end(), proto.shape().begin(), proto.shape().end()));
  Expect(spec.reductions.size() == static_cast<size_t>(proto.reductions_size()));
  for (size_t i = 0; i < spec.reductions.size(); ++i) {
    const v1::Reduction& reduction = proto.reductions(static_cast<int>(i));
    Expect(static_cast<int>(spec.reductions[i].op) == reduction.op());
    Expect(spec.reductions[i].keepdim == reduction.keepdim());
    Expect(std::equal(spec.reductions[i].dim.begin(), spec.reductions[i].dim.end(), reduction.dim().begin(),
                      reduction.dim().end()));
  }
}

// Calls `check` with each output and what Protobuf read of it.
template <typename Check>
void ForEachTensor(const std::vector<ReductionResult>& results,
                   const google::protobuf::RepeatedPtrField<v1::ReductionResult>& protos, Check check) {
  Expect(results.size() == static_cast<size_t>(protos.size()));
  for (size_t i = 0; i < results.size(); ++i) {
    const v1::ReductionResult& proto = protos[static_cast<int>(i)];
    Expect(results[i].outputs.size() == static_cast<size_t>(proto.tensors_size()));
    for (size_t j = 0; j < results[i].outputs.size(); ++j)
      check(results[i].outputs[j], proto.tensors(static_cast<int>(j)));
  }
}

std::string DataOf(const Tensor& tensor) {
  return {reinterpret_cast<const char*>(tensor.data.data()), tensor.data.size()};
}

void FuzzUnary(const std::string& bytes, uint8_t seed) {
  const grpc::ByteBuffer message = CutBySeed(bytes, seed);
  const absl::StatusOr<ReduceMessage> request = ParseReduceRequest(message);
  v1::ReduceRequest proto;
  const bool parsed = proto.ParseFromString(bytes);
  if (!request.ok()) return Expect(!parsed || !IsMalformed(request.status()));
  if (parsed) {
    ExpectSame(request->spec, proto.spec());
    Expect(Join(request->data) == proto.data());
  }

  const std::unique_ptr<Accumulation> accumulation = Start(request->spec);
  if (accumulation == nullptr || !Append(request->data, *accumulation)) return;
  const SharedResults results = Finish(*accumulation);
  if (results == nullptr) return;
  v1::ReduceResponse response;
  Expect(response.ParseFromString(Join(EncodeReduceResponse(results, {}))));
  ForEachTensor(*results, response.results(), [](const Tensor& tensor, const v1::Tensor& sent) {
    Expect(sent.data() == DataOf(tensor));
    Expect(sent.dtype() == static_cast<int>(tensor.dtype));
  });
}

void CheckStreamResponse(const SharedResults& results) {
  v1::ReduceStreamResponse header;
  Expect(header.ParseFromString(Join(EncodeResultHeader(*results))) && header.has_header());
  std::string data;
  for (const grpc::ByteBuffer& chunk : EncodeResultChunks(results)) {
    v1::ReduceStreamResponse response;
    Expect(response.ParseFromString(Join(chunk)) && response.payload_case() == v1::ReduceStreamResponse::kChunk);
    data += response.chunk();
  }
  std::string expected;
  ForEachTensor(*results, header.header().results(), [&](const Tensor& tensor, const v1::Tensor& sent) {
    Expect(sent.dtype() == static_cast<int>(tensor.dtype) && sent.data().empty());
    expected += DataOf(tensor);
  });
  Expect(data == expected);
  v1::ReduceStreamResponse info;
  Expect(info.ParseFromString(Join(EncodeExecutionInfo({}))) && info.has_execution_info());
}

// Splits off the next message; nullopt at the end.
std::optional<std::string> NextMessage(std::string_view& rest) {
  if (rest.size() < 2) return std::nullopt;
  const size_t length = static_cast<uint8_t>(rest[0]) | static_cast<size_t>(static_cast<uint8_t>(rest[1])) << 8;
  std::string message(rest.substr(2, length));
  rest.remove_prefix(2 + message.size());
  return message;
}

void FuzzStream(std::string_view rest, uint8_t seed) {
  std::unique_ptr<Accumulation> accumulation;
  while (const std::optional<std::string> bytes = NextMessage(rest)) {
    const grpc::ByteBuffer message = CutBySeed(*bytes, seed);
    const absl::StatusOr<StreamMessage> request = ParseReduceStreamRequest(message);
    v1::ReduceStreamRequest proto;
    const bool parsed = proto.ParseFromString(*bytes);
    if (!request.ok()) return Expect(!parsed || !IsMalformed(request.status()));
    if (const auto* spec = std::get_if<ReductionSpec>(&*request)) {
      if (parsed) ExpectSame(*spec, proto.spec());
      if (accumulation != nullptr || (accumulation = Start(*spec)) == nullptr) return;
    } else {
      const Payload& chunk = std::get<Payload>(*request);
      if (parsed) Expect(Join(chunk) == proto.chunk());
      if (accumulation == nullptr || !Append(chunk, *accumulation)) return;
    }
  }
  if (accumulation == nullptr) return;
  if (const SharedResults results = Finish(*accumulation)) CheckStreamResponse(results);
}

}  // namespace
}  // namespace treduce

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 2, size - 2);
  if (data[0] % 2 == 0) {
    treduce::FuzzUnary(std::string(rest), data[1]);
  } else {
    treduce::FuzzStream(rest, data[1]);
  }
  return 0;
}
