// The border: what is parsed is what Protobuf would parse, however the bytes are cut; what is encoded Protobuf can
// read.
#include "server/wire.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "server/engine/values/errors.h"
#include "tests/server/bytes.h"
#include "treduce/v1/treduce.pb.h"

namespace treduce {
namespace {

v1::ReduceRequest RichRequest() {
  v1::ReduceRequest request;
  request.mutable_spec()->set_dtype(v1::DTYPE_FLOAT16);
  request.mutable_spec()->add_shape(5);
  request.mutable_spec()->add_shape(-7);
  v1::Reduction* var = request.mutable_spec()->add_reductions();
  var->set_op(v1::OP_VAR);
  var->add_dim(-1);
  var->add_dim(0);
  var->set_keepdim(true);
  var->set_dtype(v1::DTYPE_FLOAT64);
  var->mutable_variance()->set_correction(0);
  request.mutable_spec()->add_reductions()->mutable_norm()->set_ord(0.5);
  request.mutable_spec()->add_reductions()->mutable_norm();
  request.set_data(std::string(100, 'd') + "end");
  return request;
}

TEST(Wire, ParsesAnyCut) {
  const v1::ReduceRequest proto = RichRequest();
  const std::string bytes = proto.SerializeAsString();
  for (size_t size = 1; size <= bytes.size(); ++size) {
    const grpc::ByteBuffer message = Cut(bytes, size);
    const absl::StatusOr<ReduceMessage> request = ParseReduceRequest(message);
    ASSERT_TRUE(request.ok()) << request.status();
    EXPECT_EQ(request->spec.dtype, DType::kFloat16);
    EXPECT_EQ(request->spec.shape, (Shape{5, -7}));
    EXPECT_EQ(request->spec.reductions,
              (std::vector<Reduction>{
                  {Op::kVar, {-1, 0}, true, DType::kFloat64, VarianceOptions{.correction = 0}},
                  {static_cast<Op>(0), {}, false, std::nullopt, NormOptions{.ord = 0.5}},
                  {static_cast<Op>(0), {}, false, std::nullopt, NormOptions{.ord = 2}},
              }));
    EXPECT_EQ(Join(request->data), proto.data());
  }
}

TEST(Wire, DoesNotCopyPayloads) {
  const grpc::ByteBuffer message = Cut(RichRequest().SerializeAsString(), 64);
  std::vector<grpc::Slice> slices;
  ASSERT_TRUE(message.Dump(&slices).ok());
  const absl::StatusOr<ReduceMessage> request = ParseReduceRequest(message);
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(static_cast<const void*>(request->data.back().data() + request->data.back().size()), slices.back().end());
}

TEST(Wire, ReadsFieldsAsProtobufDoes) {
  v1::ReduceRequest first, second;
  first.mutable_spec()->set_dtype(v1::DTYPE_INT8);
  first.mutable_spec()->add_shape(1);
  first.set_data("first");
  second.mutable_spec()->add_shape(2);
  second.set_data("second");
  // The payload before the spec, everything twice, and fields 3 (a number), 4 (a group) and 5 (bytes) unknown.
  const std::string unknown("\x18\x07\x23\x08\x01\x24\x2a\x03xyz", 11);
  v1::ReduceRequest data_only = first;
  data_only.clear_spec();
  const std::string bytes =
      data_only.SerializeAsString() + unknown + first.SerializeAsString() + unknown + second.SerializeAsString();
  v1::ReduceRequest expected;
  ASSERT_TRUE(expected.ParseFromString(bytes));

  const grpc::ByteBuffer message = Whole(bytes);
  const absl::StatusOr<ReduceMessage> request = ParseReduceRequest(message);
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->spec.dtype, DType::kInt8);
  EXPECT_EQ(request->spec.shape, (Shape{1, 2}));
  EXPECT_EQ(Join(request->data), expected.data());
}

TEST(Wire, TakesTheLastMemberOfAOneof) {
  v1::ReduceStreamRequest spec, chunk;
  spec.mutable_spec()->add_shape(1);
  chunk.set_chunk("abc");
  const std::string spec_bytes = spec.SerializeAsString();
  const std::string chunk_bytes = chunk.SerializeAsString();

  const grpc::ByteBuffer spec_then_chunk = Whole(spec_bytes + chunk_bytes);
  const absl::StatusOr<StreamMessage> last_is_chunk = ParseReduceStreamRequest(spec_then_chunk);
  ASSERT_TRUE(last_is_chunk.ok() && std::holds_alternative<Payload>(*last_is_chunk));
  EXPECT_EQ(Join(std::get<Payload>(*last_is_chunk)), "abc");

  const absl::StatusOr<StreamMessage> last_is_spec =
      ParseReduceStreamRequest(Whole(spec_bytes + chunk_bytes + spec_bytes));
  ASSERT_TRUE(last_is_spec.ok() && std::holds_alternative<ReductionSpec>(*last_is_spec));
  EXPECT_EQ(std::get<ReductionSpec>(*last_is_spec).shape, Shape{1});
}

TEST(Wire, TakesAnEmptyChunk) {
  v1::ReduceStreamRequest empty;
  empty.set_chunk("");
  const absl::StatusOr<StreamMessage> message = ParseReduceStreamRequest(Whole(empty.SerializeAsString()));
  ASSERT_TRUE(message.ok());
  EXPECT_TRUE(std::get<Payload>(*message).empty());
}

TEST(Wire, RefusesWhatIsNotAMessage) {
  const std::vector<std::string> malformed = {
      std::string("\x00", 1),                                           // field 0
      std::string("\x0a\x05\x08", 3),                                   // a spec cut short
      std::string("\x12\x05xy", 4),                                     // data cut short
      std::string("\x12", 1),                                           // no length
      std::string("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11),  // a length of 2^64 - 1
      std::string("\x12\xff\xff\xff\xff\x07", 6),                       // a length of 2^31 - 1
      std::string("\x23\x23\x24", 3),                                   // a group that does not end
      std::string("\x24", 1),                                           // the end of no group
      std::string("\x0f", 1),                                           // wire type 7
      std::string(300, '\x23'),                                         // groups, deeply nested
      std::string("\x0a\x02\x12\x05", 4),                               // a shape longer than its spec
  };
  for (const std::string& bytes : malformed) {
    for (const size_t size : {size_t{1}, size_t{1000}}) {
      const absl::Status unary = ParseReduceRequest(Cut(bytes, size)).status();
      EXPECT_EQ(DetailOf(unary)->reason, "MALFORMED_MESSAGE") << testing::PrintToString(bytes);
      EXPECT_FALSE(ParseReduceStreamRequest(Cut(bytes, size)).ok()) << testing::PrintToString(bytes);
    }
  }
}

TEST(Wire, TakesTheLargestSpecThereCanBe) {
  v1::ReduceRequest request;
  for (int i = 0; i < 64; ++i) request.mutable_spec()->add_shape(int64_t{1} << 62);
  for (int i = 0; i < 256; ++i) {
    v1::Reduction* reduction = request.mutable_spec()->add_reductions();
    reduction->set_op(v1::OP_VAR);
    for (int dim = 0; dim < 64; ++dim) reduction->add_dim(-64 + dim);
    reduction->mutable_variance()->set_correction(1);
  }
  EXPECT_TRUE(ParseReduceRequest(Whole(request.SerializeAsString())).ok());
}

TEST(Wire, CountsAllPartsOfASpec) {
  v1::ReduceRequest request;
  for (int i = 0; i < 60'000; ++i) request.mutable_spec()->add_reductions();
  const std::string part = request.SerializeAsString();  // 120 kB
  EXPECT_TRUE(ParseReduceRequest(Whole(part + part)).ok());
  EXPECT_EQ(DetailOf(ParseReduceRequest(Whole(part + part + part)).status())->reason, "SPEC_TOO_LARGE");
  EXPECT_EQ(DetailOf(ParseReduceStreamRequest(Whole(part + part + part)).status())->reason, "SPEC_TOO_LARGE");
}

Tensor MakeTensor(DType dtype, Shape shape, const std::string& bytes) {
  const auto* begin = reinterpret_cast<const std::byte*>(bytes.data());
  return {dtype, std::move(shape), {begin, begin + bytes.size()}};
}

SharedResults MakeResults(std::vector<ReductionResult> results) {
  return std::make_shared<const std::vector<ReductionResult>>(std::move(results));
}

const ExecutionInfo kInfo = {.queue_time = absl::Nanoseconds(1),
                             .receive_time = absl::Seconds(2) + absl::Nanoseconds(3),
                             .compute_time = absl::Milliseconds(4),
                             .received_bytes = 5};

TEST(Wire, EncodesResponses) {
  const std::string large(100000, 'x');
  const SharedResults results =
      MakeResults({{{MakeTensor(DType::kInt8, {100000}, large), MakeTensor(DType::kInt64, {}, "12345678")}},
                   {{MakeTensor(DType::kFloat32, {2, 0}, "")}}});
  v1::ReduceResponse response;
  ASSERT_TRUE(response.ParseFromString(Join(EncodeReduceResponse(results, kInfo))));
  ASSERT_EQ(response.results_size(), 2);
  ASSERT_EQ(response.results(0).tensors_size(), 2);
  EXPECT_EQ(response.results(0).tensors(0).dtype(), v1::DTYPE_INT8);
  EXPECT_EQ(response.results(0).tensors(0).shape(0), 100000);
  EXPECT_TRUE(response.results(0).tensors(0).data() == large);
  EXPECT_EQ(response.results(0).tensors(1).data(), "12345678");
  EXPECT_EQ(response.results(1).tensors(0).shape_size(), 2);
  EXPECT_EQ(response.results(1).tensors(0).data(), "");
  EXPECT_EQ(response.execution_info().backend(), v1::BACKEND_CPU);
  EXPECT_EQ(response.execution_info().receive_time().seconds(), 2);
  EXPECT_EQ(response.execution_info().receive_time().nanos(), 3);
  EXPECT_EQ(response.execution_info().received_bytes(), 5);
}

TEST(Wire, HoldsOnToResultsUntilTheyAreSent) {
  SharedResults results = MakeResults({{{MakeTensor(DType::kInt8, {100000}, std::string(100000, 'x'))}}});
  const std::weak_ptr<const std::vector<ReductionResult>> watch = results;
  {
    const grpc::ByteBuffer message = EncodeReduceResponse(results, {});
    results.reset();
    EXPECT_FALSE(watch.expired());
  }
  EXPECT_TRUE(watch.expired());
}

TEST(Wire, EncodesStreams) {
  // 2.5 MB in tensors that do not end where chunks do.
  const std::string a(1500000, 'a'), b(7, 'b'), c(1000000, 'c');
  const SharedResults results =
      MakeResults({{{MakeTensor(DType::kInt8, {1500000}, a), MakeTensor(DType::kInt8, {7}, b)}},
                   {{MakeTensor(DType::kInt8, {0}, "")}},
                   {{MakeTensor(DType::kInt8, {1000000}, c)}}});

  v1::ReduceStreamResponse header;
  ASSERT_TRUE(header.ParseFromString(Join(EncodeResultHeader(*results))));
  ASSERT_EQ(header.header().results_size(), 3);
  EXPECT_EQ(header.header().results(0).tensors(1).shape(0), 7);
  EXPECT_EQ(header.header().results(0).tensors(0).data(), "");

  const std::vector<grpc::ByteBuffer> chunks = EncodeResultChunks(results);
  EXPECT_EQ(chunks.size(), 3);
  std::string joined;
  for (const grpc::ByteBuffer& chunk : chunks) {
    v1::ReduceStreamResponse response;
    ASSERT_TRUE(response.ParseFromString(Join(chunk)));
    EXPECT_LE(response.chunk().size(), kResultChunkBytes);
    joined += response.chunk();
  }
  EXPECT_TRUE(joined == a + b + c);

  v1::ReduceStreamResponse info;
  ASSERT_TRUE(info.ParseFromString(Join(EncodeExecutionInfo(kInfo))));
  EXPECT_EQ(info.execution_info().compute_time().nanos(), 4000000);
}

}  // namespace
}  // namespace treduce
