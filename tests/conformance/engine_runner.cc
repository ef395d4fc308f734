// The engine in this process.
#include <string>
#include <utility>

#include "server/engine/engine.h"
#include "tests/conformance/runner.h"

namespace treduce::conformance {
namespace {

class EngineRunner : public Runner {
 public:
  EngineRunner(std::string device, std::unique_ptr<Engine> engine)
      : device_(std::move(device)), engine_(std::move(engine)) {}

  std::string name() const override { return device_ == "cpu" ? "engine" : "engine on " + device_; }

  absl::StatusOr<std::vector<Tensor>> Reduce(const TensorView& tensor, const Reduction& reduction) override {
    absl::StatusOr<std::vector<ReductionResult>> results = engine_->Reduce(tensor, {reduction}, device_);
    if (absl::IsUnimplemented(results.status())) results = engine_->Reduce(tensor, {reduction}, "cpu");
    if (!results.ok()) return results.status();
    auto& outputs = (*results)[0].outputs;
    return std::vector<Tensor>(std::make_move_iterator(outputs.begin()), std::make_move_iterator(outputs.end()));
  }

 private:
  const std::string device_;
  const std::unique_ptr<Engine> engine_;
};

}  // namespace

std::unique_ptr<Runner> NewEngineRunner(const std::string& device, std::unique_ptr<Engine> engine) {
  return std::make_unique<EngineRunner>(device, std::move(engine));
}

}  // namespace treduce::conformance
