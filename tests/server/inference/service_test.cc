// GRPCInferenceService over a socket, as clients of KServe and Triton use it.
#include "server/inference/service.h"

#include <atomic>
#include <cstring>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "grpcpp/create_channel.h"
#include "gtest/gtest.h"
#include "inference/grpc_service.grpc.pb.h"
#include "tests/server/errors.h"
#include "tests/server/test_server.h"

namespace treduce {
namespace {

using inference::ModelInferRequest;
using inference::ModelInferResponse;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr char kModelInfer[] = "/inference.GRPCInferenceService/ModelInfer";
constexpr char kModelStreamInfer[] = "/inference.GRPCInferenceService/ModelStreamInfer";

std::string Bytes(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

std::vector<float> Floats(const std::string& bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

// [[1, 5, 2], [4, 3, 6]], without its elements.
ModelInferRequest Request(const std::string& model) {
  ModelInferRequest request;
  request.set_model_name(model);
  request.set_id("42");
  auto& input = *request.add_inputs();
  input.set_name("input");
  input.set_datatype("FP32");
  input.add_shape(2);
  input.add_shape(3);
  return request;
}

const std::vector<float> kElements = {1, 5, 2, 4, 3, 6};

ModelInferRequest RawRequest(const std::string& model) {
  ModelInferRequest request = Request(model);
  request.add_raw_input_contents(Bytes(kElements));
  return request;
}

ModelInferRequest TypedRequest(const std::string& model) {
  ModelInferRequest request = Request(model);
  request.mutable_inputs(0)->mutable_contents()->mutable_fp32_contents()->Add(kElements.begin(), kElements.end());
  return request;
}

class InferenceServiceTest : public testing::Test {
 protected:
  ModelInferResponse Infer(const ModelInferRequest& request) {
    grpc::ClientContext context;
    ModelInferResponse response;
    const grpc::Status status = stub_->ModelInfer(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  grpc::Status Refusal(const ModelInferRequest& request) {
    return Exchange(channel_, kModelInfer, {request.SerializeAsString()});
  }

  inference::ModelStatistics StatisticsOf(const std::string& model) {
    grpc::ClientContext context;
    inference::ModelStatisticsRequest request;
    request.set_name(model);
    inference::ModelStatisticsResponse response;
    EXPECT_TRUE(stub_->ModelStatistics(&context, request, &response).ok());
    EXPECT_EQ(response.model_stats_size(), 1);
    return response.model_stats(0);
  }

  void TearDown() override { server_.ExpectServing(); }

  TestServer server_;
  std::shared_ptr<grpc::Channel> channel_ = server_.Connect();
  std::unique_ptr<inference::GRPCInferenceService::Stub> stub_ = inference::GRPCInferenceService::NewStub(channel_);
};

TEST_F(InferenceServiceTest, AnswersRawContentsRaw) {
  ModelInferRequest request = RawRequest("sum");
  (*request.mutable_parameters())["dim"].set_int64_param(0);
  (*request.mutable_parameters())["keepdim"].set_bool_param(true);
  const ModelInferResponse response = Infer(request);
  EXPECT_EQ(response.model_name(), "sum");
  EXPECT_EQ(response.model_version(), "1");
  EXPECT_EQ(response.id(), "42");
  ASSERT_EQ(response.outputs_size(), 1);
  EXPECT_EQ(response.outputs(0).name(), "result");
  EXPECT_EQ(response.outputs(0).datatype(), "FP32");
  EXPECT_THAT(response.outputs(0).shape(), ElementsAre(1, 3));
  EXPECT_FALSE(response.outputs(0).has_contents());
  ASSERT_EQ(response.raw_output_contents_size(), 1);
  EXPECT_THAT(Floats(response.raw_output_contents(0)), ElementsAre(5, 8, 8));
}

TEST_F(InferenceServiceTest, AnswersTypedContentsTyped) {
  ModelInferRequest request = TypedRequest("max");
  (*request.mutable_parameters())["dim"].set_string_param("1");
  const ModelInferResponse response = Infer(request);
  EXPECT_EQ(response.raw_output_contents_size(), 0);
  ASSERT_EQ(response.outputs_size(), 2);
  EXPECT_EQ(response.outputs(0).name(), "values");
  EXPECT_THAT(response.outputs(0).contents().fp32_contents(), ElementsAre(5, 6));
  EXPECT_EQ(response.outputs(1).name(), "indices");
  EXPECT_EQ(response.outputs(1).datatype(), "INT64");
  EXPECT_THAT(response.outputs(1).contents().int64_contents(), ElementsAre(1, 2));
}

TEST_F(InferenceServiceTest, AnswersTypedContentsRawWhereThereIsNoTypedField) {
  ModelInferRequest request = TypedRequest("sum");
  (*request.mutable_parameters())["dtype"].set_string_param("BF16");
  const ModelInferResponse response = Infer(request);
  EXPECT_EQ(response.outputs(0).datatype(), "BF16");
  ASSERT_EQ(response.raw_output_contents_size(), 1);
  EXPECT_EQ(response.raw_output_contents(0), std::string("\xa8\x41", 2));  // 21
}

TEST_F(InferenceServiceTest, AnswersTheOutputsAskedForInTheirOrder) {
  ModelInferRequest request = RawRequest("var_mean");
  for (const char* name : {"mean", "var", "mean"}) request.add_outputs()->set_name(name);
  const ModelInferResponse response = Infer(request);
  ASSERT_EQ(response.outputs_size(), 2);
  EXPECT_EQ(response.outputs(0).name(), "mean");
  EXPECT_THAT(Floats(response.raw_output_contents(0)), ElementsAre(3.5f));
  EXPECT_EQ(response.outputs(1).name(), "var");
  EXPECT_THAT(Floats(response.raw_output_contents(1)), ElementsAre(3.5f));
}

// The outputs that metadata lists can be asked for, but for the indices that come with a dim.
TEST_F(InferenceServiceTest, NamesOutputsAsItsMetadataDoes) {
  for (const OpInfo& model : AllOps()) {
    grpc::ClientContext context;
    inference::ModelMetadataRequest query;
    query.set_name(std::string(model.name));
    inference::ModelMetadataResponse metadata;
    ASSERT_TRUE(stub_->ModelMetadata(&context, query, &metadata).ok());
    ModelInferRequest request = RawRequest(query.name());
    if (model.options == OptionsKind::kUnique) {
      for (const char* name : {"return_inverse", "return_counts"}) {
        (*request.mutable_parameters())[name].set_bool_param(true);
      }
    }
    const ModelInferResponse response = Infer(request);
    ASSERT_GT(response.outputs_size(), 0);
    for (int i = 0; i < response.outputs_size(); ++i) {
      EXPECT_EQ(response.outputs(i).name(), metadata.outputs(i).name()) << model.name;
      EXPECT_EQ(response.outputs(i).datatype(), metadata.outputs(i).datatype()) << model.name;
    }
  }
}

TEST_F(InferenceServiceTest, TakesZeroDimsAndNoElements) {
  ModelInferRequest scalar = Request("sum");
  scalar.mutable_inputs(0)->clear_shape();
  scalar.add_raw_input_contents(Bytes({7}));
  EXPECT_THAT(Floats(Infer(scalar).raw_output_contents(0)), ElementsAre(7));
  ModelInferRequest empty = Request("sum");
  empty.mutable_inputs(0)->set_shape(0, 0);
  EXPECT_THAT(Floats(Infer(empty).raw_output_contents(0)), ElementsAre(0));
}

TEST_F(InferenceServiceTest, ReducesLargeTensorsOnWorkers) {
  for (const bool typed : {false, true}) {
    const int count = 1'500'000;
    ModelInferRequest request = Request("sum");
    request.mutable_inputs(0)->set_shape(0, count);
    request.mutable_inputs(0)->set_shape(1, 1);
    const std::vector<float> ones(count, 1.0f);
    if (typed) {
      request.mutable_inputs(0)->mutable_contents()->mutable_fp32_contents()->Add(ones.begin(), ones.end());
    } else {
      request.add_raw_input_contents(Bytes(ones));
    }
    const ModelInferResponse response = Infer(request);
    EXPECT_THAT(typed ? response.outputs(0).contents().fp32_contents(0) : Floats(response.raw_output_contents(0))[0],
                1.5e6f);
  }
}

// A bound on what the typed form, ten times the bytes, may take.
TEST_F(InferenceServiceTest, AnswersLargeResultsRaw) {
  ModelInferRequest request = Request("sum");
  const int count = 400'000;
  request.mutable_inputs(0)->set_shape(0, 1);
  request.mutable_inputs(0)->set_shape(1, count);
  for (int i = 0; i < count; ++i) request.mutable_inputs(0)->mutable_contents()->add_fp32_contents(i);
  (*request.mutable_parameters())["dim"].set_int64_param(0);
  const ModelInferResponse response = Infer(request);
  ASSERT_EQ(response.raw_output_contents_size(), 1);
  EXPECT_EQ(Floats(response.raw_output_contents(0))[count - 1], count - 1);
}

// Negative elements of one byte, which are varints of ten.
TEST_F(InferenceServiceTest, ChargesTypedAnswersAsTheyAreEncoded) {
  const int count = 64 << 10;
  ModelInferRequest request = Request("amin");
  request.mutable_inputs(0)->set_datatype("INT8");
  request.mutable_inputs(0)->set_shape(0, 1);
  request.mutable_inputs(0)->set_shape(1, count);
  request.mutable_inputs(0)->mutable_contents()->mutable_int_contents()->Resize(count, -1);
  (*request.mutable_parameters())["dim"].set_int64_param(0);
  // A window that stays as it is, and smaller than the answer: that waits for the client to read.
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  RawCall call(
      grpc::CreateCustomChannel(server_.server().addresses().front(), grpc::InsecureChannelCredentials(), arguments),
      kModelInfer);
  ASSERT_TRUE(call.Write(request.SerializeAsString()));
  while (StatisticsOf("amin").inference_count() == 0) absl::SleepFor(absl::Milliseconds(1));
  absl::SleepFor(absl::Milliseconds(100));  // the handler has returned by then
  const int64_t charged = server_.server().bytes_in_use();
  const std::optional<std::string> answer = call.Read();
  ASSERT_TRUE(answer.has_value());
  EXPECT_GT(answer->size(), 10u * count);
  EXPECT_GE(charged, static_cast<int64_t>(count + answer->size() - 100));  // and the elements themselves
  EXPECT_TRUE(call.Finish().ok());
}

TEST_F(InferenceServiceTest, IsLiveAndReadyUntilItDrains) {
  const auto ready = [this] {
    grpc::ClientContext context;
    inference::ServerReadyResponse response;
    EXPECT_TRUE(stub_->ServerReady(&context, {}, &response).ok());
    return response.ready();
  };
  const auto model_ready = [this](const std::string& name, const std::string& version) {
    grpc::ClientContext context;
    inference::ModelReadyRequest request;
    request.set_name(name);
    request.set_version(version);
    inference::ModelReadyResponse response;
    EXPECT_TRUE(stub_->ModelReady(&context, request, &response).ok());
    return response.ready();
  };
  grpc::ClientContext context;
  inference::ServerLiveResponse live;
  ASSERT_TRUE(stub_->ServerLive(&context, {}, &live).ok());
  EXPECT_TRUE(live.live());
  EXPECT_TRUE(ready());
  EXPECT_TRUE(model_ready("sum", ""));
  EXPECT_TRUE(model_ready("sum", "1"));
  EXPECT_FALSE(model_ready("sum", "2"));
  EXPECT_FALSE(model_ready("resnet", ""));
}

TEST(InferenceServiceDrain, IsNotReadyWhileItDrains) {
  Config config;
  config.drain_delay = absl::Seconds(2);
  TestServer server(config);
  const auto stub = inference::GRPCInferenceService::NewStub(server.Connect());
  std::thread drain([&] { server.server().Drain(); });
  const absl::Time deadline = absl::Now() + absl::Seconds(2);
  bool ready = true;
  while (ready && absl::Now() < deadline) {
    grpc::ClientContext context;
    inference::ServerReadyResponse response;
    if (!stub->ServerReady(&context, {}, &response).ok()) break;
    ready = response.ready();
  }
  EXPECT_FALSE(ready);
  grpc::ClientContext context;
  inference::RepositoryIndexRequest request;
  request.set_ready(true);
  inference::RepositoryIndexResponse index;
  EXPECT_TRUE(stub->RepositoryIndex(&context, request, &index).ok());
  EXPECT_EQ(index.models_size(), 0);
  drain.join();
}

TEST_F(InferenceServiceTest, DescribesServerAndModels) {
  grpc::ClientContext context;
  inference::ServerMetadataResponse server;
  ASSERT_TRUE(stub_->ServerMetadata(&context, {}, &server).ok());
  EXPECT_EQ(server.name(), "treduce");
  EXPECT_EQ(server.version(), Version());
  EXPECT_THAT(server.extensions(), testing::Contains("statistics"));

  grpc::ClientContext index_context;
  inference::RepositoryIndexResponse index;
  ASSERT_TRUE(stub_->RepositoryIndex(&index_context, {}, &index).ok());
  ASSERT_EQ(static_cast<size_t>(index.models_size()), AllOps().size());
  for (const auto& model : index.models()) {
    EXPECT_EQ(model.state(), "READY");
    grpc::ClientContext config_context;
    inference::ModelConfigRequest request;
    request.set_name(model.name());
    inference::ModelConfigResponse response;
    ASSERT_TRUE(stub_->ModelConfig(&config_context, request, &response).ok()) << model.name();
    EXPECT_EQ(response.config().name(), model.name());
    EXPECT_EQ(response.config().max_batch_size(), 0);
    ASSERT_EQ(response.config().input_size(), 1);
    EXPECT_EQ(response.config().input(0).name(), "input");
    EXPECT_THAT(response.config().parameters().at("parameters").string_value(), StartsWith("dim"));
  }
}

TEST_F(InferenceServiceTest, CountsByModel) {
  for (int i = 0; i < 3; ++i) Infer(RawRequest("amax"));
  ModelInferRequest bad = RawRequest("amax");
  (*bad.mutable_parameters())["dim"].set_int64_param(7);
  Refusal(bad);
  const inference::ModelStatistics amax = StatisticsOf("amax");
  EXPECT_EQ(amax.inference_count(), 3u);
  EXPECT_EQ(amax.execution_count(), 3u);
  EXPECT_EQ(amax.inference_stats().success().count(), 3u);
  EXPECT_EQ(amax.inference_stats().compute_infer().count(), 3u);
  EXPECT_GE(amax.inference_stats().success().ns(),
            amax.inference_stats().queue().ns() + amax.inference_stats().compute_infer().ns());
  EXPECT_EQ(amax.inference_stats().fail().count(), 1u);
  EXPECT_NEAR(amax.last_inference(), absl::ToUnixMillis(absl::Now()), 60'000);
  EXPECT_EQ(StatisticsOf("amin").inference_count(), 0u);

  grpc::ClientContext context;
  inference::ModelStatisticsResponse all;
  ASSERT_TRUE(stub_->ModelStatistics(&context, {}, &all).ok());
  EXPECT_EQ(static_cast<size_t>(all.model_stats_size()), AllOps().size());
}

TEST_F(InferenceServiceTest, CountsRequestsThatAreNotParsed) {
  ModelInferRequest twice = TypedRequest("amax");
  twice.add_raw_input_contents("1234");
  EXPECT_THAT(Refusal(twice), IsInvalid("CONTENTS_TWICE", "inputs[0].contents"));
  EXPECT_EQ(StatisticsOf("amax").inference_stats().fail().count(), 1u);
}

TEST_F(InferenceServiceTest, StreamsOneAnswerForEachRequest) {
  grpc::ClientContext context;
  const auto stream = stub_->ModelStreamInfer(&context);
  inference::ModelStreamInferResponse response;
  for (const char* model : {"sum", "resnet", "mean"}) {
    ASSERT_TRUE(stream->Write(RawRequest(model)));
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.infer_response().id(), "42");
    EXPECT_EQ(response.infer_response().model_name(), model);
    EXPECT_TRUE(response.infer_response().parameters().at("triton_final_response").bool_param());
    if (std::string(model) == "resnet") {
      EXPECT_THAT(response.error_message(), HasSubstr("'resnet' is not found"));
    } else {
      EXPECT_EQ(response.error_message(), "");
      EXPECT_THAT(Floats(response.infer_response().raw_output_contents(0)), ElementsAre(testing::AnyOf(21, 3.5)));
    }
  }
  stream->WritesDone();
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_TRUE(Infer(RawRequest("sum")).parameters().empty());
}

TEST_F(InferenceServiceTest, NamesRequestsOfAStreamThatAreNotParsed) {
  RawCall stream(channel_, kModelStreamInfer);
  ModelInferRequest twice = TypedRequest("sum");
  twice.add_raw_input_contents("1234");
  ASSERT_TRUE(stream.Write(twice.SerializeAsString()));
  inference::ModelStreamInferResponse response;
  ASSERT_TRUE(response.ParseFromString(stream.Read().value_or("?")));
  EXPECT_THAT(response.error_message(), HasSubstr("contents field must not be specified"));
  EXPECT_EQ(response.infer_response().id(), "42");
  EXPECT_EQ(response.infer_response().model_name(), "sum");
  stream.WritesDone();
  EXPECT_FALSE(stream.Read().has_value());
  EXPECT_TRUE(stream.Finish().ok());
}

TEST(InferenceServiceDrain, EndsIdleStreamsAtOnce) {
  TestServer server;
  RawCall fresh(server.Connect(), kModelStreamInfer);
  RawCall used(server.Connect(), kModelStreamInfer);
  ASSERT_TRUE(used.Write(RawRequest("sum").SerializeAsString()));
  ASSERT_TRUE(used.Read().has_value());
  while (server.server().calls_in_use() < 2) absl::SleepFor(absl::Milliseconds(1));
  const absl::Time start = absl::Now();
  server.server().Drain();
  EXPECT_LT(absl::Now() - start, absl::Seconds(1));
  for (RawCall* stream : {&fresh, &used}) {
    EXPECT_FALSE(stream->Read().has_value());
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  }
  EXPECT_EQ(server.server().calls_in_use(), 0);
}

// Each request is answered before its stream ends, or not at all.
TEST(InferenceServiceDrain, EndsBusyStreamsAfterAnAnswer) {
  TestServer server;
  std::vector<std::thread> clients;
  std::atomic<int> answered = 0;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      RawCall stream(server.Connect(), kModelStreamInfer);
      const std::string request = RawRequest("sum").SerializeAsString();
      inference::ModelStreamInferResponse response;
      while (stream.Write(request)) {
        const std::optional<std::string> answer = stream.Read();
        if (!answer.has_value()) break;
        EXPECT_TRUE(response.ParseFromString(*answer));
        EXPECT_EQ(response.error_message(), "");
        ++answered;
      }
      EXPECT_EQ(stream.Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
    });
  }
  while (answered < 100) absl::SleepFor(absl::Milliseconds(1));
  const absl::Time start = absl::Now();
  server.server().Drain();
  EXPECT_LT(absl::Now() - start, absl::Seconds(3));
  for (std::thread& client : clients) client.join();
}

TEST_F(InferenceServiceTest, RefusesUnknownModelsInTritonsWords) {
  const grpc::Status model = Refusal(RawRequest("resnet"));
  EXPECT_THAT(model, IsError(grpc::StatusCode::NOT_FOUND, "UNKNOWN_MODEL", ""));
  EXPECT_THAT(model.error_message(), StartsWith("Request for unknown model: 'resnet' is not found"));
  ModelInferRequest request = RawRequest("sum");
  request.set_model_version("2");
  EXPECT_THAT(Refusal(request), IsError(grpc::StatusCode::NOT_FOUND, "UNKNOWN_MODEL_VERSION", ""));
  for (const char* method : {"ModelMetadata", "ModelConfig", "ModelStatistics"}) {
    inference::ModelMetadataRequest query;
    query.set_name("resnet");
    EXPECT_THAT(
        Exchange(channel_, std::string("/inference.GRPCInferenceService/") + method, {query.SerializeAsString()}),
        IsError(grpc::StatusCode::NOT_FOUND, "UNKNOWN_MODEL", ""));
  }
}

// What is wrong with a request, and what names it.
struct BadRequest {
  const char* name;
  const char* reason;
  const char* field;
  void (*change)(ModelInferRequest& request);
};

class BadRequestTest : public InferenceServiceTest, public testing::WithParamInterface<BadRequest> {};

TEST_P(BadRequestTest, IsRefusedInTheProtocolsTerms) {
  ModelInferRequest request = RawRequest("sum");
  GetParam().change(request);
  const grpc::Status status = Refusal(request);
  EXPECT_THAT(status, IsInvalid(GetParam().reason, GetParam().field));
  EXPECT_THAT(status.error_message(), testing::Not(HasSubstr("reductions[0]")));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadRequestTest,
    testing::Values(BadRequest{"NoInput", "INPUT_COUNT", "inputs", [](auto& request) { request.clear_inputs(); }},
                    BadRequest{"TwoInputs", "INPUT_COUNT", "inputs",
                               [](auto& request) { *request.add_inputs() = request.inputs(0); }},
                    BadRequest{"OtherInput", "UNKNOWN_INPUT", "inputs[0].name",
                               [](auto& request) { request.mutable_inputs(0)->set_name("INPUT0"); }},
                    BadRequest{"NoDatatype", "UNKNOWN_DTYPE", "inputs[0].datatype",
                               [](auto& request) { request.mutable_inputs(0)->clear_datatype(); }},
                    BadRequest{"Text", "UNKNOWN_DTYPE", "inputs[0].datatype",
                               [](auto& request) { request.mutable_inputs(0)->set_datatype("BYTES"); }},
                    BadRequest{"DtypeOfTheOp", "UNSUPPORTED_DTYPE", "inputs[0].datatype",
                               [](auto& request) {
                                 request.set_model_name("mean");
                                 request.mutable_inputs(0)->set_datatype("INT32");
                               }},
                    BadRequest{"NegativeExtent", "NEGATIVE_EXTENT", "inputs[0].shape",
                               [](auto& request) { request.mutable_inputs(0)->set_shape(0, -1); }},
                    BadRequest{"TooFewBytes", "SIZE_MISMATCH", "raw_input_contents[0]",
                               [](auto& request) { request.mutable_raw_input_contents(0)->resize(20); }},
                    BadRequest{"TooManyBytes", "SIZE_MISMATCH", "raw_input_contents[0]",
                               [](auto& request) { request.mutable_raw_input_contents(0)->resize(28); }},
                    BadRequest{"NoBytes", "SIZE_MISMATCH", "raw_input_contents[0]",
                               [](auto& request) { request.clear_raw_input_contents(); }},
                    BadRequest{"TooFewElements", "SIZE_MISMATCH", "inputs[0].contents",
                               [](auto& request) {
                                 request = TypedRequest("sum");
                                 request.mutable_inputs(0)->mutable_contents()->mutable_fp32_contents()->RemoveLast();
                               }},
                    BadRequest{"TooManyElements", "SIZE_MISMATCH", "inputs[0].contents",
                               [](auto& request) {
                                 request = TypedRequest("sum");
                                 request.mutable_inputs(0)->mutable_contents()->add_fp32_contents(1);
                               }},
                    BadRequest{"BothContents", "CONTENTS_TWICE", "inputs[0].contents",
                               [](auto& request) {
                                 request = TypedRequest("sum");
                                 request.add_raw_input_contents("1234");
                               }},
                    BadRequest{"DimOutOfRange", "DIM_OUT_OF_RANGE", "parameters.dim",
                               [](auto& request) { (*request.mutable_parameters())["dim"].set_int64_param(2); }},
                    BadRequest{"QuantileOutOfRange", "Q_OUT_OF_RANGE", "parameters.q",
                               [](auto& request) {
                                 request.set_model_name("quantile");
                                 (*request.mutable_parameters())["q"].set_double_param(1.5);
                               }},
                    BadRequest{"Misspelt", "UNKNOWN_PARAMETER", "parameters.keep_dim",
                               [](auto& request) { (*request.mutable_parameters())["keep_dim"].set_bool_param(true); }},
                    BadRequest{"UnknownOutput", "UNKNOWN_OUTPUT", "outputs[0].name",
                               [](auto& request) { request.add_outputs()->set_name("OUTPUT0"); }},
                    BadRequest{"IndicesWithoutDim", "UNKNOWN_OUTPUT", "outputs[0].name",
                               [](auto& request) {
                                 request.set_model_name("max");
                                 request.add_outputs()->set_name("indices");
                               }},
                    BadRequest{
                        "SharedMemoryIn", "UNKNOWN_PARAMETER", "inputs[0].parameters.shared_memory_region",
                        [](auto& request) {
                          (*request.mutable_inputs(0)->mutable_parameters())["shared_memory_region"].set_string_param(
                              "r");
                        }},
                    BadRequest{"Classification", "UNKNOWN_PARAMETER", "outputs[0].parameters.classification",
                               [](auto& request) {
                                 auto& output = *request.add_outputs();
                                 output.set_name("result");
                                 (*output.mutable_parameters())["classification"].set_int64_param(3);
                               }}),
    [](const auto& info) { return info.param.name; });

// What clients of Triton and MLServer send of themselves.
TEST_F(InferenceServiceTest, IgnoresParametersOfTensorsThatSayWhatIsSo) {
  ModelInferRequest request = RawRequest("sum");
  auto& input = *request.mutable_inputs(0)->mutable_parameters();
  input["content_type"].set_string_param("np");
  input["binary_data_size"].set_int64_param(24);
  auto& output = *request.add_outputs();
  output.set_name("result");
  (*output.mutable_parameters())["binary_data"].set_bool_param(true);
  (*output.mutable_parameters())["classification"].set_int64_param(0);
  EXPECT_THAT(Floats(Infer(request).raw_output_contents(0)), ElementsAre(21));
}

TEST_F(InferenceServiceTest, SendsLargeTensorsToReduceStream) {
  ModelInferRequest request = RawRequest("sum");
  request.mutable_inputs(0)->set_shape(0, 1 << 22);
  const grpc::Status status = Refusal(request);
  EXPECT_THAT(status, IsError(grpc::StatusCode::RESOURCE_EXHAUSTED, "UNARY_TOO_LARGE", "raw_input_contents[0]"));
  EXPECT_THAT(status.error_message(), HasSubstr("ReduceStream of treduce.v1"));
}

TEST_F(InferenceServiceTest, RefusesEmptyCallsAndOtherBytes) {
  EXPECT_THAT(Exchange(channel_, kModelInfer, {}), IsInvalid("MISSING_MESSAGE", ""));
  EXPECT_THAT(Exchange(channel_, kModelInfer, {""}), IsError(grpc::StatusCode::NOT_FOUND, "UNKNOWN_MODEL", ""));
  std::mt19937 random(1);
  for (int i = 0; i < 300; ++i) {
    std::string bytes(random() % 200 + 1, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    bytes[0] = i % 2 == 0 ? '\x2a' : '\x3a';  // the tag of an input, or of raw contents
    EXPECT_FALSE(Exchange(channel_, kModelInfer, {bytes}).ok());
    EXPECT_FALSE(Exchange(channel_, "/inference.GRPCInferenceService/ModelConfig", {bytes}).ok());
  }
}

TEST(InferenceServiceAdmission, RefusesWhatIsBeyondTheLimits) {
  Config config;
  config.max_calls = 1;
  TestServer server(config);
  const auto channel = server.Connect();
  // A stream holds the one place while it waits for its next request.
  RawCall stream(channel, kModelStreamInfer);
  ASSERT_TRUE(stream.Write(RawRequest("sum").SerializeAsString()));
  ASSERT_TRUE(stream.Read().has_value());
  for (const char* method : {kModelInfer, kModelStreamInfer}) {
    const grpc::Status status = Exchange(channel, method, {RawRequest("sum").SerializeAsString()});
    EXPECT_THAT(status, IsError(grpc::StatusCode::RESOURCE_EXHAUSTED, "CALLS_EXHAUSTED", ""));
    EXPECT_TRUE(HasRetryInfo(status));
  }
  stream.Cancel();
  stream.Finish();
  server.ExpectServing();
}

}  // namespace
}  // namespace treduce
