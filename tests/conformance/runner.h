// Ways to have a tensor reduced: by the engine in this process, or by a server.
#ifndef TREDUCE_TESTS_CONFORMANCE_RUNNER_H_
#define TREDUCE_TESTS_CONFORMANCE_RUNNER_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/engine/engine.h"
#include "server/engine/values/reduction.h"
#include "server/engine/values/tensor.h"

namespace treduce::conformance {

class Runner {
 public:
  virtual ~Runner() = default;

  // "engine", "client", "unary", "7-byte chunks".
  virtual std::string name() const = 0;
  // Whether the question can be put: the Open Inference Protocol has no complex numbers.
  virtual bool Takes(const TensorView&, const Reduction&) const { return true; }
  // The outputs in PyTorch's order, or the refusal.
  virtual absl::StatusOr<std::vector<Tensor>> Reduce(const TensorView& tensor, const Reduction& reduction) = 0;
};

// On `device`, as Engine::Reduce takes it; on the CPU what that device does not take.
std::unique_ptr<Runner> NewEngineRunner(const std::string& device = "cpu",
                                        std::unique_ptr<Engine> engine = std::make_unique<Engine>());

// The C++ client, Reduce, and ReduceStream with chunks of awkward sizes, of the server at `address`: "HOST:PORT" or
// "unix:PATH". UNAVAILABLE when it does not answer within five seconds.
absl::StatusOr<std::vector<std::unique_ptr<Runner>>> NewServerRunners(const std::string& address);

// The same server by the Open Inference Protocol.
std::vector<std::unique_ptr<Runner>> NewInferenceRunners(const std::string& address);

}  // namespace treduce::conformance

#endif  // TREDUCE_TESTS_CONFORMANCE_RUNNER_H_
