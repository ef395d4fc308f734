// The contenders: see contender.h.
#include "tests/bench/contender.h"

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <cstring>
#include <utility>

#include "client/cpp/client.h"
#include "tests/bench/socket.h"
#include "tests/bench/stock.grpc.pb.h"

namespace treduce::bench {
namespace {

absl::Span<const std::byte> Bytes(absl::Span<const float> data) {
  return {reinterpret_cast<const std::byte*>(data.data()), data.size() * sizeof(float)};
}

class Raw final : public Contender {
 public:
  explicit Raw(Socket socket) : socket_(std::move(socket)) {}

  void Prepare(absl::Span<const float> data) override { data_ = Bytes(data); }

  absl::StatusOr<float> Sum() override {
    const auto byte_count = static_cast<int64_t>(data_.size());
    absl::Status status = socket_.SendAll({reinterpret_cast<const std::byte*>(&byte_count), sizeof(byte_count)});
    if (status.ok()) status = socket_.SendAll(data_);
    float sum = 0;
    if (status.ok()) status = socket_.ReceiveAll({reinterpret_cast<std::byte*>(&sum), sizeof(sum)});
    if (!status.ok()) return status;
    return sum;
  }

 private:
  Socket socket_;
  absl::Span<const std::byte> data_;
};

class Stock final : public Contender {
 public:
  explicit Stock(const std::string& address) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxSendMessageSize(-1);
    stub_ = StockService::NewStub(grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments));
  }

  void Prepare(absl::Span<const float> data) override {
    request_ = SumRequest();
    request_.set_data(data.data(), data.size() * sizeof(float));
  }

  absl::StatusOr<float> Sum() override {
    grpc::ClientContext context;
    SumResponse response;
    const grpc::Status status = stub_->Sum(&context, request_, &response);
    if (!status.ok()) {
      return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
    }
    return response.sum();
  }

 private:
  std::unique_ptr<StockService::Stub> stub_;
  SumRequest request_;
};

class Treduce final : public Contender {
 public:
  explicit Treduce(Client client) : client_(std::move(client)) {}

  void Prepare(absl::Span<const float> data) override {
    tensor_ = {DType::kFloat32, {static_cast<int64_t>(data.size())}, Bytes(data)};
  }

  absl::StatusOr<float> Sum() override {
    const absl::StatusOr<ReduceReply> reply = client_.Reduce(tensor_, {{.op = Op::kSum}});
    if (!reply.ok()) return reply.status();
    float sum;
    std::memcpy(&sum, reply->results.front().outputs.front().data.data(), sizeof(sum));
    return sum;
  }

 private:
  Client client_;
  TensorView tensor_;
};

absl::StatusOr<std::unique_ptr<Contender>> ConnectTreduce(const std::string& address, int64_t unary_limit) {
  absl::StatusOr<Client> client = Client::Connect(address, {.unary_limit = unary_limit});
  if (!client.ok()) return client.status();
  return std::make_unique<Treduce>(*std::move(client));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Contender>> ConnectUnary(const std::string& address) {
  return ConnectTreduce(address, int64_t{1} << 30);
}

absl::StatusOr<std::unique_ptr<Contender>> ConnectStream(const std::string& address) {
  return ConnectTreduce(address, 0);
}

absl::StatusOr<std::unique_ptr<Contender>> ConnectRaw(const std::string& address) {
  absl::StatusOr<Socket> socket = Connect(address);
  if (!socket.ok()) return socket.status();
  return std::make_unique<Raw>(*std::move(socket));
}

absl::StatusOr<std::unique_ptr<Contender>> ConnectStock(const std::string& address) {
  return std::make_unique<Stock>(address);
}

}  // namespace treduce::bench
