// See client.h. Spec and payload go out as slices of one raw message: the payload is never copied or parsed.
#include "client/cpp/client.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/channel_arguments.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/cpp/call.h"
#include "client/cpp/convert.h"
#include "client/cpp/receiver.h"
#include "grpc/health/v1/health.pb.h"
#include "server/engine/values/errors.h"
#include "treduce/v1/treduce.pb.h"

namespace treduce {
namespace {

using client::BytesFieldHead;
using client::Call;
using client::Loan;
using client::Message;
using client::Receiver;

constexpr char kReduce[] = "/treduce.v1.ReductionService/Reduce";
constexpr char kReduceStream[] = "/treduce.v1.ReductionService/ReduceStream";
constexpr char kDescribeServer[] = "/treduce.v1.ReductionService/DescribeServer";
constexpr char kHealthCheck[] = "/grpc.health.v1.Health/Check";

// The length of a gRPC message has 32 bits, and gRPC does not check.
constexpr int64_t kMaxMessageBytes = int64_t{1} << 30;

// Bytes that gRPC takes ahead of what it has written.
constexpr int kWriteBufferBytes = 1 << 20;

constexpr int kPingIntervalMs = 30'000;
constexpr int kPingTimeoutMs = 20'000;

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& target) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetInt(GRPC_ARG_HTTP2_WRITE_BUFFER_SIZE, kWriteBufferBytes);
  // A server that is gone is noticed: while it is awaited by pings, and while it is written to by TCP, which gRPC tells
  // not to wait for longer than for the answer to a ping.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kPingIntervalMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kPingTimeoutMs);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
}

// "HOST:PORT" or "unix:PATH", without what has a meaning in the URIs that gRPC takes them for.
bool IsAddress(absl::string_view address) {
  if (address.find_first_of("%?#") != address.npos) return false;
  if (absl::ConsumePrefix(&address, "unix:")) return !address.empty();
  const size_t colon = address.rfind(':');
  int port;
  return colon != address.npos && colon > 0 && !absl::StrContains(address, '/') &&
         absl::SimpleAtoi(address.substr(colon + 1), &port) && port > 0 && port <= 65535;
}

// Upper bound of the bytes of the results, saturating. Dims that are wrong count as kept: the server refuses them.
int64_t ResultBound(absl::Span<const int64_t> shape, absl::Span<const Reduction> reductions) {
  constexpr int64_t kMaxOutputBytes = 32;  // of one kept element: two of complex128, or two of int64 and another
  const auto dims = static_cast<int64_t>(shape.size());
  int64_t bound = 0;
  for (const Reduction& reduction : reductions) {
    Shape kept(shape.begin(), reduction.dim.empty() ? shape.begin() : shape.end());
    const bool is_unique = reduction.op == Op::kUnique || reduction.op == Op::kUniqueConsecutive;
    if (is_unique) kept.assign(shape.begin(), shape.end());
    for (int64_t dim : is_unique ? std::vector<int64_t>() : reduction.dim) {
      if (-dims <= dim && dim < dims) kept[dim < 0 ? dim + dims : dim] = 1;
    }
    if (const auto* quantile = std::get_if<QuantileOptions>(&reduction.options)) {
      kept.push_back(static_cast<int64_t>(quantile->q.values().size()));
    }
    const int64_t count = ElementCount(kept).value_or(INT64_MAX);
    int64_t bytes;
    if (__builtin_mul_overflow(count, kMaxOutputBytes, &bytes) || __builtin_add_overflow(bound, bytes, &bound)) {
      return INT64_MAX;
    }
  }
  return bound;
}

template <typename Proto>
absl::StatusOr<Proto> CallUnary(grpc::GenericStub& stub, const char* method,
                                const google::protobuf::MessageLite& request, const CallOptions& options) {
  grpc::CompletionQueue queue;
  absl::StatusOr<grpc::ByteBuffer> response =
      Call(&stub, &queue, options).Unary(method, Message(request.SerializeAsString()));
  if (!response.ok()) return response.status();
  grpc::ProtoBufferReader reader(&*response);
  Proto proto;
  if (!proto.ParseFromZeroCopyStream(&reader)) return absl::InternalError("the server's response is malformed");
  return proto;
}

}  // namespace

class Client::Impl {
 public:
  Impl(const std::string& target, ClientOptions options) : options_(options), stub_(MakeChannel(target)) {}

  const ClientOptions& options() const { return options_; }
  grpc::GenericStub& stub() { return stub_; }

 private:
  const ClientOptions options_;
  grpc::GenericStub stub_;  // thread-safe
};

namespace {

std::string SpecField(int field_number, const v1::ReductionSpec& spec) {
  const std::string bytes = spec.SerializeAsString();
  return absl::StrCat(BytesFieldHead(field_number, bytes.size()), bytes);
}

absl::StatusOr<ReduceReply> ReduceInOne(grpc::GenericStub& stub, grpc::CompletionQueue* queue,
                                        const v1::ReductionSpec& spec, grpc::Slice payload,
                                        const CallOptions& options) {
  const auto size = static_cast<int64_t>(payload.size());
  const std::string head = absl::StrCat(SpecField(v1::ReduceRequest::kSpecFieldNumber, spec),
                                        BytesFieldHead(v1::ReduceRequest::kDataFieldNumber, payload.size()));
  absl::StatusOr<grpc::ByteBuffer> response =
      Call(&stub, queue, options).Unary(kReduce, Message(head, std::move(payload)));
  if (!response.ok()) return response.status();
  if (options.progress) options.progress(size, size);
  Receiver receiver(options.out);
  if (absl::Status status = receiver.TakeResponse(&*response); !status.ok()) return status;
  return receiver.Finish();
}

// Whether the server takes less in one message than ClientOptions::unary_limit. Much less, and its gRPC refuses the
// message before the server, which would give a detail, sees it.
bool IsTooLargeForOne(const absl::Status& status) {
  const std::optional<ErrorDetail> detail = DetailOf(status);
  return absl::IsResourceExhausted(status) && (!detail.has_value() || detail->reason == "UNARY_TOO_LARGE");
}

// Waits until gRPC has let go of the loan of a call that has ended.
void AwaitReturn(Loan* loan, grpc::CompletionQueue* queue) {
  loan->End();
  while (!loan->returned()) {
    // Nothing is to come from the queue, but to wait on it is to let gRPC work.
    void* tag;
    bool ok;
    queue->AsyncNext(&tag, &ok, std::chrono::system_clock::now() + std::chrono::milliseconds(1));
  }
}

// `next` gives the bytes from an offset on, at least one and at most all that are left.
absl::StatusOr<ReduceReply> ReduceInChunks(grpc::GenericStub& stub, grpc::CompletionQueue* queue,
                                           const v1::ReductionSpec& spec, int64_t byte_count,
                                           absl::FunctionRef<absl::StatusOr<grpc::Slice>(int64_t offset)> next,
                                           const CallOptions& options) {
  Call call(&stub, queue, options);
  call.Start(kReduceStream);
  bool open = call.Write(Message(SpecField(v1::ReduceStreamRequest::kSpecFieldNumber, spec)), byte_count == 0);
  absl::Status read;
  for (int64_t sent = 0; open && sent < byte_count;) {
    absl::StatusOr<grpc::Slice> slice = next(sent);
    if (!slice.ok()) {
      read = slice.status();
      call.Cancel();
      break;
    }
    sent += static_cast<int64_t>(slice->size());
    const std::string head = BytesFieldHead(v1::ReduceStreamRequest::kChunkFieldNumber, slice->size());
    open = call.Write(Message(head, *std::move(slice)), sent == byte_count);
    if (options.progress && open) options.progress(sent, byte_count);
  }
  Receiver receiver(options.out);
  const absl::Status status = call.Finish([&](grpc::ByteBuffer* message) { return receiver.TakeStreamed(message); });
  if (!read.ok()) return read;
  if (!status.ok()) return status;
  return receiver.Finish();
}

}  // namespace

std::optional<absl::Duration> RetryDelayOf(const absl::Status& status) {
  const auto payload = status.GetPayload(client::kRetryDelayUrl);
  if (!payload.has_value()) return std::nullopt;
  const std::string text(*payload);
  absl::Duration delay;
  if (!absl::ParseDuration(text, &delay)) return std::nullopt;
  return delay;
}

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

absl::StatusOr<Client> Client::Connect(std::string_view address, ClientOptions options) {
  const std::string target(address);
  if (!IsAddress(target)) {
    return InvalidField("INVALID_ADDRESS", "address",
                        absl::StrCat("expected HOST:PORT or unix:PATH, but got '", target, "'"));
  }
  if (options.unary_limit < 0 || options.unary_limit > kMaxMessageBytes || options.chunk_bytes < 1 ||
      options.chunk_bytes > kMaxMessageBytes) {
    return InvalidField("INVALID_OPTION", "options", absl::StrCat("messages have 1 to ", kMaxMessageBytes, " bytes"));
  }
  return Client(std::make_unique<Impl>(target, options));
}

absl::StatusOr<ReduceReply> Client::Reduce(const TensorView& tensor, absl::Span<const Reduction> reductions,
                                           const CallOptions& options) const {
  const absl::StatusOr<int64_t> byte_count = ByteCount(tensor.dtype, tensor.shape);
  if (!byte_count.ok()) return byte_count.status();
  if (static_cast<int64_t>(tensor.data.size()) != *byte_count) {
    return InvalidField("SIZE_MISMATCH", "data",
                        absl::StrCat("expected ", *byte_count, " bytes for shape ", ToString(tensor.shape),
                                     " and dtype ", std::string(Name(tensor.dtype)), ", but got ", tensor.data.size()));
  }
  const v1::ReductionSpec spec = client::ToProto(tensor.dtype, tensor.shape, reductions, options.device);
  const bool small = std::max(*byte_count, ResultBound(tensor.shape, reductions)) <= impl_->options().unary_limit;
  grpc::CompletionQueue queue;
  Loan loan(tensor.data);
  const auto chunk = [&](int64_t offset) -> absl::StatusOr<grpc::Slice> {
    return loan.Slice(offset, std::min(impl_->options().chunk_bytes, *byte_count - offset));
  };
  absl::StatusOr<ReduceReply> reply = absl::UnknownError("");
  if (small) reply = ReduceInOne(impl_->stub(), &queue, spec, loan.Slice(0, *byte_count), options);
  if (!small || IsTooLargeForOne(reply.status())) {
    reply = ReduceInChunks(impl_->stub(), &queue, spec, *byte_count, chunk, options);
  }
  AwaitReturn(&loan, &queue);
  return reply;
}

absl::StatusOr<ReduceReply> Client::Reduce(const TensorSource& tensor, absl::Span<const Reduction> reductions,
                                           const CallOptions& options) const {
  const absl::StatusOr<int64_t> byte_count = ByteCount(tensor.dtype, tensor.shape);
  if (!byte_count.ok()) return byte_count.status();
  const auto chunk = [&](int64_t offset) -> absl::StatusOr<grpc::Slice> {
    const int64_t wanted = std::min(impl_->options().chunk_bytes, *byte_count - offset);
    grpc::Slice slice(wanted);
    // The slice is not shared yet, so its bytes are ours to write.
    absl::Span<std::byte> room(reinterpret_cast<std::byte*>(const_cast<uint8_t*>(slice.begin())), wanted);
    while (!room.empty()) {
      const absl::StatusOr<size_t> count = tensor.read(room);
      if (!count.ok()) return count.status();
      if (*count == 0) {
        return InvalidField("SIZE_MISMATCH", "data",
                            absl::StrCat("ended after ", offset + wanted - static_cast<int64_t>(room.size()), " of ",
                                         *byte_count, " bytes"));
      }
      room.remove_prefix(std::min(*count, room.size()));
    }
    return slice;
  };
  grpc::CompletionQueue queue;
  return ReduceInChunks(impl_->stub(), &queue, client::ToProto(tensor.dtype, tensor.shape, reductions, options.device),
                        *byte_count, chunk, options);
}

absl::StatusOr<ServerDescription> Client::Describe(const CallOptions& options) const {
  const auto response =
      CallUnary<v1::DescribeServerResponse>(impl_->stub(), kDescribeServer, v1::DescribeServerRequest(), options);
  if (!response.ok()) return response.status();
  return client::FromProto(*response);
}

absl::Status Client::Health(const CallOptions& options) const {
  using grpc::health::v1::HealthCheckResponse;
  const auto response =
      CallUnary<HealthCheckResponse>(impl_->stub(), kHealthCheck, grpc::health::v1::HealthCheckRequest(), options);
  if (!response.ok()) return response.status();
  if (response->status() != HealthCheckResponse::SERVING) return absl::UnavailableError("the server is not serving");
  return absl::OkStatus();
}

}  // namespace treduce
