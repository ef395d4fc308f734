// The engine in this process.
#include <utility>

#include "server/engine/engine.h"
#include "tests/conformance/runner.h"

namespace treduce::conformance {
namespace {

class EngineRunner : public Runner {
 public:
  std::string name() const override { return "engine"; }

  absl::StatusOr<std::vector<Tensor>> Reduce(const TensorView& tensor, const Reduction& reduction) override {
    absl::StatusOr<std::vector<ReductionResult>> results = engine_.Reduce(tensor, {reduction});
    if (!results.ok()) return results.status();
    auto& outputs = (*results)[0].outputs;
    return std::vector<Tensor>(std::make_move_iterator(outputs.begin()), std::make_move_iterator(outputs.end()));
  }

 private:
  Engine engine_;
};

}  // namespace

std::unique_ptr<Runner> NewEngineRunner() { return std::make_unique<EngineRunner>(); }

}  // namespace treduce::conformance
