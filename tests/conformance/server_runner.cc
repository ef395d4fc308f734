// A server: by the generated stubs, which are the API as any client sees it and send chunks of any size, and by the
// C++ client.
#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cpp/client.h"
#include "grpcpp/grpcpp.h"
#include "tests/conformance/runner.h"
#include "treduce/v1/treduce.grpc.pb.h"

namespace treduce::conformance {
namespace {

// One byte; a few, so that elements straddle chunks; a round number; near a page, but coprime to it.
constexpr size_t kChunkBytes[] = {1, 3, 7, 64, 4093};
// Chunks are larger where there would be more than this many, which would only take time.
constexpr size_t kMaxChunks = 256;
// So that the client sends some of the tensors as one message, and streams others.
constexpr int64_t kClientUnaryLimit = 64;
constexpr std::chrono::seconds kTimeout{60};

void ToProto(const TensorView& tensor, const Reduction& reduction, v1::ReductionSpec& spec) {
  spec.set_dtype(static_cast<v1::Dtype>(tensor.dtype));
  spec.mutable_shape()->Add(tensor.shape.begin(), tensor.shape.end());
  v1::Reduction& out = *spec.add_reductions();
  out.set_op(static_cast<v1::Op>(reduction.op));
  out.mutable_dim()->Add(reduction.dim.begin(), reduction.dim.end());
  out.set_keepdim(reduction.keepdim);
  if (reduction.dtype) out.set_dtype(static_cast<v1::Dtype>(*reduction.dtype));
  if (const auto* variance = std::get_if<VarianceOptions>(&reduction.options)) {
    out.mutable_variance()->set_correction(variance->correction);
  } else if (const auto* norm = std::get_if<NormOptions>(&reduction.options)) {
    out.mutable_norm()->set_ord(norm->ord);
  } else if (const auto* quantile = std::get_if<QuantileOptions>(&reduction.options)) {
    out.mutable_quantile()->set_interpolation(static_cast<v1::Interpolation>(quantile->interpolation));
    const std::vector<double>& q = quantile->q.values();
    if (quantile->q.is_list()) {
      out.mutable_quantile()->mutable_list()->mutable_values()->Add(q.begin(), q.end());
    } else {
      out.mutable_quantile()->set_scalar(q[0]);
    }
  }
}

absl::StatusOr<std::vector<Tensor>> FromProto(const google::protobuf::RepeatedPtrField<v1::ReductionResult>& results) {
  if (results.size() != 1) return absl::InternalError(absl::StrCat(results.size(), " results for one reduction"));
  std::vector<Tensor> outputs;
  for (const v1::Tensor& tensor : results[0].tensors()) {
    const auto* data = reinterpret_cast<const std::byte*>(tensor.data().data());
    outputs.push_back({static_cast<DType>(tensor.dtype()),
                       Shape(tensor.shape().begin(), tensor.shape().end()),
                       {data, data + tensor.data().size()}});
  }
  return outputs;
}

absl::Status ToStatus(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

class UnaryRunner : public Runner {
 public:
  explicit UnaryRunner(const std::shared_ptr<grpc::Channel>& channel) : stub_(v1::ReductionService::NewStub(channel)) {}

  std::string name() const override { return "unary"; }

  absl::StatusOr<std::vector<Tensor>> Reduce(const TensorView& tensor, const Reduction& reduction) override {
    v1::ReduceRequest request;
    ToProto(tensor, reduction, *request.mutable_spec());
    request.set_data(tensor.data.data(), tensor.data.size());
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kTimeout);
    v1::ReduceResponse response;
    if (grpc::Status status = stub_->Reduce(&context, request, &response); !status.ok()) return ToStatus(status);
    return FromProto(response.results());
  }

 private:
  std::unique_ptr<v1::ReductionService::Stub> stub_;
};

class StreamRunner : public Runner {
 public:
  StreamRunner(const std::shared_ptr<grpc::Channel>& channel, size_t chunk_bytes)
      : stub_(v1::ReductionService::NewStub(channel)), chunk_bytes_(chunk_bytes) {}

  std::string name() const override { return absl::StrCat(chunk_bytes_, "-byte chunks"); }

  absl::StatusOr<std::vector<Tensor>> Reduce(const TensorView& tensor, const Reduction& reduction) override {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kTimeout);
    auto stream = stub_->ReduceStream(&context);
    Send(tensor, reduction, *stream);
    v1::ResultHeader header;
    std::string bytes;
    v1::ReduceStreamResponse response;
    while (stream->Read(&response)) {
      if (response.has_header()) header = response.header();
      if (response.has_chunk()) bytes += response.chunk();
    }
    if (grpc::Status status = stream->Finish(); !status.ok()) return ToStatus(status);
    return Join(header, bytes);
  }

 private:
  using Stream = grpc::ClientReaderWriter<v1::ReduceStreamRequest, v1::ReduceStreamResponse>;

  // A server that refuses stops reading; the reason comes with the status.
  void Send(const TensorView& tensor, const Reduction& reduction, Stream& stream) const {
    v1::ReduceStreamRequest request;
    ToProto(tensor, reduction, *request.mutable_spec());
    const auto together = grpc::WriteOptions().set_buffer_hint();
    bool reading = stream.Write(request, together);
    const size_t step = std::max(chunk_bytes_, tensor.data.size() / kMaxChunks);
    for (size_t at = 0; reading && at < tensor.data.size(); at += step) {
      request.set_chunk(tensor.data.data() + at, std::min(step, tensor.data.size() - at));
      reading = stream.Write(request, together);
    }
    stream.WritesDone();
  }

  // Gives each tensor of the header its bytes.
  static absl::StatusOr<std::vector<Tensor>> Join(const v1::ResultHeader& header, const std::string& bytes) {
    absl::StatusOr<std::vector<Tensor>> outputs = FromProto(header.results());
    if (!outputs.ok()) return outputs.status();
    const auto* data = reinterpret_cast<const std::byte*>(bytes.data());
    size_t at = 0;
    for (Tensor& output : *outputs) {
      absl::StatusOr<int64_t> count = ElementCount(output.shape);
      if (!count.ok()) return count.status();
      const size_t size = std::min(static_cast<size_t>(*count) * ByteSize(output.dtype), bytes.size() - at);
      output.data.assign(data + at, data + at + size);
      at += size;
    }
    if (at != bytes.size()) return absl::InternalError(absl::StrCat(bytes.size() - at, " bytes after the results"));
    return outputs;
  }

  std::unique_ptr<v1::ReductionService::Stub> stub_;
  const size_t chunk_bytes_;
};

class ClientRunner : public Runner {
 public:
  explicit ClientRunner(Client client) : client_(std::move(client)) {}

  std::string name() const override { return "client"; }

  absl::StatusOr<std::vector<Tensor>> Reduce(const TensorView& tensor, const Reduction& reduction) override {
    absl::StatusOr<ReduceReply> reply = client_.Reduce(tensor, {reduction}, {.timeout = absl::FromChrono(kTimeout)});
    if (!reply.ok()) return reply.status();
    auto& outputs = reply->results[0].outputs;
    return std::vector<Tensor>(std::make_move_iterator(outputs.begin()), std::make_move_iterator(outputs.end()));
  }

 private:
  const Client client_;
};

}  // namespace

absl::StatusOr<std::vector<std::unique_ptr<Runner>>> NewServerRunners(const std::string& address) {
  const auto channel = grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
  if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(5))) {
    return absl::UnavailableError(absl::StrCat("no server answers at ", address));
  }
  absl::StatusOr<Client> client = Client::Connect(address, {.unary_limit = kClientUnaryLimit});
  if (!client.ok()) return client.status();
  std::vector<std::unique_ptr<Runner>> runners;
  runners.push_back(std::make_unique<ClientRunner>(*std::move(client)));
  runners.push_back(std::make_unique<UnaryRunner>(channel));
  for (size_t bytes : kChunkBytes) runners.push_back(std::make_unique<StreamRunner>(channel, bytes));
  for (auto& runner : NewInferenceRunners(address)) runners.push_back(std::move(runner));
  return runners;
}

}  // namespace treduce::conformance
