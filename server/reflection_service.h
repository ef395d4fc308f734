// grpc.reflection.v1.ServerReflection: what services the server has, for tools such as grpcurl.
//
// Own, since gRPC's is a synchronous service: its thread would poll beside those of the Receiver, which slows every
// call down, and it knows only v1alpha.
#ifndef TREDUCE_SERVER_REFLECTION_SERVICE_H_
#define TREDUCE_SERVER_REFLECTION_SERVICE_H_

#include <memory>
#include <vector>

#include "server/rpc/service.h"

namespace treduce {

// For the rpc layer, under the names of v1 and of v1alpha, which are the same on the wire.
std::vector<std::unique_ptr<rpc::Service>> MakeReflectionServices();

}  // namespace treduce

#endif  // TREDUCE_SERVER_REFLECTION_SERVICE_H_
