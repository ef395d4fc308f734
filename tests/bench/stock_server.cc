// What most people would write: a generated, synchronous gRPC service that takes the tensor as a `bytes` field. It sums
// with the same engine as treduce, so that only the way of the bytes differs. Its message limits are lifted; the rest
// is gRPC's default. Usage: treduce-stock-server --listen ADDRESS
#include <grpcpp/grpcpp.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "server/engine/engine.h"
#include "tests/bench/stock.grpc.pb.h"

namespace treduce::bench {
namespace {

class StockServiceImpl final : public StockService::Service {
 public:
  grpc::Status Sum(grpc::ServerContext*, const SumRequest* request, SumResponse* response) override {
    const std::string& data = request->data();
    const TensorView view = {DType::kFloat32,
                             {static_cast<int64_t>(data.size() / sizeof(float))},
                             {reinterpret_cast<const std::byte*>(data.data()), data.size()}};
    const auto results = engine_.Reduce(view, {{.op = Op::kSum}});
    if (!results.ok()) {
      return {static_cast<grpc::StatusCode>(results.status().code()), std::string(results.status().message())};
    }
    float sum;
    std::memcpy(&sum, results->front().outputs.front().data.data(), sizeof(sum));
    response->set_sum(sum);
    return grpc::Status::OK;
  }

 private:
  Engine engine_;
};

int Serve(const std::string& address) {
  StockServiceImpl service;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  builder.SetMaxReceiveMessageSize(-1);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server) return 1;
  server->Wait();
  return 0;
}

}  // namespace
}  // namespace treduce::bench

int main(int argc, char** argv) {
  if (argc == 3 && std::string(argv[1]) == "--listen") return treduce::bench::Serve(argv[2]);
  std::fprintf(stderr, "usage: treduce-stock-server --listen HOST:PORT|unix:PATH\n");
  return 2;
}
