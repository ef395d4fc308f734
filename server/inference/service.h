// inference.GRPCInferenceService: the Open Inference Protocol, for clients of KServe and Triton; see README.md.
#ifndef TREDUCE_SERVER_INFERENCE_SERVICE_H_
#define TREDUCE_SERVER_INFERENCE_SERVICE_H_

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/support/byte_buffer.h"
#include "inference/grpc_service.pb.h"
#include "server/health_service.h"
#include "server/inference/models.h"
#include "server/inference/statistics.h"
#include "server/inference/wire.h"
#include "server/reducer.h"
#include "server/rpc/call.h"
#include "server/rpc/service.h"
#include "server/rpc/task.h"

namespace treduce {

// Thread-safe. The reducer and the health service must outlive it.
class InferenceService {
 public:
  InferenceService(Reducer& reducer, const HealthService& health, std::string version)
      : reducer_(reducer), health_(health), version_(std::move(version)) {}

  // For the rpc layer. The service must outlive it.
  std::unique_ptr<rpc::Service> MakeRpcService();

  // Ends streams with UNAVAILABLE: those that wait for a request at once, others after the answer they are at.
  void EndStreams();

 private:
  // What one request is answered with.
  struct Answer {
    SelectedOutputs outputs;
    SharedResults results;
  };

  rpc::Task ModelInfer(rpc::Call& call);
  rpc::Task ModelStreamInfer(rpc::Call& call);

  // Parses a message, reduces what it asks for, and counts it. An error leaves in `request` what was parsed.
  rpc::Task Infer(const grpc::ByteBuffer& message, Execution& execution, InferRequest& request, Answer& answer);
  rpc::Task Infer(const OpInfo& model, const InferRequest& request, int64_t message_bytes, Execution& execution,
                  Answer& answer);

  // Around a stream's wait for a request; false when it is to end, or has been ended meanwhile.
  bool StartWaiting(rpc::Call& call);
  bool StopWaiting(rpc::Call& call);

  // The calls that ask about the server and its models.
  absl::StatusOr<inference::ServerLiveResponse> ServerLive(const inference::ServerLiveRequest& request) const;
  absl::StatusOr<inference::ServerReadyResponse> ServerReady(const inference::ServerReadyRequest& request) const;
  absl::StatusOr<inference::ModelReadyResponse> ModelReady(const inference::ModelReadyRequest& request) const;
  absl::StatusOr<inference::ServerMetadataResponse> ServerMetadata(
      const inference::ServerMetadataRequest& request) const;
  absl::StatusOr<inference::ModelMetadataResponse> ModelMetadata(const inference::ModelMetadataRequest& request) const;
  absl::StatusOr<inference::ModelConfigResponse> ModelConfig(const inference::ModelConfigRequest& request) const;
  absl::StatusOr<inference::ModelStatisticsResponse> ModelStatistics(
      const inference::ModelStatisticsRequest& request) const;
  absl::StatusOr<inference::RepositoryIndexResponse> RepositoryIndex(
      const inference::RepositoryIndexRequest& request) const;

  // A handler that answers one Request by `answer`.
  template <class Request, class Response>
  rpc::Handler Answering(absl::StatusOr<Response> (InferenceService::*answer)(const Request&) const) const;

  Reducer& reducer_;
  const HealthService& health_;
  const std::string version_;
  Statistics statistics_;
  std::mutex mutex_;  // guards the next two
  bool streams_end_ = false;
  absl::flat_hash_set<rpc::Call*> waiting_;
};

}  // namespace treduce

#endif  // TREDUCE_SERVER_INFERENCE_SERVICE_H_
