// The choice of a backend, and what becomes of requests when a device fails: with devices made of the host's memory,
// which fail as they are told.
#include "server/engine/backend.h"

#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/engine/cuda/cuda_backend.h"
#include "server/engine/cuda/host_faults.h"
#include "server/engine/engine.h"
#include "server/engine/values/errors.h"
#include "tests/engine/generate.h"
#include "tests/engine/host_device.h"
#include "tests/engine/requests.h"

namespace treduce {
namespace {

using cuda::CudaBackend;
using cuda::HostCall;
using cuda::Inject;
using testing::HasSubstr;

class BackendTest : public testing::Test {
 protected:
  void TearDown() override {
    engine_ = nullptr;
    cuda::ClearHostFaults();
    EXPECT_EQ(cuda::HostMemoryInUse(), 0u);
  }

  // Makes an engine with one device for each of these times.
  void MakeEngine(const std::vector<absl::Duration>& times, size_t memory_limit = 64 << 20) {
    std::vector<std::unique_ptr<Backend>> devices;
    for (const absl::Duration time : times) {
      devices.push_back(std::make_unique<HostDevice>(time, memory_limit, "cuda:" + std::to_string(devices.size())));
    }
    engine_ = std::make_unique<Engine>(EngineOptions{.thread_count = 1}, std::move(devices));
  }

  std::string Chosen(const Tensor& tensor, const std::vector<Reduction>& reductions, std::string_view device) {
    const absl::StatusOr<Backend*> backend =
        engine_->Choose(*MakePlan({tensor.dtype, tensor.shape, reductions}), device);
    return backend.ok() ? std::string((*backend)->name()) : std::string(backend.status().message());
  }

  // That of the CPU.
  void ExpectRight(const absl::StatusOr<std::vector<ReductionResult>>& results) {
    ASSERT_TRUE(results.ok()) << results.status();
    const auto expected = engine_->Reduce(large_.view(), reductions_, "cpu");
    ASSERT_EQ(results->size(), expected->size());
    for (size_t i = 0; i < results->size(); ++i) {
      EXPECT_EQ((*results)[i].outputs[0].data, (*expected)[i].outputs[0].data);
    }
  }

  void ExpectRefused(std::string_view device, absl::StatusCode code, const std::string& reason) {
    const absl::Status status = engine_->Reduce(large_.view(), reductions_, device).status();
    EXPECT_EQ(status.code(), code) << status;
    ASSERT_TRUE(DetailOf(status).has_value()) << status;
    EXPECT_EQ(DetailOf(status)->reason, reason) << status;
  }

  const Tensor small_ = Generate(DType::kFloat32, {4, 25}, Fill::kPlain);
  const Tensor large_ = Generate(DType::kFloat32, {3, 700'000}, Fill::kPlain);
  const std::vector<Reduction> reductions_ = {{.op = Op::kSum, .dim = {1}}, {.op = Op::kVar}};
  std::unique_ptr<Engine> engine_;
};

TEST_F(BackendTest, OfAMachineWithoutDevicesIsTheCpu) {
  engine_ = std::make_unique<Engine>(EngineOptions{.thread_count = 1, .use_cuda = false});
  ASSERT_EQ(engine_->backends().size(), 1u);
  EXPECT_EQ(engine_->cpu().name(), "cpu");
  EXPECT_EQ(Chosen(large_, reductions_, ""), "cpu");
  EXPECT_EQ(Chosen(large_, reductions_, "cpu"), "cpu");
  ExpectRefused("cuda", absl::StatusCode::kFailedPrecondition, "NO_SUCH_DEVICE");
  EXPECT_THAT(engine_->Reduce(large_.view(), reductions_, "cuda:0").status().message(), HasSubstr("not used"));
}

TEST_F(BackendTest, IsTheOneThatIsNamed) {
  MakeEngine({absl::Seconds(9), absl::Seconds(9)});
  EXPECT_EQ(Chosen(small_, reductions_, "cuda"), "cuda:0");
  EXPECT_EQ(Chosen(small_, reductions_, "cuda:1"), "cuda:1");
  EXPECT_EQ(Chosen(small_, reductions_, "cpu"), "cpu");
  ExpectRefused("cuda:2", absl::StatusCode::kFailedPrecondition, "NO_SUCH_DEVICE");
  for (const char* name : {"gpu", "CUDA", "cuda:", "cuda:-1", "cuda:x", "cuda:0 ", " "}) {
    ExpectRefused(name, absl::StatusCode::kInvalidArgument, "UNKNOWN_DEVICE");
  }
}

TEST_F(BackendTest, IsTheFastestWhereItIsLeftOpen) {
  MakeEngine({absl::Microseconds(20), absl::Microseconds(10)});
  EXPECT_EQ(Chosen(large_, reductions_, ""), "cuda:1");
  EXPECT_EQ(Chosen(small_, reductions_, ""), "cpu");
  // For which a device has no kernels.
  EXPECT_EQ(Chosen(large_, {{.op = Op::kMode}}, ""), "cpu");
  MakeEngine({absl::Seconds(1)});
  EXPECT_EQ(Chosen(large_, reductions_, ""), "cpu");
}

TEST_F(BackendTest, EstimatesMoreForMore) {
  MakeEngine({});
  const auto estimate = [&](const std::vector<Reduction>& reductions, int64_t count, DType dtype = DType::kFloat32) {
    return engine_->cpu().Estimate(*MakePlan({dtype, {count}, reductions}));
  };
  EXPECT_LT(estimate({{.op = Op::kSum}}, 1000), estimate({{.op = Op::kSum}}, 2000));
  EXPECT_LT(estimate({{.op = Op::kSum}}, 1000), estimate({{.op = Op::kLogSumExp}}, 1000));
  EXPECT_LT(estimate({{.op = Op::kSum}}, 1000), estimate({{.op = Op::kSum}, {.op = Op::kAMax}}, 1000));
  EXPECT_LT(estimate({{.op = Op::kMedian}}, 1000), estimate({{.op = Op::kUnique}}, 1000));
  EXPECT_LT(estimate({{.op = Op::kProd}}, 2000), estimate({{.op = Op::kProd}}, 1000, DType::kComplex64));
  const QuantileOptions two = {std::vector<double>{0.1, 0.9}};
  EXPECT_LT(estimate({{.op = Op::kQuantile}}, 1000), estimate({{.op = Op::kQuantile, .options = two}}, 1000));
  const std::unique_ptr<Backend> device = *CudaBackend::Open(0, 0);
  const auto on_device = [&](int64_t count) {
    return device->Estimate(*MakePlan({DType::kFloat32, {count}, {{.op = Op::kSum}}}));
  };
  EXPECT_GT(on_device(1), absl::ZeroDuration());
  EXPECT_LT(on_device(1), on_device(int64_t{1} << 30));
  const auto of_quantiles = [&](size_t count) {
    const std::vector<double> q(count, 0.5);
    return device->Estimate(
        *MakePlan({DType::kFloat32, {int64_t{1} << 30}, {{.op = Op::kQuantile, .options = QuantileOptions{q}}}}));
  };
  EXPECT_LT(on_device(int64_t{1} << 30), of_quantiles(1));
  EXPECT_LT(of_quantiles(1), of_quantiles(5));
  EXPECT_EQ(device->Estimate(*MakePlan({DType::kFloat32, {5}, {{.op = Op::kMode}}})), absl::InfiniteDuration());
}

TEST_F(BackendTest, GivesTheBitsOfTheCpu) {
  MakeEngine({absl::ZeroDuration()});
  ExpectRight(engine_->Reduce(large_.view(), reductions_, "cuda:0"));
  ExpectRight(engine_->Reduce(large_.view(), reductions_));
}

TEST_F(BackendTest, TriesOnceMoreWhenMemoryIsShort) {
  MakeEngine({absl::ZeroDuration()});
  const int trims = cuda::HostTrimCount();
  Inject(HostCall::kAllocate, cuda::kOutOfMemory);
  ExpectRight(engine_->Reduce(large_.view(), reductions_, "cuda"));
  EXPECT_EQ(cuda::HostTrimCount(), trims + 1);
}

TEST_F(BackendTest, LeavesToTheCpuWhatItsMemoryDoesNotHold) {
  MakeEngine({absl::ZeroDuration()});
  Inject(HostCall::kAllocate, cuda::kOutOfMemory, 2);
  ExpectRight(engine_->Reduce(large_.view(), reductions_));
  Inject(HostCall::kAllocate, cuda::kOutOfMemory, 2);
  ExpectRefused("cuda", absl::StatusCode::kResourceExhausted, "DEVICE_MEMORY_EXHAUSTED");
  // A device out of memory is as good as before.
  ExpectRight(engine_->Reduce(large_.view(), reductions_, "cuda"));
}

TEST_F(BackendTest, LeavesToTheCpuWhatIsLargerThanTheDevice) {
  MakeEngine({absl::ZeroDuration()}, /*memory_limit=*/65 << 20);
  const Tensor tensor = Generate(DType::kFloat32, {18 << 20}, Fill::kPlain);
  EXPECT_TRUE(engine_->Reduce(tensor.view(), {{.op = Op::kSum}}).ok());
  const absl::Status status = engine_->Reduce(tensor.view(), {{.op = Op::kSum}}, "cuda").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  ASSERT_TRUE(DetailOf(status).has_value());
  EXPECT_EQ(DetailOf(status)->limit, std::to_string(65 << 20));
}

// Selections from columns take the memory of the tensor twice.
TEST_F(BackendTest, LeavesToTheCpuSelectionsThatItsMemoryDoesNotHold) {
  MakeEngine({absl::ZeroDuration()}, /*memory_limit=*/65 << 20);
  const Tensor tensor = Generate(DType::kFloat32, {10'240, 1024}, Fill::kPlain);
  EXPECT_TRUE(engine_->Reduce(tensor.view(), {{.op = Op::kMedian, .dim = {0}}}).ok());
  EXPECT_EQ(DetailOf(engine_->Reduce(tensor.view(), {{.op = Op::kMedian, .dim = {0}}}, "cuda").status())->reason,
            "DEVICE_MEMORY_EXHAUSTED");
}

// Where in a request the device is lost.
class LostDeviceTest : public BackendTest, public testing::WithParamInterface<HostCall> {};

TEST_P(LostDeviceTest, IsReportedAndLeftAlone) {
  MakeEngine({absl::ZeroDuration(), absl::Seconds(9)});
  Inject(GetParam(), cuda::kHostDeviceLost);
  ExpectRight(engine_->Reduce(large_.view(), reductions_));
  EXPECT_EQ(engine_->backends()[1]->health().code(), absl::StatusCode::kUnavailable);
  ExpectRefused("cuda:0", absl::StatusCode::kUnavailable, "DEVICE_LOST");
  EXPECT_EQ(Chosen(large_, reductions_, ""), "cpu");
  EXPECT_EQ(Chosen(large_, reductions_, "cuda"), "cuda:1");
  ExpectRight(engine_->Reduce(large_.view(), reductions_, "cuda:1"));
}

TEST_P(LostDeviceTest, EndsTheRequestThatAskedForIt) {
  MakeEngine({absl::ZeroDuration()});
  Inject(GetParam(), cuda::kHostDeviceLost);
  ExpectRefused("cuda:0", absl::StatusCode::kUnavailable, "DEVICE_LOST");
  ExpectRight(engine_->Reduce(large_.view(), reductions_));
}

INSTANTIATE_TEST_SUITE_P(Calls, LostDeviceTest,
                         testing::Values(HostCall::kAllocate, HostCall::kCopyToDevice, HostCall::kCopyToHost,
                                         HostCall::kLaunch, HostCall::kSynchronize));

TEST(CudaBackend, IsNotThereWithoutADriver) {
  cuda::SetHostDevices(0, "there is no CUDA driver");
  const absl::Status none = CudaBackend::Open(0, 0).status();
  EXPECT_EQ(none.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(none.message(), "there is no CUDA driver");
  cuda::SetHostDevices(1);
  EXPECT_THAT(CudaBackend::Open(1, 0).status().message(), HasSubstr("there is no CUDA device 1"));
  cuda::ClearHostFaults();
}

TEST(CudaBackend, IsNotUsedWhereItCannotBe) {
  for (const HostCall call : {HostCall::kCreateStream, HostCall::kAllocate, HostCall::kAllocatePinned,
                              HostCall::kCopyToDevice, HostCall::kLaunch, HostCall::kSynchronize}) {
    Inject(call, cuda::kOutOfMemory, 100);
    EXPECT_EQ(CudaBackend::Open(0, 0).status().code(), absl::StatusCode::kUnavailable);
    cuda::ClearHostFaults();
  }
  EXPECT_EQ(cuda::HostMemoryInUse(), 0u);
}

// A tensor arrives on other threads than its results are made on, which have used another device or none.
TEST(CudaBackend, IsUsedFromAnyThread) {
  cuda::SetHostDevices(2);
  const std::unique_ptr<Backend> second = *CudaBackend::Open(1, 0);
  const Tensor tensor = Generate(DType::kFloat32, {1000}, Fill::kPlain);
  const auto accumulation = *second->Start(*MakePlan({tensor.dtype, tensor.shape, {{.op = Op::kSum}}}), nullptr);
  ASSERT_TRUE(accumulation->Append(tensor.data).ok());
  absl::Status finished;
  std::thread([&] { finished = accumulation->Finish().status(); }).join();
  EXPECT_TRUE(finished.ok()) << finished;
  cuda::ClearHostFaults();
}

// Of which a device keeps only some for later.
TEST(CudaBackend, ChargesPinnedMemory) {
  const std::unique_ptr<Backend> device = *CudaBackend::Open(0, 0);
  const auto charge = [&](int64_t count) {
    return device->HostByteCount(*MakePlan({DType::kInt8, {count}, {{.op = Op::kSum}}}));
  };
  const size_t idle = cuda::HostMemoryInUse();
  {
    std::vector<std::unique_ptr<Accumulation>> uploads;
    for (int i = 0; i < 30; ++i) {
      uploads.push_back(*device->Start(*MakePlan({DType::kInt8, {100}, {{.op = Op::kSum}}}), nullptr));
      for (int piece = 0; piece < 4; ++piece) ASSERT_TRUE(uploads[i]->Append(std::vector<std::byte>(10)).ok());
    }
    EXPECT_LE(cuda::HostMemoryInUse() - idle, 30 * static_cast<size_t>(charge(100)));
    // One that fills slots to the last byte, on its way when others hold none.
    uploads.clear();
    const size_t before = cuda::HostMemoryInUse();
    for (int i = 0; i < 20; ++i) {
      uploads.push_back(*device->Start(*MakePlan({DType::kInt8, {8 << 20}, {{.op = Op::kSum}}}), nullptr));
      for (int piece = 0; piece < 4; ++piece) ASSERT_TRUE(uploads[i]->Append(std::vector<std::byte>(2 << 20)).ok());
    }
    EXPECT_LE(cuda::HostMemoryInUse() - before, 20 * ((8 << 20) + static_cast<size_t>(charge(8 << 20))));
  }
  EXPECT_LE(cuda::HostMemoryInUse(), 20 * static_cast<size_t>(charge(100)));
  EXPECT_LT(charge(100), charge(100 << 20));
  EXPECT_EQ(charge(100 << 20), charge(200 << 20));
  const Plan huge = *MakePlan({DType::kFloat64, {(int64_t{1} << 60) - 1, 0}, {{.op = Op::kSum, .dim = {1}}}});
  EXPECT_EQ(device->HostByteCount(huge), std::numeric_limits<int64_t>::max());
}

}  // namespace
}  // namespace treduce
