// ReductionService over a socket: answers, and what each kind of bad request is answered with.
#include "server/reduction_service.h"

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/errors.h"
#include "tests/server/test_server.h"

namespace treduce {
namespace {

using testing::HasSubstr;
using v1::ReduceRequest;
using v1::ReduceResponse;
using v1::ReduceStreamRequest;
using v1::ReduceStreamResponse;

float FloatAt(const std::string& bytes, size_t index) {
  float value;
  std::memcpy(&value, bytes.data() + index * sizeof(value), sizeof(value));
  return value;
}

std::string SpecMessage(const v1::ReductionSpec& spec) {
  ReduceStreamRequest message;
  *message.mutable_spec() = spec;
  return message.SerializeAsString();
}

std::string ChunkMessage(std::string chunk) {
  ReduceStreamRequest message;
  message.set_chunk(std::move(chunk));
  return message.SerializeAsString();
}

class ReductionServiceTest : public testing::Test {
 protected:
  ReduceResponse Reduce(const ReduceRequest& request) {
    grpc::ClientContext context;
    ReduceResponse response;
    const grpc::Status status = v1::ReductionService::NewStub(channel_)->Reduce(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  grpc::Status Refusal(const ReduceRequest& request) {
    return Exchange(channel_, kReduce, {request.SerializeAsString()});
  }

  void TearDown() override { server_.ExpectServing(); }

  TestServer server_;
  std::shared_ptr<grpc::Channel> channel_ = server_.Connect();
};

TEST_F(ReductionServiceTest, ReducesUnary) {
  const ReduceResponse response = Reduce(SumOfOnes(1000));
  ASSERT_EQ(response.results_size(), 1);
  const v1::Tensor& sum = response.results(0).tensors(0);
  EXPECT_EQ(sum.dtype(), v1::DTYPE_FLOAT32);
  EXPECT_EQ(sum.shape_size(), 0);
  EXPECT_EQ(FloatAt(sum.data(), 0), 1000.0f);
  EXPECT_EQ(response.execution_info().backend(), v1::BACKEND_CPU);
  EXPECT_EQ(response.execution_info().received_bytes(), 4000);
}

TEST_F(ReductionServiceTest, ReducesUnaryOnWorkers) {
  const int64_t count = 2000000;  // 8 MB, close to the limit
  EXPECT_EQ(FloatAt(Reduce(SumOfOnes(count)).results(0).tensors(0).data(), 0), 2000000.0f);
}

TEST_F(ReductionServiceTest, AnswersLargeResultsWithoutLoss) {
  const int64_t count = 1 << 20;
  ReduceRequest request = SumOfOnes(2 * count);
  request.mutable_spec()->clear_shape();
  request.mutable_spec()->add_shape(2);
  request.mutable_spec()->add_shape(count);
  request.mutable_spec()->mutable_reductions(0)->add_dim(0);
  const ReduceResponse response = Reduce(request);
  const std::string& data = response.results(0).tensors(0).data();
  ASSERT_EQ(data.size(), count * sizeof(float));
  for (int64_t i = 0; i < count; ++i) ASSERT_EQ(FloatAt(data, i), 2.0f) << i;
}

TEST_F(ReductionServiceTest, StreamsInPiecesThatCutElements) {
  RawCall call(channel_, kReduceStream);
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  const std::string bytes(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  v1::ReductionSpec spec = SumOfFloats({2, 3});
  spec.mutable_reductions(0)->add_dim(0);
  ASSERT_TRUE(call.Write(SpecMessage(spec)));
  for (size_t i = 0; i < bytes.size(); i += 5) ASSERT_TRUE(call.Write(ChunkMessage(bytes.substr(i, 5))));
  call.WritesDone();

  ReduceStreamResponse header, chunk, info;
  header.ParseFromString(call.Read().value_or(""));
  ASSERT_EQ(header.payload_case(), ReduceStreamResponse::kHeader);
  EXPECT_EQ(header.header().results(0).tensors(0).shape(0), 3);
  chunk.ParseFromString(call.Read().value_or(""));
  ASSERT_EQ(chunk.payload_case(), ReduceStreamResponse::kChunk);
  ASSERT_EQ(chunk.chunk().size(), 3 * sizeof(float));
  EXPECT_EQ(FloatAt(chunk.chunk(), 0), 5);
  EXPECT_EQ(FloatAt(chunk.chunk(), 2), 9);
  info.ParseFromString(call.Read().value_or(""));
  ASSERT_EQ(info.payload_case(), ReduceStreamResponse::kExecutionInfo);
  EXPECT_EQ(info.execution_info().received_bytes(), 24);
  EXPECT_EQ(call.Read(), std::nullopt);
  EXPECT_TRUE(call.Finish().ok());
}

TEST_F(ReductionServiceTest, StreamsResultsInPieces) {
  const int64_t count = 600000;  // 2.4 MB of results
  RawCall call(channel_, kReduceStream);
  v1::ReductionSpec spec = SumOfFloats({1, count});
  spec.mutable_reductions(0)->add_dim(0);
  call.Write(SpecMessage(spec));
  const std::string data = SumOfOnes(count).data();
  call.Write(ChunkMessage(data));
  call.WritesDone();
  std::string result;
  for (int i = 0; std::optional<std::string> message = call.Read(); ++i) {
    ReduceStreamResponse response;
    ASSERT_TRUE(response.ParseFromString(*message));
    EXPECT_LE(response.chunk().size(), size_t{1} << 20);
    result += response.chunk();
  }
  EXPECT_TRUE(result == data);
  EXPECT_TRUE(call.Finish().ok());
}

TEST_F(ReductionServiceTest, DescribesItself) {
  grpc::ClientContext context;
  v1::DescribeServerResponse response;
  ASSERT_TRUE(v1::ReductionService::NewStub(channel_)->DescribeServer(&context, {}, &response).ok());
  EXPECT_EQ(response.ops_size(), v1::Op_ARRAYSIZE - 1);
  EXPECT_EQ(response.limits().max_unary_bytes(), Config().max_unary_bytes);
  EXPECT_GT(response.limits().byte_budget(), 0);
  EXPECT_GT(response.thread_count(), 0);
  EXPECT_NE(response.version(), "");
  EXPECT_NE(response.simd(), "");
}

// What is wrong with a spec, and what names it.
struct BadSpec {
  const char* name;
  const char* reason;
  const char* field;
  void (*change)(v1::ReductionSpec& spec);
};

class BadSpecTest : public ReductionServiceTest, public testing::WithParamInterface<BadSpec> {};

TEST_P(BadSpecTest, IsRefusedBothWays) {
  ReduceRequest request = SumOfOnes(6);
  *request.mutable_spec() = SumOfFloats({2, 3});
  GetParam().change(*request.mutable_spec());
  EXPECT_THAT(Refusal(request), IsInvalid(GetParam().reason, GetParam().field));
  EXPECT_THAT(Exchange(channel_, kReduceStream, {SpecMessage(request.spec()), ChunkMessage(request.data())}),
              IsInvalid(GetParam().reason, GetParam().field));
}

v1::Reduction& First(v1::ReductionSpec& spec) { return *spec.mutable_reductions(0); }

INSTANTIATE_TEST_SUITE_P(
    All, BadSpecTest,
    testing::Values(
        BadSpec{"NoOp", "UNKNOWN_OP", "reductions[0].op", [](auto& spec) { First(spec).clear_op(); }},
        BadSpec{"UnknownOp", "UNKNOWN_OP", "reductions[0].op",
                [](auto& spec) { First(spec).set_op(static_cast<v1::Op>(200)); }},
        BadSpec{"OpThatWouldWrapAround", "UNKNOWN_OP", "reductions[0].op",
                [](auto& spec) { First(spec).set_op(static_cast<v1::Op>(256 + v1::OP_SUM)); }},
        BadSpec{"NegativeOp", "UNKNOWN_OP", "reductions[0].op",
                [](auto& spec) { First(spec).set_op(static_cast<v1::Op>(-1)); }},
        BadSpec{"NoDtype", "UNKNOWN_DTYPE", "dtype", [](auto& spec) { spec.clear_dtype(); }},
        BadSpec{"UnknownDtype", "UNKNOWN_DTYPE", "dtype",
                [](auto& spec) { spec.set_dtype(static_cast<v1::Dtype>(99)); }},
        BadSpec{"UnknownCast", "UNKNOWN_DTYPE", "reductions[0].dtype",
                [](auto& spec) { First(spec).set_dtype(static_cast<v1::Dtype>(1000)); }},
        BadSpec{"DimTooHigh", "DIM_OUT_OF_RANGE", "reductions[0].dim", [](auto& spec) { First(spec).add_dim(2); }},
        BadSpec{"DimTooLow", "DIM_OUT_OF_RANGE", "reductions[0].dim", [](auto& spec) { First(spec).add_dim(-3); }},
        BadSpec{"DimTwice", "DUPLICATE_DIM", "reductions[0].dim",
                [](auto& spec) {
                  First(spec).add_dim(1);
                  First(spec).add_dim(-1);
                }},
        BadSpec{"NegativeExtent", "NEGATIVE_EXTENT", "shape", [](auto& spec) { spec.set_shape(0, -1); }},
        BadSpec{"ShapeOverflow", "SHAPE_OVERFLOW", "shape",
                [](auto& spec) {
                  spec.set_shape(0, int64_t{1} << 40);
                  spec.set_shape(1, int64_t{1} << 40);
                }},
        BadSpec{"TooManyDims", "TOO_MANY_DIMS", "shape",
                [](auto& spec) {
                  while (spec.shape_size() < 65) spec.add_shape(1);
                }},
        BadSpec{"EmptyWithoutIdentity", "EMPTY_REDUCTION", "reductions[0].dim",
                [](auto& spec) {
                  spec.set_shape(0, 0);
                  First(spec).set_op(v1::OP_MAX);
                }},
        BadSpec{"OptionsOfAnotherFamily", "OPTIONS_MISMATCH", "reductions[0].options",
                [](auto& spec) { First(spec).mutable_norm()->set_ord(1); }},
        BadSpec{"QuantileOutOfRange", "Q_OUT_OF_RANGE", "reductions[0].options.quantile.q",
                [](auto& spec) {
                  First(spec).set_op(v1::OP_QUANTILE);
                  First(spec).mutable_quantile()->mutable_list()->add_values(-1);
                }},
        BadSpec{"UnknownInterpolation", "UNKNOWN_INTERPOLATION", "reductions[0].options.quantile.interpolation",
                [](auto& spec) {
                  First(spec).set_op(v1::OP_QUANTILE);
                  First(spec).mutable_quantile()->set_interpolation(static_cast<v1::Interpolation>(257));
                }},
        BadSpec{"UniqueOfTwoDims", "TOO_MANY_DIMS", "reductions[0].dim",
                [](auto& spec) {
                  First(spec).set_op(v1::OP_UNIQUE);
                  First(spec).add_dim(0);
                  First(spec).add_dim(1);
                }},
        BadSpec{"NoReductions", "NO_REDUCTIONS", "reductions", [](auto& spec) { spec.clear_reductions(); }},
        BadSpec{"TooManyReductions", "TOO_MANY_REDUCTIONS", "reductions",
                [](auto& spec) {
                  while (spec.reductions_size() < 257) spec.add_reductions()->set_op(v1::OP_SUM);
                }},
        BadSpec{"TooLong", "SPEC_TOO_LARGE", "spec",
                [](auto& spec) {
                  for (int i = 0; i < 1 << 18; ++i) spec.add_shape(1);
                }}),
    [](const auto& info) { return info.param.name; });

TEST_F(ReductionServiceTest, RefusesTooFewAndTooManyBytes) {
  for (const int64_t difference : {-4, -1, 1, 4, 1 << 20}) {
    ReduceRequest request = SumOfOnes(6);
    request.mutable_data()->resize(24 + difference);
    EXPECT_THAT(Refusal(request), IsInvalid("SIZE_MISMATCH", "data")) << difference;
    EXPECT_THAT(Exchange(channel_, kReduceStream, {SpecMessage(request.spec()), ChunkMessage(request.data())}),
                IsInvalid("SIZE_MISMATCH", "data"))
        << difference;
  }
}

TEST_F(ReductionServiceTest, RefusesEmptyCalls) {
  EXPECT_THAT(Exchange(channel_, kReduce, {}), IsInvalid("MISSING_MESSAGE", "spec"));
  EXPECT_THAT(Exchange(channel_, kReduce, {""}), IsInvalid("MISSING_SPEC", "spec"));
  EXPECT_THAT(Exchange(channel_, kReduceStream, {}), IsInvalid("MISSING_MESSAGE", "spec"));
  EXPECT_THAT(Exchange(channel_, kReduceStream, {""}), IsInvalid("MISSING_PAYLOAD", "payload"));
}

TEST_F(ReductionServiceTest, RefusesStreamsOutOfOrder) {
  const std::string spec = SpecMessage(SumOfFloats({2}));
  EXPECT_THAT(Exchange(channel_, kReduceStream, {ChunkMessage("12345678"), spec}), IsInvalid("SPEC_EXPECTED", "spec"));
  EXPECT_THAT(Exchange(channel_, kReduceStream, {spec, ChunkMessage("1234"), spec}),
              IsInvalid("CHUNK_EXPECTED", "chunk"));
}

TEST_F(ReductionServiceTest, RefusesTruncatedMessages) {
  const std::string whole = SumOfOnes(3).SerializeAsString();
  for (size_t length = 1; length < whole.size(); ++length) {
    const grpc::Status status = Exchange(channel_, kReduce, {whole.substr(0, length)});
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << length << ": " << status.error_message();
  }
}

TEST_F(ReductionServiceTest, SurvivesRandomBytes) {
  std::mt19937 random(1);
  for (int i = 0; i < 300; ++i) {
    std::string bytes(random() % 200 + 1, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    bytes[0] = i % 2 == 0 ? '\x0a' : '\x12';  // the tag of the spec, or of the payload
    EXPECT_EQ(Exchange(channel_, kReduce, {bytes}).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(Exchange(channel_, kReduceStream, {bytes}).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  }
}

TEST_F(ReductionServiceTest, SendsLargeUnaryToReduceStream) {
  ReduceRequest request = SumOfOnes(1);
  request.mutable_spec()->set_shape(0, 1 << 22);
  const grpc::Status input = Refusal(request);
  EXPECT_THAT(input, IsError(grpc::StatusCode::RESOURCE_EXHAUSTED, "UNARY_TOO_LARGE", "data"));
  EXPECT_THAT(input.error_message(), HasSubstr("ReduceStream"));
  EXPECT_EQ(ErrorInfoOf(input).metadata().at("limit"), "8388608");
  EXPECT_FALSE(HasRetryInfo(input));

  request.mutable_spec()->set_dtype(v1::DTYPE_UINT8);
  request.mutable_spec()->set_shape(0, 1);
  request.mutable_spec()->add_shape(1 << 21);
  request.mutable_spec()->mutable_reductions(0)->add_dim(0);  // to int64: 16 MiB
  EXPECT_THAT(Refusal(request), IsError(grpc::StatusCode::RESOURCE_EXHAUSTED, "UNARY_TOO_LARGE", "reductions"));
}

// How many elements are distinct is known only afterwards.
TEST_F(ReductionServiceTest, SendsLargeUniqueResultsToReduceStream) {
  ReduceRequest request;
  request.mutable_spec()->set_dtype(v1::DTYPE_UINT16);
  request.mutable_spec()->add_shape(1 << 20);
  v1::Reduction& unique = *request.mutable_spec()->add_reductions();
  unique.set_op(v1::OP_UNIQUE_CONSECUTIVE);
  unique.mutable_unique()->set_return_counts(true);
  request.set_data(std::string(1 << 21, 'x'));
  const ReduceResponse response = Reduce(request);
  ASSERT_EQ(response.results(0).tensors_size(), 2);
  EXPECT_EQ(response.results(0).tensors(0).data(), "xx");
  EXPECT_THAT(response.results(0).tensors(1).shape(), testing::ElementsAre(1));

  for (size_t i = 0; i < request.data().size(); i += 4) (*request.mutable_data())[i] = 'y';
  EXPECT_THAT(Refusal(request), IsError(grpc::StatusCode::RESOURCE_EXHAUSTED, "UNARY_TOO_LARGE", "reductions"));
}

TEST_F(ReductionServiceTest, RefusesMessagesAboveTheReceiveCap) {
  const std::string large(16 << 20, 'x');
  const grpc::Status unary = Exchange(channel_, kReduce, {large});
  EXPECT_EQ(unary.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << unary.error_message();
  EXPECT_THAT(unary.error_message(), HasSubstr("larger than max"));
  const grpc::Status stream = Exchange(channel_, kReduceStream, {SpecMessage(SumOfFloats({1 << 23})), large});
  EXPECT_EQ(stream.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << stream.error_message();
}

TEST_F(ReductionServiceTest, RefusesCompressedMessages) {
  grpc::ClientContext context;
  context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  ReduceRequest request = SumOfOnes(1 << 20);
  ReduceResponse response;
  EXPECT_EQ(v1::ReductionService::NewStub(channel_)->Reduce(&context, request, &response).error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(ReductionServiceTest, ForgetsClientsThatVanish) {
  {
    RawCall call(server_.Connect(), kReduceStream);
    ASSERT_TRUE(call.Write(SpecMessage(SumOfFloats({1000}))));
    ASSERT_TRUE(call.Write(ChunkMessage("1234567")));
    while (server_.server().bytes_in_use() == 0) absl::SleepFor(absl::Milliseconds(1));
  }
  server_.ExpectNothingInUse();
}

TEST_F(ReductionServiceTest, EndsAtTheDeadline) {
  RawCall call(channel_, kReduceStream, absl::Milliseconds(200));
  ASSERT_TRUE(call.Write(SpecMessage(SumOfFloats({1000}))));
  EXPECT_EQ(call.Read(), std::nullopt);
  EXPECT_EQ(call.Finish().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST_F(ReductionServiceTest, EndsWhenCancelled) {
  RawCall call(channel_, kReduceStream);
  ASSERT_TRUE(call.Write(SpecMessage(SumOfFloats({1000}))));
  while (server_.server().bytes_in_use() == 0) absl::SleepFor(absl::Milliseconds(1));
  call.Cancel();
  EXPECT_EQ(call.Read(), std::nullopt);
  EXPECT_EQ(call.Finish().error_code(), grpc::StatusCode::CANCELLED);
}

// A request that keeps a worker busy for long: many costly reductions.
ReduceRequest LongRequest() {
  ReduceRequest request = SumOfOnes(1 << 20);
  request.mutable_spec()->clear_reductions();
  for (int i = 0; i < 100; ++i) {
    v1::Reduction* reduction = request.mutable_spec()->add_reductions();
    reduction->set_op(v1::OP_VECTOR_NORM);
    reduction->mutable_norm()->set_ord(3 + 0.01 * i);
  }
  return request;
}

TEST_F(ReductionServiceTest, AnswersSmallRequestsDuringLongOnes) {
  RawCall call(channel_, kReduce);
  ASSERT_TRUE(call.Write(LongRequest().SerializeAsString()));
  while (server_.server().bytes_in_use() == 0) absl::SleepFor(absl::Milliseconds(1));
  const absl::Time start = absl::Now();
  Reduce(SumOfOnes(1));
  const absl::Duration small = absl::Now() - start;
  call.WritesDone();
  EXPECT_TRUE(call.Read().has_value());
  EXPECT_LT(small, (absl::Now() - start) / 2);
  EXPECT_TRUE(call.Finish().ok());
}

TEST_F(ReductionServiceTest, StopsWorkingAtTheDeadline) {
  const absl::Time start = absl::Now();
  Reduce(LongRequest());
  const absl::Duration whole = absl::Now() - start;
  RawCall call(channel_, kReduce, whole / 4);
  ASSERT_TRUE(call.Write(LongRequest().SerializeAsString()));
  EXPECT_EQ(call.Read(), std::nullopt);
  const absl::Time end = absl::Now();
  EXPECT_EQ(call.Finish().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  server_.ExpectNothingInUse();
  EXPECT_LT(absl::Now() - end, whole / 4);
}

TEST(ReductionServiceBudget, RefusesWhatDoesNotFit) {
  Config config;
  config.byte_budget = 4 << 20;
  config.max_unary_bytes = 1 << 20;
  TestServer server(config);
  const auto channel = server.Connect();

  v1::ReductionSpec spec = SumOfFloats({1, 1 << 18});
  spec.mutable_reductions(0)->add_dim(0);  // 1 MiB of results and a state of each
  std::vector<std::unique_ptr<RawCall>> calls;
  const auto start_call = [&]() -> RawCall& {
    calls.push_back(std::make_unique<RawCall>(channel, kReduceStream));
    EXPECT_TRUE(calls.back()->Write(SpecMessage(spec)));
    return *calls.back();
  };
  int64_t charged = 0;  // for each call
  for (int64_t used = 0; used + charged <= config.byte_budget; used = server.server().bytes_in_use()) {
    start_call();
    while (server.server().bytes_in_use() == used) absl::SleepFor(absl::Milliseconds(1));
    charged = server.server().bytes_in_use() - used;
  }
  EXPECT_EQ(start_call().Read(), std::nullopt);
  const grpc::Status refusal = calls.back()->Finish();
  EXPECT_THAT(refusal, IsError(grpc::StatusCode::RESOURCE_EXHAUSTED, "BYTE_BUDGET_EXHAUSTED", ""));
  EXPECT_EQ(ErrorInfoOf(refusal).metadata().at("limit"), "4194304");
  EXPECT_TRUE(HasRetryInfo(refusal));
  EXPECT_LE(server.server().bytes_in_use(), 4 << 20);
  calls.clear();
  server.ExpectServing();

  spec.set_shape(1, 1 << 28);
  const grpc::Status hopeless = Exchange(channel, kReduceStream, {SpecMessage(spec)});
  EXPECT_THAT(hopeless, IsError(grpc::StatusCode::RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE", ""));
  EXPECT_FALSE(HasRetryInfo(hopeless));
  server.ExpectServing();

  // A selection needs the tensor together, a sum does not; and bytes are counted.
  const auto answer = [&](v1::Op op, v1::Dtype dtype) {
    v1::ReductionSpec large;
    large.set_dtype(dtype);
    large.add_shape(1 << 28);
    large.add_reductions()->set_op(op);
    return Exchange(channel, kReduceStream, {SpecMessage(large)});
  };
  EXPECT_THAT(answer(v1::OP_MEDIAN, v1::DTYPE_FLOAT32),
              IsError(grpc::StatusCode::RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE", ""));
  EXPECT_THAT(answer(v1::OP_UNIQUE, v1::DTYPE_UINT8),
              IsError(grpc::StatusCode::RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE", ""));
  for (v1::Op op : {v1::OP_SUM, v1::OP_MEDIAN, v1::OP_MODE}) {
    EXPECT_THAT(answer(op, v1::DTYPE_UINT8), IsError(grpc::StatusCode::INVALID_ARGUMENT, "SIZE_MISMATCH", "data"));
  }
}

TEST(ReductionServiceBudget, RefusesMoreCallsThanItsPlaces) {
  Config config;
  config.max_calls = 1;
  TestServer server(config);
  const auto channel = server.Connect();
  {
    RawCall call(channel, kReduceStream);
    ASSERT_TRUE(call.Write(SpecMessage(SumOfFloats({1000}))));
    while (server.server().calls_in_use() == 0) absl::SleepFor(absl::Milliseconds(1));
    const grpc::Status refusal = Exchange(channel, kReduce, {SumOfOnes(1).SerializeAsString()});
    EXPECT_THAT(refusal, IsError(grpc::StatusCode::RESOURCE_EXHAUSTED, "CALLS_EXHAUSTED", ""));
    EXPECT_TRUE(HasRetryInfo(refusal));
  }
  server.ExpectServing();
}

}  // namespace
}  // namespace treduce
