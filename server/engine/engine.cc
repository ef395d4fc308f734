// The facade: a plan, the backend that suits it, an accumulation, its results.
#include "server/engine/engine.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/engine/cpu/cpu_backend.h"
#include "server/engine/cuda/open_backends.h"
#include "server/engine/fold/fold.h"
#include "server/engine/values/errors.h"

namespace treduce {
namespace {

// Below this a request is done on the CPU before a device has begun.
constexpr absl::Duration kWorthADevice = absl::Microseconds(100);

// Whether `device` is a name that devices may have.
bool IsDeviceName(absl::string_view device) {
  if (device == "cpu" || device == "cuda") return true;
  return absl::ConsumePrefix(&device, "cuda:") && !device.empty() && absl::c_all_of(device, absl::ascii_isdigit);
}

absl::Status CodedError(absl::StatusCode code, std::string_view reason, std::string_view message) {
  return Error(code, {std::string(reason), "device", ""}, message);
}

}  // namespace

bool IsDeviceFailure(const absl::Status& status) {
  const std::optional<ErrorDetail> detail = DetailOf(status);
  return detail.has_value() && (detail->reason == kDeviceLost || detail->reason == kDeviceMemoryExhausted ||
                                detail->reason == kUnsupportedByDevice);
}

class Engine::Impl {
 public:
  Impl(const EngineOptions& options, std::vector<std::unique_ptr<Backend>> devices) {
    auto cpu_backend = std::make_unique<CpuBackend>(options.thread_count);
    cpu = cpu_backend.get();
    backends.push_back(std::move(cpu_backend));
    for (std::unique_ptr<Backend>& device : devices) backends.push_back(std::move(device));
  }

  CpuBackend* cpu;
  std::vector<std::unique_ptr<Backend>> backends;
  std::string why_no_cuda;
};

Engine::Engine(EngineOptions options) {
  cuda::OpenedBackends opened;
  opened.why_not = "not used";
  if (options.use_cuda) opened = cuda::OpenBackends(options.cuda_memory_limit);
  impl_ = std::make_unique<Impl>(options, std::move(opened.backends));
  impl_->why_no_cuda = std::move(opened.why_not);
}

Engine::Engine(EngineOptions options, std::vector<std::unique_ptr<Backend>> devices)
    : impl_(std::make_unique<Impl>(options, std::move(devices))) {}

Engine::~Engine() = default;

std::unique_ptr<Accumulation> Engine::Start(Plan plan, const std::atomic<bool>* cancelled) {
  return *impl_->cpu->Start(std::move(plan), cancelled);
}

const std::vector<std::unique_ptr<Backend>>& Engine::backends() const { return impl_->backends; }

const std::string& Engine::why_no_cuda() const { return impl_->why_no_cuda; }

absl::StatusOr<Backend*> Engine::Choose(const Plan& plan, std::string_view device) const {
  const std::string name(device);
  if (name.empty()) {
    Backend* best = impl_->cpu;
    if (impl_->backends.size() == 1) return best;
    absl::Duration best_time = best->Estimate(plan);
    if (best_time < kWorthADevice) return best;
    for (const std::unique_ptr<Backend>& backend : impl_->backends) {
      if (backend.get() == impl_->cpu || !backend->health().ok()) continue;
      const absl::Duration time = backend->Estimate(plan);
      if (time >= best_time) continue;
      best = backend.get();
      best_time = time;
    }
    return best;
  }
  if (!IsDeviceName(name)) {
    return CodedError(absl::StatusCode::kInvalidArgument, "UNKNOWN_DEVICE",
                      absl::StrCat("expected cpu, cuda or cuda:N, but got \"", name, "\""));
  }
  absl::Status lost;
  for (const std::unique_ptr<Backend>& backend : impl_->backends) {
    const bool named = backend->name() == device || (device == "cuda" && backend.get() != impl_->cpu);
    if (!named) continue;
    absl::Status health = backend->health();
    if (health.ok()) return backend.get();
    lost = std::move(health);
  }
  if (!lost.ok()) return CodedError(lost.code(), kDeviceLost, std::string(lost.message()));
  return CodedError(absl::StatusCode::kFailedPrecondition, "NO_SUCH_DEVICE",
                    absl::StrCat("there is no ", name, impl_->why_no_cuda.empty() ? "" : ": ", impl_->why_no_cuda));
}

absl::StatusOr<std::vector<ReductionResult>> Engine::Reduce(const TensorView& tensor,
                                                            absl::Span<const Reduction> reductions,
                                                            std::string_view device) {
  const absl::StatusOr<Plan> plan =
      MakePlan({tensor.dtype, tensor.shape, std::vector<Reduction>(reductions.begin(), reductions.end())});
  if (!plan.ok()) return plan.status();
  const absl::StatusOr<Backend*> chosen = Choose(*plan, device);
  if (!chosen.ok()) return chosen.status();
  const auto reduce_on = [&](Backend& backend) -> absl::StatusOr<std::vector<ReductionResult>> {
    const absl::StatusOr<std::unique_ptr<Accumulation>> accumulation = backend.Start(*plan, nullptr);
    if (!accumulation.ok()) return accumulation.status();
    if (absl::Status appended = (*accumulation)->Append(tensor.data); !appended.ok()) return appended;
    return (*accumulation)->Finish();
  };
  absl::StatusOr<std::vector<ReductionResult>> results = reduce_on(**chosen);
  if (device.empty() && IsDeviceFailure(results.status())) return reduce_on(*impl_->cpu);
  return results;
}

int Engine::thread_count() const { return impl_->cpu->thread_count(); }

std::string_view Engine::simd_name() const { return SimdTargetName(); }

}  // namespace treduce
