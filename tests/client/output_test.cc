// Results as files, text and JSON.
#include "client/cli/output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <complex>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "client/cli/json.h"
#include "client/cli/npy.h"
#include "server/engine/values/element.h"
#include "tests/client/tensors.h"

namespace treduce::cli {
namespace {

using ::testing::HasSubstr;

std::string ContentOf(const std::filesystem::path& path) {
  std::stringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  return content.str();
}

class OutputTest : public ::testing::Test {
 protected:
  OutputTest() { std::filesystem::create_directory(directory_); }
  ~OutputTest() override { std::filesystem::remove_all(directory_); }

  const Reduction sum_ = {.op = Op::kSum};
  const Reduction max_ = {.op = Op::kMax, .dim = {0, -1}, .keepdim = true};
  const ReductionResult sum_result_ = {{MakeTensor<float>(DType::kFloat32, {}, {10})}};
  const ReductionResult max_result_ = {
      {MakeTensor<float>(DType::kFloat32, {2}, {3, 4.5f}), MakeTensor<int64_t>(DType::kInt64, {2}, {1, 0})}};
  const absl::InlinedVector<std::string_view, kMaxOutputs> one_ = {"result"};
  const absl::InlinedVector<std::string_view, kMaxOutputs> two_ = {"values", "indices"};
  const NamedResult sum_named_ = {"sum", one_, &sum_, &sum_result_};
  const NamedResult max_named_ = {"max", two_, &max_, &max_result_};
  const std::filesystem::path directory_ = ::testing::TempDir() + "/output_test_" + std::to_string(getpid());
};

TEST_F(OutputTest, OneResultIsPrintedAlone) { EXPECT_EQ(TextOf({sum_named_}), "tensor(10.)\n"); }

TEST_F(OutputTest, SeveralResultsAreLabelled) {
  EXPECT_EQ(TextOf({sum_named_, {"amax", one_, &sum_, &sum_result_}}),
            "sum:  tensor(10.)\n"
            "amax: tensor(10.)\n");
  EXPECT_EQ(TextOf({sum_named_, max_named_}),
            "sum: tensor(10.)\n"
            "max: torch.return_types.max(\n"
            "     values=tensor([3.0000, 4.5000]),\n"
            "     indices=tensor([1, 0]))\n");
}

TEST_F(OutputTest, JsonHasALineForEachTensor) {
  EXPECT_EQ(JsonOf({sum_named_, max_named_}),
            R"({"op":"sum","output":"result","dim":[],"keepdim":false,"dtype":"float32","shape":[],"data":10}
{"op":"max","output":"values","dim":[0,-1],"keepdim":true,"dtype":"float32","shape":[2],"data":[3,4.5]}
{"op":"max","output":"indices","dim":[0,-1],"keepdim":true,"dtype":"int64","shape":[2],"data":[1,0]}
)");
}

TEST_F(OutputTest, OneTensorGoesToTheFile) {
  const std::filesystem::path path = directory_ / "y.npy";
  ASSERT_TRUE(WriteFiles(path, {sum_named_}).ok());
  EXPECT_EQ(ContentOf(path), MakeNpyHeader(DType::kFloat32, {}) + std::string("\0\0\x20\x41", 4));
}

TEST_F(OutputTest, SeveralTensorsGoToSeveralFiles) {
  ASSERT_TRUE(WriteFiles(directory_ / "y.npy", {sum_named_, max_named_}).ok());
  EXPECT_TRUE(std::filesystem::exists(directory_ / "y.sum.npy"));
  EXPECT_TRUE(std::filesystem::exists(directory_ / "y.max.values.npy"));
  EXPECT_TRUE(std::filesystem::exists(directory_ / "y.max.indices.npy"));
  EXPECT_FALSE(WriteFiles("-", {sum_named_, max_named_}).ok());
}

TEST_F(OutputTest, AFileThatCannotBeWrittenIsNamed) {
  const absl::Status status = WriteFiles(directory_ / "missing" / "y.npy", {sum_named_});
  EXPECT_THAT(std::string(status.message()), HasSubstr("missing/y.npy: No such file or directory"));
  EXPECT_THAT(std::string(WriteFiles("/dev/full", {sum_named_}).message()), HasSubstr("No space left"));
}

template <typename T>
std::string DataOf(DType dtype, absl::Span<const int64_t> shape, const std::vector<T>& elements) {
  const std::string json = ToJson("sum", "result", {}, MakeTensor(dtype, shape, elements));
  const std::string key = "\"data\":";
  const size_t start = json.find(key) + key.size();
  return json.substr(start, json.size() - start - 1);
}

TEST(Json, DataIsNested) {
  EXPECT_EQ(DataOf<int8_t>(DType::kInt8, {2, 2}, {1, -2, 3, 4}), "[[1,-2],[3,4]]");
  EXPECT_EQ(DataOf<int8_t>(DType::kInt8, {int64_t{1} << 50, 0}, {}), "[]");
}

TEST(Json, FloatsAreShortestForTheirDType) {
  EXPECT_EQ(DataOf<float>(DType::kFloat32, {}, {0.1f}), "0.1");
  EXPECT_EQ(DataOf<double>(DType::kFloat64, {}, {0.1}), "0.1");
  EXPECT_EQ(DataOf<double>(DType::kFloat64, {}, {double{0.1f}}), "0.10000000149011612");
  EXPECT_EQ(DataOf<BFloat16>(DType::kBFloat16, {}, {ToBFloat16(1.5)}), "1.5");
  EXPECT_EQ(DataOf<float>(DType::kFloat32, {}, {1e30f}), "1e+30");
}

TEST(Json, WhatJsonCannotSayIsText) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(DataOf<float>(DType::kFloat32, {3}, {kNan, kInf, -kInf}), R"(["NaN","Infinity","-Infinity"])");
}

TEST(Json, OtherKinds) {
  EXPECT_EQ(DataOf<uint8_t>(DType::kBool, {2}, {1, 0}), "[true,false]");
  EXPECT_EQ(DataOf<uint64_t>(DType::kUInt64, {}, {UINT64_MAX}), "18446744073709551615");
  EXPECT_EQ(DataOf<std::complex<float>>(DType::kComplex64, {1}, {{1, -2.5f}}), "[[1,-2.5]]");
}

}  // namespace
}  // namespace treduce::cli
