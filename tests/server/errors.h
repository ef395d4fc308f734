// What errors of calls are held against.
#ifndef TREDUCE_TESTS_SERVER_ERRORS_H_
#define TREDUCE_TESTS_SERVER_ERRORS_H_

#include <string>

#include "gmock/gmock.h"
#include "tests/server/test_server.h"

namespace treduce {

MATCHER_P3(IsError, code, reason, field, "") {
  const google::rpc::ErrorInfo info = ErrorInfoOf(arg);
  *result_listener << "code " << arg.error_code() << ", " << info.ShortDebugString() << ", " << arg.error_message();
  const auto found = info.metadata().find("field");
  return arg.error_code() == code && info.reason() == reason && info.domain() == "treduce" &&
         (found == info.metadata().end() ? "" : found->second) == std::string(field);
}

inline auto IsInvalid(const char* reason, const char* field) {
  return IsError(grpc::StatusCode::INVALID_ARGUMENT, reason, field);
}

}  // namespace treduce

#endif  // TREDUCE_TESTS_SERVER_ERRORS_H_
