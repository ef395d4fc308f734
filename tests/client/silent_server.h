// A server that greets in HTTP/2, grants all the room in the world, and then reads nothing.
#ifndef TREDUCE_TESTS_CLIENT_SILENT_SERVER_H_
#define TREDUCE_TESTS_CLIENT_SILENT_SERVER_H_

#include <string>
#include <thread>

namespace treduce {

class SilentServer {
 public:
  // Listens on a unix socket at `path`, for one connection.
  explicit SilentServer(const std::string& path);
  ~SilentServer();

 private:
  int listener_;
  int connection_ = -1;
  std::thread greeter_;
};

}  // namespace treduce

#endif  // TREDUCE_TESTS_CLIENT_SILENT_SERVER_H_
