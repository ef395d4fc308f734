// Answers from the descriptors that generated code registers.
#include "server/reflection_service.h"

#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "grpc/reflection/v1/reflection.pb.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/rpc/call.h"
#include "server/rpc/task.h"
#include "server/wire_format.h"

namespace treduce {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;
using grpc::reflection::v1::FileDescriptorResponse;
using grpc::reflection::v1::ServerReflectionRequest;
using grpc::reflection::v1::ServerReflectionResponse;

constexpr const char* kServices[] = {"treduce.v1.ReductionService", "inference.GRPCInferenceService",
                                     "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"};

// Of names. Requests are outside of admission, and are repeated in the responses.
constexpr size_t kMaxRequestBytes = 4096;

// Adds the file and what it imports, once each.
void AddFile(const FileDescriptor& file, std::set<const FileDescriptor*>& added, FileDescriptorResponse& response) {
  if (!added.insert(&file).second) return;
  google::protobuf::FileDescriptorProto proto;
  file.CopyTo(&proto);
  response.add_file_descriptor_proto(proto.SerializeAsString());
  for (int i = 0; i < file.dependency_count(); ++i) AddFile(*file.dependency(i), added, response);
}

void AnswerFile(const FileDescriptor* file, const std::string& name, ServerReflectionResponse& response) {
  if (file == nullptr) {
    response.mutable_error_response()->set_error_code(static_cast<int>(absl::StatusCode::kNotFound));
    response.mutable_error_response()->set_error_message(absl::StrCat("the server does not know \"", name, "\""));
    return;
  }
  std::set<const FileDescriptor*> added;
  AddFile(*file, added, *response.mutable_file_descriptor_response());
}

ServerReflectionResponse Answer(const ServerReflectionRequest& request) {
  const DescriptorPool& pool = *DescriptorPool::generated_pool();
  ServerReflectionResponse response;
  response.set_valid_host(request.host());
  *response.mutable_original_request() = request;
  switch (request.message_request_case()) {
    case ServerReflectionRequest::kFileByFilename:
      AnswerFile(pool.FindFileByName(request.file_by_filename()), request.file_by_filename(), response);
      break;
    case ServerReflectionRequest::kFileContainingSymbol:
      AnswerFile(pool.FindFileContainingSymbol(request.file_containing_symbol()), request.file_containing_symbol(),
                 response);
      break;
    case ServerReflectionRequest::kListServices:
      for (const char* name : kServices) response.mutable_list_services_response()->add_service()->set_name(name);
      break;
    case ServerReflectionRequest::MESSAGE_REQUEST_NOT_SET:
      response.mutable_error_response()->set_error_code(static_cast<int>(absl::StatusCode::kUnimplemented));
      response.mutable_error_response()->set_error_message("the server has no protos with extensions");
      break;
  }
  return response;
}

rpc::Task ServerReflectionInfo(rpc::Call& call) {
  grpc::ByteBuffer message;
  while (co_await call.Read(message)) {
    ServerReflectionRequest request;
    if (message.Length() > kMaxRequestBytes || !Parse(message, request)) {
      co_return absl::InvalidArgumentError("not a ServerReflectionRequest");
    }
    const grpc::ByteBuffer answer = Serialize(Answer(request));
    if (!co_await call.Write(answer)) co_return absl::CancelledError();
  }
  co_return absl::OkStatus();
}

}  // namespace

std::vector<std::unique_ptr<rpc::Service>> MakeReflectionServices() {
  std::vector<std::unique_ptr<rpc::Service>> services;
  for (const std::string version : {"v1", "v1alpha"}) {
    services.push_back(std::make_unique<rpc::Service>(std::vector<rpc::Method>{
        {absl::StrCat("/grpc.reflection.", version, ".ServerReflection/ServerReflectionInfo"), ServerReflectionInfo}}));
  }
  return services;
}

}  // namespace treduce
