// Small requests: see small_load.h.
#include "tests/bench/small_load.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/bench/stock.pb.h"
#include "treduce/v1/treduce.pb.h"

namespace treduce::bench {
namespace {

constexpr std::array<float, 8> kElements = {1, 2, 3, 4, 5, 6, 7, 8};
constexpr float kSum = 36;

std::string ElementBytes() { return {reinterpret_cast<const char*>(kElements.data()), sizeof(kElements)}; }

// A call under way. Completion queues hand back its address.
struct Call {
  grpc::ClientContext context;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
  grpc::ByteBuffer response;
  grpc::Status status;
  absl::Time start;
};

absl::Status CheckAnswer(const Call& call, const SmallRequest& request) {
  if (!call.status.ok()) {
    return absl::Status(static_cast<absl::StatusCode>(call.status.error_code()),
                        absl::StrCat(request.method, ": ", call.status.error_message()));
  }
  grpc::Slice slice;
  if (!call.response.DumpToSingleSlice(&slice).ok() ||
      !request.is_answer({reinterpret_cast<const char*>(slice.begin()), slice.size()})) {
    return absl::DataLossError(absl::StrCat(request.method, " gave a wrong answer"));
  }
  return absl::OkStatus();
}

}  // namespace

SmallRequest SmallTreduceRequest() {
  v1::ReduceRequest request;
  request.mutable_spec()->set_dtype(v1::DTYPE_FLOAT32);
  request.mutable_spec()->add_shape(kElements.size());
  request.mutable_spec()->add_reductions()->set_op(v1::OP_SUM);
  request.set_data(ElementBytes());
  return {"/treduce.v1.ReductionService/Reduce", request.SerializeAsString(), [](const std::string& bytes) {
            v1::ReduceResponse response;
            if (!response.ParseFromString(bytes) || response.results_size() != 1) return false;
            const std::string expected(reinterpret_cast<const char*>(&kSum), sizeof(kSum));
            return response.results(0).tensors_size() == 1 && response.results(0).tensors(0).data() == expected;
          }};
}

SmallRequest SmallStockRequest() {
  SumRequest request;
  request.set_data(ElementBytes());
  return {"/treduce.bench.StockService/Sum", request.SerializeAsString(), [](const std::string& bytes) {
            SumResponse response;
            return response.ParseFromString(bytes) && response.sum() == kSum;
          }};
}

class SmallLoad::Impl {
 public:
  Impl(const std::string& address, SmallRequest request)
      : request_(std::move(request)), stub_(grpc::CreateChannel(address, grpc::InsecureChannelCredentials())) {
    const grpc::Slice slice(request_.bytes);
    request_buffer_ = grpc::ByteBuffer(&slice, 1);
  }

  ~Impl() {
    queue_.Shutdown();
    void* tag;
    bool ok;
    while (queue_.Next(&tag, &ok)) {
    }
  }

  absl::StatusOr<LoadResult> Run(int in_flight, absl::Duration duration) {
    LoadResult result = {};
    absl::Status status;
    const absl::Time begin = absl::Now();
    for (int i = 0; i < in_flight; ++i) StartCall();
    while (in_flight > 0) {
      void* tag;
      bool ok;
      queue_.Next(&tag, &ok);
      const std::unique_ptr<Call> call(static_cast<Call*>(tag));
      const absl::Time now = absl::Now();
      status.Update(CheckAnswer(*call, request_));
      result.latencies.push_back(absl::ToDoubleSeconds(now - call->start));
      if (status.ok() && now - begin < duration) {
        StartCall();
      } else {
        --in_flight;
      }
    }
    if (!status.ok()) return status;
    result.requests_per_second =
        static_cast<double>(result.latencies.size()) / absl::ToDoubleSeconds(absl::Now() - begin);
    std::sort(result.latencies.begin(), result.latencies.end());
    return result;
  }

 private:
  // The queue's tag owns the call.
  void StartCall() {
    auto call = std::make_unique<Call>();
    call->start = absl::Now();
    call->reader = stub_.PrepareUnaryCall(&call->context, request_.method, request_buffer_, &queue_);
    call->reader->StartCall();
    call->reader->Finish(&call->response, &call->status, call.get());
    call.release();
  }

  const SmallRequest request_;
  grpc::ByteBuffer request_buffer_;
  grpc::GenericStub stub_;
  grpc::CompletionQueue queue_;
};

SmallLoad::SmallLoad(const std::string& address, SmallRequest request)
    : impl_(std::make_unique<Impl>(address, std::move(request))) {}

SmallLoad::~SmallLoad() = default;

absl::StatusOr<LoadResult> SmallLoad::Run(int in_flight, absl::Duration duration) {
  return impl_->Run(in_flight, duration);
}

absl::StatusOr<absl::Duration> SmallLoad::RunOne() {
  const absl::StatusOr<LoadResult> result = impl_->Run(1, absl::ZeroDuration());
  if (!result.ok()) return result.status();
  return absl::Seconds(result->latencies.front());
}

}  // namespace treduce::bench
