// Registers methods as generated code does, but without message types.
#include "server/rpc/service.h"

#include <utility>

#include "grpcpp/impl/rpc_method.h"
#include "grpcpp/impl/rpc_service_method.h"

namespace treduce::rpc {

Service::Service(std::vector<Method> methods) : methods_(std::move(methods)) {
  for (size_t i = 0; i < methods_.size(); ++i) {
    AddMethod(new grpc::internal::RpcServiceMethod(methods_[i].name.c_str(), grpc::internal::RpcMethod::BIDI_STREAMING,
                                                   nullptr));
    MarkMethodRaw(static_cast<int>(i));
  }
}

}  // namespace treduce::rpc
