// Messages as bytes, and the slices they may come in.
#ifndef TREDUCE_TESTS_SERVER_BYTES_H_
#define TREDUCE_TESTS_SERVER_BYTES_H_

#include <cstddef>
#include <cstdlib>
#include <string>
#include <vector>

#include "grpcpp/support/byte_buffer.h"
#include "server/wire_format.h"

namespace treduce {

// Slices of at most `size` bytes.
inline grpc::ByteBuffer Cut(const std::string& bytes, size_t size) {
  std::vector<grpc::Slice> slices;
  for (size_t i = 0; i < bytes.size(); i += size) slices.emplace_back(bytes.substr(i, size));
  return grpc::ByteBuffer(slices.data(), slices.size());
}

inline grpc::ByteBuffer Whole(const std::string& bytes) { return Cut(bytes, bytes.size() + 1); }

inline std::string Join(const grpc::ByteBuffer& message) {
  std::vector<grpc::Slice> slices;
  if (!message.Dump(&slices).ok()) std::abort();
  std::string bytes;
  for (const grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes;
}

inline std::string Join(const Payload& payload) {
  std::string bytes;
  for (const auto piece : payload) bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  return bytes;
}

}  // namespace treduce

#endif  // TREDUCE_TESTS_SERVER_BYTES_H_
