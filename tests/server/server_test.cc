// Listening, health, reflection and draining.
#include "server/server.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <fstream>
#include <future>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "grpc/reflection/v1/reflection.pb.h"
#include "grpcpp/create_channel.h"
#include "gtest/gtest.h"
#include "tests/server/test_server.h"

namespace treduce {
namespace {

using grpc::health::v1::Health;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using grpc::reflection::v1::ServerReflectionRequest;
using grpc::reflection::v1::ServerReflectionResponse;
using testing::HasSubstr;
using testing::StartsWith;

HealthCheckRequest HealthOf(const std::string& service) {
  HealthCheckRequest request;
  request.set_service(service);
  return request;
}

grpc::Status Check(const std::shared_ptr<grpc::Channel>& channel, const std::string& service,
                   HealthCheckResponse* response) {
  grpc::ClientContext context;
  return Health::NewStub(channel)->Check(&context, HealthOf(service), response);
}

grpc::Status Reduce(const std::shared_ptr<grpc::Channel>& channel) {
  grpc::ClientContext context;
  v1::ReduceResponse response;
  return v1::ReductionService::NewStub(channel)->Reduce(&context, SumOfOnes(2), &response);
}

// A stream under way: its spec has been admitted.
std::unique_ptr<RawCall> StartStream(TestServer& server) {
  auto call = std::make_unique<RawCall>(server.Connect(), kReduceStream);
  v1::ReduceStreamRequest spec;
  *spec.mutable_spec() = SumOfFloats({1});
  EXPECT_TRUE(call->Write(spec.SerializeAsString()));
  while (server.server().bytes_in_use() == 0) absl::SleepFor(absl::Milliseconds(1));
  return call;
}

grpc::Status FinishStream(RawCall& call) {
  v1::ReduceStreamRequest chunk;
  chunk.set_chunk("1234");
  call.Write(chunk.SerializeAsString());
  call.WritesDone();
  while (call.Read().has_value()) continue;
  return call.Finish();
}

TEST(Server, ListensOnSeveralAddresses) {
  Config config;
  config.listen = {"127.0.0.1:0", absl::StrCat("unix:", testing::TempDir(), "/several-", getpid())};
  const auto server = Server::Start(config);
  ASSERT_TRUE(server.ok()) << server.status();
  const std::vector<std::string>& addresses = (*server)->addresses();
  ASSERT_EQ(addresses.size(), 2);
  EXPECT_THAT(addresses[0], StartsWith("127.0.0.1:"));
  EXPECT_NE(addresses[0], "127.0.0.1:0");
  for (const std::string& address : addresses) {
    EXPECT_TRUE(Reduce(grpc::CreateChannel(address, grpc::InsecureChannelCredentials())).ok()) << address;
    EXPECT_THAT((*server)->Summary(), HasSubstr(address));
  }
}

TEST(Server, RefusesAddressesInUse) {
  Config config;
  config.listen = {"127.0.0.1:0"};
  const auto first = Server::Start(config);
  ASSERT_TRUE(first.ok());
  config.listen = (*first)->addresses();
  const auto second = Server::Start(config);
  EXPECT_THAT(std::string(second.status().message()), StartsWith("cannot listen on 127.0.0.1:"));
}

TEST(Server, RefusesTheSocketOfAnotherServer) {
  TestServer first;
  Config config;
  config.listen = first.server().addresses();
  EXPECT_THAT(std::string(Server::Start(config).status().message()), HasSubstr("another server"));
  first.ExpectServing();
}

TEST(Server, ReplacesAStaleSocketButNoOtherFile) {
  const std::string path = absl::StrCat(testing::TempDir(), "/stale-", getpid());
  Config config;
  config.listen = {"unix:" + path};
  sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(name.sun_path, sizeof(name.sun_path) - 1);
  const int abandoned = socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(bind(abandoned, reinterpret_cast<const sockaddr*>(&name), sizeof(name)), 0);
  close(abandoned);
  EXPECT_TRUE(Server::Start(config).ok());

  std::ofstream(path) << "precious";
  EXPECT_THAT(std::string(Server::Start(config).status().message()), HasSubstr("not a socket"));
  unlink(path.c_str());
}

TEST(Server, AnswersHealthChecks) {
  TestServer server;
  HealthCheckResponse response;
  for (const std::string service : {"", "treduce.v1.ReductionService"}) {
    ASSERT_TRUE(Check(server.Connect(), service, &response).ok());
    EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  }
  EXPECT_EQ(Check(server.Connect(), "other", &response).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Exchange(server.Connect(), "/grpc.health.v1.Health/Check", {"\x0a\x05"}).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Check(server.Connect(), std::string(5000, 'x'), &response).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

TEST(Server, TellsWatchersThatItDrains) {
  TestServer server;
  const auto stub = Health::NewStub(server.Connect());
  grpc::ClientContext context, other_context, cancelled_context;
  const auto watch = stub->Watch(&context, HealthOf(""));
  const auto other = stub->Watch(&other_context, HealthOf("other"));
  const auto cancelled = stub->Watch(&cancelled_context, HealthOf(""));
  HealthCheckResponse response;
  ASSERT_TRUE(other->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVICE_UNKNOWN);
  ASSERT_TRUE(cancelled->Read(&response));
  cancelled_context.TryCancel();
  EXPECT_EQ(cancelled->Finish().error_code(), grpc::StatusCode::CANCELLED);
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);

  const absl::Time start = absl::Now();
  server.server().Drain();
  EXPECT_LT(absl::Now() - start, absl::Seconds(3));  // watchers do not hold it up
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  while (watch->Read(&response)) continue;
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST(Server, AnswersUnknownMethods) {
  TestServer server;
  EXPECT_EQ(Exchange(server.Connect(), "/treduce.v1.ReductionService/Nothing", {""}).error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
}

TEST(Server, ReflectsItself) {
  TestServer server;
  for (const std::string version : {"v1", "v1alpha"}) {
    RawCall call(server.Connect(), "/grpc.reflection." + version + ".ServerReflection/ServerReflectionInfo");
    const auto ask = [&](const ServerReflectionRequest& request) {
      EXPECT_TRUE(call.Write(request.SerializeAsString()));
      ServerReflectionResponse response;
      EXPECT_TRUE(response.ParseFromString(call.Read().value_or("")));
      return response;
    };
    ServerReflectionRequest request;
    request.set_list_services("");
    EXPECT_EQ(ask(request).list_services_response().service(0).name(), "treduce.v1.ReductionService");

    request.set_file_containing_symbol("treduce.v1.ReductionService.Reduce");
    const ServerReflectionResponse by_symbol = ask(request);
    EXPECT_EQ(by_symbol.file_descriptor_response().file_descriptor_proto_size(), 2);  // with duration.proto
    request.set_file_by_filename("treduce/v1/treduce.proto");
    EXPECT_EQ(ask(request).file_descriptor_response().SerializeAsString(),
              by_symbol.file_descriptor_response().SerializeAsString());

    request.set_file_by_filename("nothing.proto");
    EXPECT_EQ(ask(request).error_response().error_code(), grpc::StatusCode::NOT_FOUND);
    EXPECT_EQ(ask({}).error_response().error_code(), grpc::StatusCode::UNIMPLEMENTED);
    request.set_host(std::string(5000, 'x'));
    EXPECT_TRUE(call.Write(request.SerializeAsString()));
    EXPECT_EQ(call.Read(), std::nullopt);
    EXPECT_EQ(call.Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  }
}

TEST(Server, DrainsWithoutLoss) {
  TestServer server;
  const std::unique_ptr<RawCall> call = StartStream(server);
  std::future<void> drained = std::async(std::launch::async, [&] { server.server().Drain(); });
  EXPECT_EQ(drained.wait_for(std::chrono::milliseconds(300)), std::future_status::timeout);
  EXPECT_EQ(Reduce(server.Connect()).error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_TRUE(FinishStream(*call).ok());
  drained.get();
  EXPECT_EQ(server.server().calls_in_use(), 0);
}

TEST(Server, ServesDuringTheDrainDelay) {
  Config config;
  config.drain_delay = absl::Seconds(1);
  TestServer server(config);
  const auto channel = server.Connect();
  ASSERT_TRUE(Reduce(channel).ok());
  std::future<void> drained = std::async(std::launch::async, [&] { server.server().Drain(); });
  HealthCheckResponse response;
  do {
    ASSERT_TRUE(Check(channel, "", &response).ok());
  } while (response.status() == HealthCheckResponse::SERVING);
  EXPECT_TRUE(Reduce(channel).ok());
  drained.get();
  EXPECT_EQ(Reduce(channel).error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST(Server, CancelsWhatOutlastsTheDrainTimeout) {
  Config config;
  config.drain_timeout = absl::Milliseconds(200);
  TestServer server(config);
  const std::unique_ptr<RawCall> call = StartStream(server);
  server.server().Drain();
  EXPECT_EQ(server.server().calls_in_use(), 0);
  EXPECT_FALSE(FinishStream(*call).ok());
}

TEST(Server, StopsWithCallsUnderWay) {
  std::unique_ptr<RawCall> call;
  {
    TestServer server;
    call = StartStream(server);
  }
  EXPECT_FALSE(FinishStream(*call).ok());
}

TEST(Server, ServesManyClientsOnSeveralThreads) {
  Config config;
  config.receive_threads = 2;
  config.worker_threads = 2;
  TestServer server(config);
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&, i] {
      const auto channel = server.Connect();
      for (int j = 0; j < 100; ++j) {
        if ((i + j) % 5 == 0) {
          RawCall vanishing(channel, kReduceStream);
        } else {
          EXPECT_TRUE(Reduce(channel).ok());
        }
      }
    });
  }
  for (std::thread& client : clients) client.join();
  server.ExpectServing();
}

}  // namespace
}  // namespace treduce
