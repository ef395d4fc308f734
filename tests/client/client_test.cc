// The C++ client against a server in this process.
#include "client/cpp/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <numeric>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "server/engine/values/errors.h"
#include "server/server.h"
#include "tests/client/silent_server.h"
#include "tests/client/tensors.h"

namespace treduce {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string SocketPath(const std::string& name) {
  return ::testing::TempDir() + "/client_test_" + std::to_string(getpid()) + "_" + name;
}

Client ConnectTo(const std::string& address, ClientOptions options = {}) {
  absl::StatusOr<Client> client = Client::Connect(address, options);
  EXPECT_TRUE(client.ok()) << client.status();
  return *std::move(client);
}

class ClientTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = StartServer({.listen = {"unix:" + SocketPath("server")}}).release(); }
  static void TearDownTestSuite() { delete std::exchange(server_, nullptr); }

  static std::unique_ptr<Server> StartServer(const Config& config) {
    absl::StatusOr<std::unique_ptr<Server>> server = Server::Start(config);
    EXPECT_TRUE(server.ok()) << server.status();
    return *std::move(server);
  }

  static Client Connect(ClientOptions options = {}) { return ConnectTo(server_->addresses().front(), options); }

  static Server* server_;
};

Server* ClientTest::server_ = nullptr;

// Gives the bytes of `tensor` in pieces of at most `piece`, and counts how often it was asked.
TensorSource SourceOf(const Tensor& tensor, size_t piece, int* calls = nullptr) {
  return {tensor.dtype, tensor.shape,
          [&tensor, piece, calls, next = size_t{0}](absl::Span<std::byte> buffer) mutable -> absl::StatusOr<size_t> {
            if (calls != nullptr) ++*calls;
            const size_t count = std::min({piece, buffer.size(), tensor.data.size() - next});
            std::copy_n(tensor.data.begin() + static_cast<ptrdiff_t>(next), count, buffer.begin());
            next += count;
            return count;
          }};
}

// Zeros without end.
TensorSource Zeros(DType dtype, Shape shape, int* calls = nullptr) {
  return {dtype, std::move(shape), [calls](absl::Span<std::byte> buffer) -> absl::StatusOr<size_t> {
            if (calls != nullptr) ++*calls;
            std::fill(buffer.begin(), buffer.end(), std::byte{0});
            return buffer.size();
          }};
}

TEST_F(ClientTest, ReducesATensorInMemory) {
  const Tensor x = Arange<float>(DType::kFloat32, {2, 3});
  const auto reply = Connect().Reduce(
      x.view(), {{.op = Op::kSum, .dim = {0}}, {.op = Op::kMax, .dim = {-1}, .keepdim = true}, {.op = Op::kMean}});
  ASSERT_TRUE(reply.ok()) << reply.status();
  ASSERT_EQ(reply->results.size(), 3u);
  EXPECT_THAT(ElementsOf<float>(reply->results[0].outputs[0]), ElementsAre(3, 5, 7));
  ASSERT_EQ(reply->results[1].outputs.size(), 2u);
  EXPECT_EQ(reply->results[1].outputs[0].shape, (Shape{2, 1}));
  EXPECT_THAT(ElementsOf<float>(reply->results[1].outputs[0]), ElementsAre(2, 5));
  EXPECT_THAT(ElementsOf<int64_t>(reply->results[1].outputs[1]), ElementsAre(2, 2));
  EXPECT_THAT(ElementsOf<float>(reply->results[2].outputs[0]), ElementsAre(2.5f));
  EXPECT_EQ(reply->execution_info.backend, "cpu");
  EXPECT_EQ(reply->execution_info.received_bytes, 24);
}

TEST_F(ClientTest, SendsOptions) {
  const Tensor x = MakeTensor<float>(DType::kFloat32, {2}, {3, 4});
  const auto reply = Connect().Reduce(x.view(), {{.op = Op::kVar, .options = VarianceOptions{0}},
                                                 {.op = Op::kVectorNorm, .options = NormOptions{1}},
                                                 {.op = Op::kSum, .dtype = DType::kFloat64}});
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_THAT(ElementsOf<float>(reply->results[0].outputs[0]), ElementsAre(0.25f));
  EXPECT_THAT(ElementsOf<float>(reply->results[1].outputs[0]), ElementsAre(7));
  EXPECT_THAT(ElementsOf<double>(reply->results[2].outputs[0]), ElementsAre(7));
}

TEST_F(ClientTest, SendsOptionsOfSelections) {
  const Tensor x = MakeTensor<float>(DType::kFloat32, {4}, {3, 1, 2, 1});
  const std::vector<Reduction> reductions = {
      {.op = Op::kQuantile, .options = QuantileOptions{0.5, Interpolation::kHigher}},
      {.op = Op::kQuantile, .options = QuantileOptions{std::vector<double>{1}}},
      {.op = Op::kUnique, .options = UniqueOptions{.return_inverse = true, .return_counts = true}},
      {.op = Op::kUniqueConsecutive, .dim = {0}}};
  for (int64_t unary_limit : {0, 1000}) {
    const auto reply = Connect({.unary_limit = unary_limit}).Reduce(x.view(), reductions);
    ASSERT_TRUE(reply.ok()) << reply.status();
    EXPECT_THAT(ElementsOf<float>(reply->results[0].outputs[0]), ElementsAre(2));
    EXPECT_EQ(reply->results[1].outputs[0].shape, (Shape{1}));
    ASSERT_EQ(reply->results[2].outputs.size(), 3u);
    EXPECT_THAT(ElementsOf<float>(reply->results[2].outputs[0]), ElementsAre(1, 2, 3));
    EXPECT_THAT(ElementsOf<int64_t>(reply->results[2].outputs[1]), ElementsAre(2, 0, 1, 0));
    EXPECT_THAT(ElementsOf<int64_t>(reply->results[2].outputs[2]), ElementsAre(2, 1, 1));
    EXPECT_THAT(ElementsOf<float>(reply->results[3].outputs[0]), ElementsAre(3, 1, 2, 1));
  }
}

TEST_F(ClientTest, StreamsTheSameBits) {
  const Tensor x = Arange<float>(DType::kFloat32, {100, 1000});
  const std::vector<Reduction> reductions = {{.op = Op::kStd, .dim = {0}}, {.op = Op::kLogSumExp, .dim = {1}}};
  const auto one = Connect().Reduce(x.view(), reductions);
  const auto streamed = Connect({.unary_limit = 0, .chunk_bytes = 1001}).Reduce(x.view(), reductions);
  const auto read = Connect().Reduce(SourceOf(x, 777), reductions);
  ASSERT_TRUE(one.ok() && streamed.ok() && read.ok()) << one.status() << streamed.status() << read.status();
  for (size_t i = 0; i < reductions.size(); ++i) {
    EXPECT_EQ(one->results[i].outputs[0].data, streamed->results[i].outputs[0].data);
    EXPECT_EQ(one->results[i].outputs[0].data, read->results[i].outputs[0].data);
    EXPECT_EQ(one->results[i].outputs[0].shape, read->results[i].outputs[0].shape);
  }
  EXPECT_EQ(streamed->execution_info.received_bytes, 400'000);
}

TEST_F(ClientTest, ReducesTensorsWithoutElements) {
  const Tensor x = {DType::kFloat32, {0, 3}, {}};
  for (int64_t unary_limit : {0, 1000}) {
    const auto reply = Connect({.unary_limit = unary_limit}).Reduce(x.view(), {{.op = Op::kSum, .dim = {0}}});
    ASSERT_TRUE(reply.ok()) << reply.status();
    EXPECT_THAT(ElementsOf<float>(reply->results[0].outputs[0]), ElementsAre(0, 0, 0));
  }
}

TEST_F(ClientTest, StreamsLargeResultsOfSmallTensors) {
  constexpr int64_t kCount = 3'000'000;  // 12 MB of results, more than the server puts into one message
  const auto reply = Connect().Reduce(TensorView{DType::kFloat32, {0, kCount}, {}}, {{.op = Op::kProd, .dim = {0}}});
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(ElementsOf<float>(reply->results[0].outputs[0]), std::vector<float>(kCount, 1));
}

TEST_F(ClientTest, StreamsWhatTheServerDoesNotTakeInOneMessage) {
  const auto server =
      StartServer({.listen = {"unix:" + SocketPath("small")}, .max_unary_bytes = 64 << 10, .byte_budget = 64 << 20});
  const Tensor x = Arange<int32_t>(DType::kInt32, {100'000});
  const Client client = ConnectTo(server->addresses().front(), {.chunk_bytes = 32 << 10});
  const auto reply = client.Reduce(x.view(), {{.op = Op::kSum}});
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_THAT(ElementsOf<int64_t>(reply->results[0].outputs[0]), ElementsAre(4'999'950'000));
}

TEST_F(ClientTest, ResultsGoIntoTheCallersMemory) {
  const Tensor x = Arange<float>(DType::kFloat32, {2, 3});
  for (int64_t unary_limit : {0, 1000}) {
    std::vector<float> values(2);
    std::vector<int64_t> indices(2);
    const std::vector<absl::Span<std::byte>> out = {{reinterpret_cast<std::byte*>(values.data()), 8},
                                                    {reinterpret_cast<std::byte*>(indices.data()), 16}};
    const auto reply =
        Connect({.unary_limit = unary_limit}).Reduce(x.view(), {{.op = Op::kMax, .dim = {1}}}, {.out = out});
    ASSERT_TRUE(reply.ok()) << reply.status();
    EXPECT_THAT(values, ElementsAre(2, 5));
    EXPECT_THAT(indices, ElementsAre(2, 2));
    EXPECT_EQ(reply->results[0].outputs[1].shape, Shape{2});
    EXPECT_TRUE(reply->results[0].outputs[1].data.empty());
  }
}

TEST_F(ClientTest, NothingIsWrittenToMemoryOfTheWrongSize) {
  const Tensor x = Arange<float>(DType::kFloat32, {2, 3});
  for (int64_t unary_limit : {0, 1000}) {
    std::vector<std::byte> memory(24, std::byte{42});
    const std::vector<absl::Span<std::byte>> out = {absl::MakeSpan(memory).first(8), absl::MakeSpan(memory).last(8)};
    const Client client = Connect({.unary_limit = unary_limit});
    const absl::Status status = client.Reduce(x.view(), {{.op = Op::kMax, .dim = {1}}}, {.out = out}).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_EQ(DetailOf(status)->field, "out[1]");
    EXPECT_THAT(std::string(status.message()), HasSubstr("expected 16 bytes for a result of shape [2]"));
    EXPECT_EQ(memory, std::vector<std::byte>(24, std::byte{42}));
    EXPECT_EQ(DetailOf(client.Reduce(x.view(), {{.op = Op::kSum}}, {.out = out}).status())->field, "out");
  }
}

TEST_F(ClientTest, ErrorsCarryTheirDetail) {
  const Tensor x = Arange<float>(DType::kFloat32, {2, 3});
  for (int64_t unary_limit : {0, 1000}) {
    const absl::Status status = Connect({.unary_limit = unary_limit})
                                    .Reduce(x.view(), {{.op = Op::kSum}, {.op = Op::kSum, .dim = {2}}})
                                    .status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_EQ(status.message(),
              "reductions[1].dim: Dimension out of range (expected to be in range of [-2, 1], but got 2)");
    EXPECT_EQ(DetailOf(status)->field, "reductions[1].dim");
    EXPECT_EQ(DetailOf(status)->reason, "DIM_OUT_OF_RANGE");
  }
}

TEST_F(ClientTest, ARefusedStreamIsNotSentToTheEnd) {
  int calls = 0;
  const auto reply = Connect().Reduce(Zeros(DType::kInt8, {int64_t{1} << 40}, &calls), {{.op = Op::kSum, .dim = {1}}});
  EXPECT_TRUE(absl::IsInvalidArgument(reply.status())) << reply.status();
  EXPECT_LT(calls, 1000);
}

TEST_F(ClientTest, DataIsAsLongAsTheShapeSays) {
  const std::vector<std::byte> bytes(23);
  const absl::Status status = Connect().Reduce({DType::kFloat32, {2, 3}, bytes}, {{.op = Op::kSum}}).status();
  EXPECT_EQ(DetailOf(status)->field, "data");
  EXPECT_THAT(std::string(status.message()), HasSubstr("expected 24 bytes"));
}

TEST_F(ClientTest, ASourceThatEndsTooEarlyIsAnError) {
  const Tensor x = Arange<float>(DType::kFloat32, {5});
  TensorSource source = SourceOf(x, 3);
  source.shape = {1000};
  const absl::Status status = Connect().Reduce(source, {{.op = Op::kSum}}).status();
  EXPECT_EQ(status.message(), "data: ended after 20 of 4000 bytes");
}

TEST_F(ClientTest, TheErrorOfASourceIsReturned) {
  const TensorSource source = {DType::kInt8, {10}, [](absl::Span<std::byte>) { return absl::DataLossError("worms"); }};
  EXPECT_EQ(Connect().Reduce(source, {{.op = Op::kSum}}).status(), absl::DataLossError("worms"));
}

TEST_F(ClientTest, ProgressReachesTheEnd) {
  const Tensor x = Arange<int8_t>(DType::kInt8, {10'000});
  for (int64_t unary_limit : {0, 1'000'000}) {
    std::vector<int64_t> sent;
    const CallOptions options = {.progress = [&](int64_t done, int64_t total) {
      EXPECT_EQ(total, 10'000);
      sent.push_back(done);
    }};
    const Client client = Connect({.unary_limit = unary_limit, .chunk_bytes = 4096});
    ASSERT_TRUE(client.Reduce(x.view(), {{.op = Op::kSum}}, options).ok());
    if (unary_limit == 0) {
      EXPECT_THAT(sent, ElementsAre(4096, 8192, 10'000));
    } else {
      EXPECT_THAT(sent, ElementsAre(10'000));
    }
  }
}

TEST_F(ClientTest, CallsEndAtTheirTimeout) {
  const absl::Time start = absl::Now();
  const auto reply = Connect().Reduce(Zeros(DType::kInt8, {int64_t{1} << 60}), {{.op = Op::kSum}},
                                      {.timeout = absl::Milliseconds(100)});
  EXPECT_TRUE(absl::IsDeadlineExceeded(reply.status())) << reply.status();
  EXPECT_LT(absl::Now() - start, absl::Seconds(10));
}

TEST_F(ClientTest, CallsCanBeCancelled) {
  std::stop_source stop;
  std::thread stopper([&] {
    absl::SleepFor(absl::Milliseconds(50));
    stop.request_stop();
  });
  const auto reply =
      Connect().Reduce(Zeros(DType::kInt8, {int64_t{1} << 60}), {{.op = Op::kSum}}, {.cancel = stop.get_token()});
  EXPECT_TRUE(absl::IsCancelled(reply.status())) << reply.status();
  stopper.join();
  EXPECT_TRUE(absl::IsCancelled(Connect().Health({.cancel = stop.get_token()}))) << "cancelled before it begins";
}

TEST_F(ClientTest, IsThreadSafe) {
  const Client client = Connect({.unary_limit = 10'000});
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int64_t count : {10, 1000, 10'000, 100'000}) {
    threads.emplace_back([&, count] {
      const Tensor x = Arange<int32_t>(DType::kInt32, {count});
      for (int i = 0; i < 20; ++i) {
        const auto reply = client.Reduce(x.view(), {{.op = Op::kSum}});
        if (reply.ok() && ElementsOf<int64_t>(reply->results[0].outputs[0])[0] == count * (count - 1) / 2) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 80);
}

TEST_F(ClientTest, DescribesTheServer) {
  const auto server = Connect().Describe();
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_EQ(server->version, Version());
  EXPECT_THAT(server->backends, ElementsAre("cpu"));
  EXPECT_EQ(server->max_dims, kMaxDims);
  EXPECT_EQ(server->ops.front().name, "sum");
  EXPECT_EQ(server->ops.front().dtypes.size(), kAllDTypes.size());
}

TEST_F(ClientTest, SpeaksTcp) {
  const auto server = StartServer({.listen = {"127.0.0.1:0"}});
  EXPECT_TRUE(ConnectTo(server->addresses().front()).Health().ok());
}

TEST(Client, HealthEndsWithTheServer) {
  absl::StatusOr<std::unique_ptr<Server>> server = Server::Start({.listen = {"unix:" + SocketPath("draining")}});
  ASSERT_TRUE(server.ok()) << server.status();
  const Client client = ConnectTo((*server)->addresses().front());
  EXPECT_TRUE(client.Health().ok());
  (*server)->Drain();
  EXPECT_TRUE(absl::IsUnavailable(client.Health())) << client.Health();
}

TEST(Client, AServerThatIsNotThereIsUnavailable) {
  const absl::Status status =
      ConnectTo("unix:/nonexistent").Reduce(TensorView{DType::kInt8, {0}, {}}, {{.op = Op::kSum}}).status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
}

TEST(Client, RefusesWhatIsNoAddress) {
  for (const char* address : {"", "localhost", "localhost:", ":50051", "unix:", "http://localhost:50051",
                              "localhost:http", "localhost:65536", "localhost:0", "unix:/tmp/%68"}) {
    EXPECT_EQ(DetailOf(Client::Connect(address).status())->field, "address") << address;
  }
}

TEST(Client, RefusesMessagesThatGrpcCannotSend) {
  EXPECT_FALSE(Client::Connect("localhost:1", {.unary_limit = int64_t{4} << 30}).ok());
  EXPECT_FALSE(Client::Connect("localhost:1", {.chunk_bytes = int64_t{4} << 30}).ok());
  EXPECT_FALSE(Client::Connect("localhost:1", {.unary_limit = -1}).ok());
  EXPECT_FALSE(Client::Connect("localhost:1", {.chunk_bytes = 0}).ok());
}

TEST(Client, ACallThatIsStuckInAWriteEndsWithTheConnection) {
  const std::string path = SocketPath("silent");
  auto server = std::make_unique<SilentServer>(path);
  const Client client = ConnectTo("unix:" + path);
  auto bytes = std::make_unique<std::vector<std::byte>>(64 << 20);
  std::thread closer([&] {  // well after the deadline
    absl::SleepFor(absl::Seconds(1));
    server.reset();
  });
  const auto reply =
      client.Reduce({DType::kInt8, {64 << 20}, *bytes}, {{.op = Op::kSum}}, {.timeout = absl::Milliseconds(100)});
  bytes.reset();  // gRPC has let go of it
  EXPECT_TRUE(absl::IsDeadlineExceeded(reply.status())) << reply.status();
  closer.join();
}

}  // namespace
}  // namespace treduce
