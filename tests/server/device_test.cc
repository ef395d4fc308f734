// Requests that name a device, and devices that fail under requests: made of the host's memory, they fail as told.
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "inference/grpc_service.grpc.pb.h"
#include "server/engine/cuda/host_faults.h"
#include "server/engine/engine.h"
#include "tests/engine/host_device.h"
#include "tests/server/errors.h"
#include "tests/server/test_server.h"

namespace treduce {
namespace {

using cuda::HostCall;
using cuda::Inject;

constexpr int64_t kCount = 1'000'000;  // of elements: enough for a device, and for one message

std::unique_ptr<Engine> EngineWithDevice() {
  std::vector<std::unique_ptr<Backend>> devices;
  devices.push_back(std::make_unique<HostDevice>(absl::ZeroDuration(), 64 << 20, "cuda:0"));
  return std::make_unique<Engine>(EngineOptions{.thread_count = 1}, std::move(devices));
}

class DeviceTest : public testing::Test {
 protected:
  void TearDown() override {
    server_.ExpectServing();
    cuda::ClearHostFaults();
  }

  static v1::ReduceRequest Request(const std::string& device) {
    v1::ReduceRequest request = SumOfOnes(kCount);
    request.mutable_spec()->set_device(device);
    return request;
  }

  grpc::Status Reduce(const std::string& device) {
    grpc::ClientContext context;
    response_.Clear();
    return v1::ReductionService::NewStub(channel_)->Reduce(&context, Request(device), &response_);
  }

  // Where the sum was done, which must be right.
  std::string DeviceOf(const std::string& device) {
    const grpc::Status status = Reduce(device);
    if (!status.ok()) return status.error_message();
    float sum;
    std::memcpy(&sum, response_.results(0).tensors(0).data().data(), sizeof sum);
    EXPECT_EQ(sum, kCount);
    return response_.execution_info().device();
  }

  // The same sum in the Open Inference Protocol, without its elements.
  static inference::ModelInferRequest InferRequest() {
    inference::ModelInferRequest request;
    request.set_model_name("sum");
    auto& input = *request.add_inputs();
    input.set_name("input");
    input.set_datatype("FP32");
    input.add_shape(kCount);
    return request;
  }

  grpc::Status ReduceStream(const std::string& device) {
    v1::ReduceStreamRequest spec, chunk;
    *spec.mutable_spec() = Request(device).spec();
    chunk.set_chunk(Request(device).data());
    return Exchange(channel_, kReduceStream, {spec.SerializeAsString(), chunk.SerializeAsString()});
  }

  v1::DescribeServerResponse Describe() {
    grpc::ClientContext context;
    v1::DescribeServerResponse response;
    EXPECT_TRUE(v1::ReductionService::NewStub(channel_)->DescribeServer(&context, {}, &response).ok());
    return response;
  }

  TestServer server_{Config(), EngineWithDevice()};
  std::shared_ptr<grpc::Channel> channel_ = server_.Connect();
  v1::ReduceResponse response_;
};

TEST_F(DeviceTest, ReducesWhereItIsAskedTo) {
  EXPECT_EQ(DeviceOf("cpu"), "cpu");
  EXPECT_EQ(response_.execution_info().backend(), v1::BACKEND_CPU);
  EXPECT_EQ(DeviceOf("cuda"), "cuda:0");
  EXPECT_EQ(response_.execution_info().backend(), v1::BACKEND_CUDA);
  EXPECT_EQ(DeviceOf("cuda:0"), "cuda:0");
  EXPECT_EQ(DeviceOf(""), "cuda:0");
  EXPECT_TRUE(ReduceStream("cuda").ok());
}

TEST_F(DeviceTest, RefusesDevicesThatThereAreNot) {
  EXPECT_THAT(Reduce("gpu"), IsInvalid("UNKNOWN_DEVICE", "device"));
  EXPECT_THAT(ReduceStream("gpu"), IsInvalid("UNKNOWN_DEVICE", "device"));
  EXPECT_THAT(Reduce("cuda:1"), IsError(grpc::StatusCode::FAILED_PRECONDITION, "NO_SUCH_DEVICE", "device"));
}

TEST_F(DeviceTest, RefusesOnADeviceWhatOnlyTheCpuHas) {
  v1::ReduceRequest request = Request("cuda");
  request.mutable_spec()->mutable_reductions(0)->set_op(v1::OP_MODE);
  EXPECT_THAT(Exchange(channel_, kReduce, {request.SerializeAsString()}),
              IsError(grpc::StatusCode::UNIMPLEMENTED, "UNSUPPORTED_BY_DEVICE", "device"));
}

TEST_F(DeviceTest, DescribesItsDevices) {
  v1::DescribeServerResponse server = Describe();
  EXPECT_THAT(server.backends(), testing::ElementsAre(v1::BACKEND_CPU, v1::BACKEND_CUDA));
  ASSERT_EQ(server.devices_size(), 2);
  EXPECT_EQ(server.devices(0).name(), "cpu");
  EXPECT_EQ(server.devices(1).name(), "cuda:0");
  EXPECT_EQ(server.devices(1).memory_bytes(), 64 << 20);
  EXPECT_TRUE(server.devices(1).working());
  Inject(HostCall::kSynchronize, cuda::kHostDeviceLost);
  Reduce("cuda");
  EXPECT_FALSE(Describe().devices(1).working());
}

TEST_F(DeviceTest, AnswersFromTheCpuWhereADeviceHasNoMemory) {
  Inject(HostCall::kAllocate, cuda::kOutOfMemory, 2);
  EXPECT_EQ(DeviceOf(""), "cpu");
  Inject(HostCall::kAllocate, cuda::kOutOfMemory, 2);
  EXPECT_TRUE(ReduceStream("").ok());
  Inject(HostCall::kAllocate, cuda::kOutOfMemory, 2);
  EXPECT_THAT(Reduce("cuda"), IsError(grpc::StatusCode::RESOURCE_EXHAUSTED, "DEVICE_MEMORY_EXHAUSTED", ""));
  EXPECT_EQ(DeviceOf("cuda"), "cuda:0");
}

TEST_F(DeviceTest, LeavesToTheCpuWhatTheBudgetHasNoRoomToUpload) {
  Config config;
  config.byte_budget = 9 << 20;
  config.max_unary_bytes = 9 << 18;
  TestServer small(config, EngineWithDevice());
  channel_ = small.Connect();
  v1::ReduceRequest request = SumOfOnes(kCount / 2);
  const std::unique_ptr<v1::ReductionService::Stub> stub = v1::ReductionService::NewStub(channel_);
  grpc::ClientContext open, named;
  EXPECT_TRUE(stub->Reduce(&open, request, &response_).ok());
  EXPECT_EQ(response_.execution_info().device(), "cpu");
  request.mutable_spec()->set_device("cuda");
  EXPECT_EQ(stub->Reduce(&named, request, &response_).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(DeviceTest, AnswersFromTheCpuWhereADeviceIsLostUnderAMessage) {
  Inject(HostCall::kSynchronize, cuda::kHostDeviceLost);
  EXPECT_EQ(DeviceOf(""), "cpu");
  EXPECT_THAT(Reduce("cuda"), IsError(grpc::StatusCode::UNAVAILABLE, "DEVICE_LOST", "device"));
}

TEST_F(DeviceTest, HasStreamsSentAgainWhenTheirDeviceIsLost) {
  Inject(HostCall::kCopyToDevice, cuda::kHostDeviceLost);
  const grpc::Status lost = ReduceStream("");
  EXPECT_THAT(lost, IsError(grpc::StatusCode::UNAVAILABLE, "DEVICE_LOST", ""));
  EXPECT_TRUE(HasRetryInfo(lost));
  EXPECT_TRUE(ReduceStream("").ok());
}

TEST_F(DeviceTest, EndsWhatNamedADeviceThatIsLost) {
  Inject(HostCall::kCopyToDevice, cuda::kHostDeviceLost);
  const grpc::Status lost = ReduceStream("cuda:0");
  EXPECT_THAT(lost, IsError(grpc::StatusCode::UNAVAILABLE, "DEVICE_LOST", ""));
  EXPECT_FALSE(HasRetryInfo(lost));
}

TEST_F(DeviceTest, IsAParameterOfTheOpenInferenceProtocol) {
  inference::ModelInferRequest request = InferRequest();
  request.add_raw_input_contents(Request("").data());
  (*request.mutable_parameters())["device"].set_string_param("cuda:0");
  const auto stub = inference::GRPCInferenceService::NewStub(channel_);
  inference::ModelInferResponse response;
  grpc::ClientContext context;
  EXPECT_TRUE(stub->ModelInfer(&context, request, &response).ok());
  (*request.mutable_parameters())["device"].set_string_param("cuda:7");
  EXPECT_THAT(Exchange(channel_, "/inference.GRPCInferenceService/ModelInfer", {request.SerializeAsString()}),
              IsError(grpc::StatusCode::FAILED_PRECONDITION, "NO_SUCH_DEVICE", "parameters.device"));
}

TEST_F(DeviceTest, ReducesTypedContentsAgainOnTheCpuWhenADeviceIsLost) {
  inference::ModelInferRequest request = InferRequest();
  request.mutable_inputs(0)->mutable_contents()->mutable_fp32_contents()->Resize(kCount, 1);
  Inject(HostCall::kCopyToDevice, cuda::kHostDeviceLost, /*count=*/1, /*skipped=*/1);
  inference::ModelInferResponse response;
  grpc::ClientContext context;
  const grpc::Status status =
      inference::GRPCInferenceService::NewStub(channel_)->ModelInfer(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_THAT(response.outputs(0).contents().fp32_contents(), testing::ElementsAre(kCount));
  EXPECT_FALSE(Describe().devices(1).working());
}

}  // namespace
}  // namespace treduce
