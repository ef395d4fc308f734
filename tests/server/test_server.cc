// Starts servers and speaks to them.
#include "tests/server/test_server.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/create_channel.h"
#include "gtest/gtest.h"

namespace treduce {
namespace {

std::string NewSocket() {
  static std::atomic<int> count = 0;
  return absl::StrCat("unix:", testing::TempDir(), "/treduce-", getpid(), "-", ++count);
}

// The first detail of this type; nullopt when there is none.
template <class Detail>
std::optional<Detail> DetailOf(const grpc::Status& status) {
  google::rpc::Status proto;
  if (!proto.ParseFromString(status.error_details())) return std::nullopt;
  for (const auto& any : proto.details()) {
    Detail detail;
    if (any.UnpackTo(&detail)) return detail;
  }
  return std::nullopt;
}

}  // namespace

TestServer::TestServer(Config config, std::unique_ptr<Engine> engine) {
  config.listen = {NewSocket()};
  config.drain_timeout = std::min(config.drain_timeout, absl::Seconds(5));
  absl::StatusOr<std::unique_ptr<Server>> server = Server::Start(config, std::move(engine));
  if (!server.ok()) ADD_FAILURE() << server.status();
  server_ = *std::move(server);
}

std::shared_ptr<grpc::Channel> TestServer::Connect() const {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(-1);
  return grpc::CreateCustomChannel(server_->addresses().front(), grpc::InsecureChannelCredentials(), arguments);
}

void TestServer::ExpectServing() {
  ExpectNothingInUse();
  grpc::ClientContext context;
  v1::ReduceResponse response;
  const grpc::Status status = v1::ReductionService::NewStub(Connect())->Reduce(&context, SumOfOnes(3), &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.results_size(), 1);
  ExpectNothingInUse();
}

void TestServer::ExpectNothingInUse() {
  // What was sent is given back once gRPC has written it, which may be after the client has it.
  const absl::Time deadline = absl::Now() + absl::Seconds(10);
  while (absl::Now() < deadline && (server_->bytes_in_use() > 0 || server_->calls_in_use() > 0)) {
    absl::SleepFor(absl::Milliseconds(1));
  }
  EXPECT_EQ(server_->bytes_in_use(), 0);
  EXPECT_EQ(server_->calls_in_use(), 0);
}

RawCall::RawCall(const std::shared_ptr<grpc::Channel>& channel, const std::string& method, absl::Duration timeout)
    : stub_(channel) {
  context_.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  stream_ = stub_.PrepareCall(&context_, method, &queue_);
  stream_->StartCall(this);
  Next();
}

RawCall::~RawCall() {
  if (!finished_) {
    Cancel();
    Finish();
  }
  queue_.Shutdown();
  while (Next()) continue;
}

bool RawCall::Write(std::string_view message) {
  const grpc::Slice slice(message.data(), message.size());
  stream_->Write(grpc::ByteBuffer(&slice, 1), this);
  return Next();
}

void RawCall::WritesDone() {
  stream_->WritesDone(this);
  Next();
}

std::optional<std::string> RawCall::Read() {
  grpc::ByteBuffer message;
  stream_->Read(&message, this);
  if (!Next()) return std::nullopt;
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!message.Dump(&slices).ok()) return bytes;
  for (const grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes;
}

grpc::Status RawCall::Finish() {
  grpc::Status status;
  finished_ = true;
  stream_->Finish(&status, this);
  Next();
  return status;
}

bool RawCall::Next() {
  void* tag;
  bool ok;
  return queue_.Next(&tag, &ok) && ok;
}

grpc::Status Exchange(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                      const std::vector<std::string>& messages) {
  RawCall call(channel, method);
  for (const std::string& message : messages) {
    if (!call.Write(message)) break;
  }
  call.WritesDone();
  while (call.Read().has_value()) continue;
  return call.Finish();
}

google::rpc::ErrorInfo ErrorInfoOf(const grpc::Status& status) {
  return DetailOf<google::rpc::ErrorInfo>(status).value_or(google::rpc::ErrorInfo());
}

bool HasRetryInfo(const grpc::Status& status) { return DetailOf<google::rpc::RetryInfo>(status).has_value(); }

v1::ReductionSpec SumOfFloats(const std::vector<int64_t>& shape) {
  v1::ReductionSpec spec;
  spec.set_dtype(v1::DTYPE_FLOAT32);
  spec.mutable_shape()->Assign(shape.begin(), shape.end());
  spec.add_reductions()->set_op(v1::OP_SUM);
  return spec;
}

v1::ReduceRequest SumOfOnes(int64_t count) {
  v1::ReduceRequest request;
  *request.mutable_spec() = SumOfFloats({count});
  const std::vector<float> ones(count, 1.0f);
  request.set_data(ones.data(), ones.size() * sizeof(float));
  return request;
}

}  // namespace treduce
