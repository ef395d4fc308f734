// A gRPC service whose methods exchange bytes.
#ifndef TREDUCE_SERVER_RPC_SERVICE_H_
#define TREDUCE_SERVER_RPC_SERVICE_H_

#include <functional>
#include <string>
#include <vector>

#include "grpcpp/completion_queue.h"
#include "grpcpp/impl/service_type.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/async_stream.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/rpc/call.h"
#include "server/rpc/task.h"

namespace treduce::rpc {

// Serves one call; its status is the call's. May run on several threads at once, for different calls.
using Handler = std::function<Task(Call&)>;

struct Method {
  std::string name;  // "/treduce.v1.ReductionService/Reduce"
  Handler handler;
};

// The methods of one service of the API. Each is a stream of bytes in both directions for the server, whatever it is
// for clients: on the wire there is no difference. Handlers see messages before Protobuf does.
class Service : public grpc::Service {
 public:
  explicit Service(std::vector<Method> methods);

  const std::vector<Method>& methods() const { return methods_; }

  // Completes `tag` on `queue` when a client has called the method of this index.
  void RequestCall(int method, grpc::ServerContext* context,
                   grpc::ServerAsyncReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>* stream,
                   grpc::ServerCompletionQueue* queue, void* tag) {
    RequestAsyncBidiStreaming(method, context, stream, queue, queue, tag);
  }

 private:
  const std::vector<Method> methods_;
};

}  // namespace treduce::rpc

#endif  // TREDUCE_SERVER_RPC_SERVICE_H_
