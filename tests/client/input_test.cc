// Files and pipes of all layouts, read as the row-major bytes that are sent.
#include "client/cli/input.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "client/cli/npy.h"
#include "client/cli/row_major.h"
#include "tests/client/tensors.h"

namespace treduce::cli {
namespace {

using ::testing::HasSubstr;

std::string TextOf(absl::Span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <typename T>
std::string TextOf(const std::vector<T>& elements) {
  return TextOf(BytesOf(elements));
}

// A .npy file with another `descr` or order than MakeNpyHeader writes.
std::string Npy(const std::string& descr, bool fortran_order, const std::string& shape, const std::string& data) {
  const std::string dict =
      "{'descr': '" + descr + "', 'fortran_order': " + (fortran_order ? "True" : "False") + ", 'shape': " + shape + "}";
  return std::string("\x93NUMPY\x01\0", 8) + static_cast<char>(dict.size()) + '\0' + dict + data;
}

class InputTest : public ::testing::TestWithParam<bool> {
 protected:
  ~InputTest() override {
    if (writer_.joinable()) writer_.join();
    if (pipe_ >= 0) close(pipe_);
    unlink(path_.c_str());
  }

  // Opens a file that holds `content`, or a pipe that it comes out of.
  absl::StatusOr<std::unique_ptr<Input>> Open(const std::string& content, const InputOptions& options = {}) {
    if (!GetParam()) {
      std::ofstream(path_, std::ios::binary) << content;
      return Input::Open(path_, options);
    }
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    pipe_ = ends[0];
    writer_ = std::thread([content, end = ends[1]] {
      size_t written = 0;
      while (written < content.size()) {
        const ssize_t count = write(end, content.data() + written, content.size() - written);
        if (count < 0) break;
        written += count;
      }
      close(end);
    });
    return Input::Open("/proc/self/fd/" + std::to_string(pipe_), options);
  }

  // All bytes of the tensor, read in pieces of 64.
  static std::string Read(const Input& input) {
    if (const auto* view = std::get_if<TensorView>(&input.tensor())) return TextOf(view->data);
    const auto& source = std::get<TensorSource>(input.tensor());
    std::string all;
    const auto wanted = static_cast<size_t>(*ByteCount(source.dtype, source.shape));
    while (all.size() < wanted) {
      std::vector<std::byte> piece(std::min<size_t>(64, wanted - all.size()));
      const absl::StatusOr<size_t> count = source.read(absl::MakeSpan(piece));
      if (!count.ok() || *count == 0) break;
      all += TextOf(absl::MakeConstSpan(piece).first(*count));
    }
    return all;
  }

 private:
  const std::string path_ = ::testing::TempDir() + "/input_test_" + std::to_string(getpid());
  int pipe_ = -1;
  std::thread writer_;
};

INSTANTIATE_TEST_SUITE_P(, InputTest, ::testing::Bool(),
                         [](const auto& parameter) { return parameter.param ? "Pipe" : "File"; });

TEST_P(InputTest, ReadsAnArray) {
  const Tensor tensor = Arange<float>(DType::kFloat32, {5, 20});
  const auto input = Open(MakeNpyHeader(tensor.dtype, tensor.shape) + TextOf(tensor.data));
  ASSERT_TRUE(input.ok()) << input.status();
  EXPECT_EQ(Read(**input), TextOf(tensor.data));
}

TEST_P(InputTest, MapsWhatItCan) {
  const auto input = Open(MakeNpyHeader(DType::kInt8, {3}) + "abc");
  ASSERT_TRUE(input.ok()) << input.status();
  EXPECT_EQ(std::holds_alternative<TensorView>((*input)->tensor()), !GetParam());
}

TEST_P(InputTest, ReordersFortranOrder) {
  const auto input = Open(Npy("<i4", true, "(2, 3)", TextOf(std::vector<int32_t>{1, 4, 2, 5, 3, 6})));
  ASSERT_TRUE(input.ok()) << input.status();
  EXPECT_EQ(Read(**input), TextOf(std::vector<int32_t>{1, 2, 3, 4, 5, 6}));
}

TEST_P(InputTest, SwapsBigEndian) {
  const auto input = Open(Npy(">i2", false, "(3,)", std::string("\0\1\0\2\1\0", 6)));
  ASSERT_TRUE(input.ok()) << input.status();
  EXPECT_EQ(Read(**input), TextOf(std::vector<int16_t>{1, 2, 256}));
}

TEST_P(InputTest, SwapsThePartsOfComplexNumbersApart) {
  std::string data = TextOf(std::vector<double>{1.5, -2});
  std::reverse(data.begin(), data.begin() + 8);
  std::reverse(data.begin() + 8, data.end());
  const auto input = Open(Npy(">c16", false, "()", data));
  ASSERT_TRUE(input.ok()) << input.status();
  EXPECT_EQ(Read(**input), TextOf(std::vector<double>{1.5, -2}));
}

TEST_P(InputTest, ReadsRawElements) {
  const auto input = Open("abcdef", {.raw = RawLayout{DType::kUInt8, {2, 3}}, .opaque_dtype = {}});
  ASSERT_TRUE(input.ok()) << input.status();
  EXPECT_EQ(Read(**input), "abcdef");
}

TEST_P(InputTest, ReadsEmptyArrays) {
  const auto input = Open(Npy("<f8", true, "(0, 576460752303423488)", ""));
  ASSERT_TRUE(input.ok()) << input.status();
  EXPECT_EQ(Read(**input), "");
}

TEST_P(InputTest, RefusesWhatIsNoArray) { EXPECT_EQ(Open("").status().message(), "not a .npy file"); }

TEST_P(InputTest, NoticesMissingData) {
  const auto input = Open(Npy("<f4", false, "(100,)", "too short"));
  if (GetParam()) {
    EXPECT_EQ(Read(**input), "too short");
  } else {
    EXPECT_THAT(std::string(input.status().message()), HasSubstr("holds 9 bytes of data, but 400 are expected"));
  }
}

TEST_P(InputTest, NoticesMissingDataInFortranOrder) {
  const auto input = Open(Npy("<f4", true, "(10, 10)", "too short"));
  EXPECT_THAT(std::string(input.status().message()), HasSubstr("9"));
}

TEST_P(InputTest, RawElementsMustEndWithTheTensor) {
  const auto input = Open("abcdef", {.raw = RawLayout{DType::kUInt8, {5}}, .opaque_dtype = {}});
  if (!GetParam()) {
    EXPECT_THAT(std::string(input.status().message()), HasSubstr("but 5 are expected"));
    return;
  }
  std::vector<std::byte> bytes(5);
  const auto read = std::get<TensorSource>((*input)->tensor()).read(absl::MakeSpan(bytes));
  EXPECT_THAT(std::string(read.status().message()), HasSubstr("goes on after the 5 bytes expected"));
}

TEST(Input, AFileOfRawElementsHasTheRightSize) {
  const auto input = Input::Open("/proc/self/exe", {.raw = RawLayout{DType::kUInt8, {3}}, .opaque_dtype = {}});
  EXPECT_THAT(std::string(input.status().message()), HasSubstr("but 3 are expected"));
}

TEST(Input, SaysWhatIsWrongWithAPath) {
  EXPECT_EQ(Input::Open("/nonexistent", {}).status().message(), "No such file or directory");
  EXPECT_EQ(Input::Open("/tmp", {}).status().message(), "Is a directory");
}

TEST(RowMajorReader, ReadsAnyShapeInAnyPieces) {
  const Shape shape = {3, 1, 4, 5};
  const Tensor row_major = Arange<int16_t>(DType::kInt16, shape);
  std::vector<int16_t> column_major;
  for (int l = 0; l < 5; ++l) {
    for (int k = 0; k < 4; ++k) {
      for (int i = 0; i < 3; ++i) column_major.push_back(static_cast<int16_t>((i * 4 + k) * 5 + l));
    }
  }
  for (size_t piece : {1, 3, 7, 60}) {
    RowMajorReader reader(BytesOf(column_major), shape, sizeof(int16_t));
    std::vector<int16_t> read(column_major.size());
    auto rest = absl::MakeSpan(reinterpret_cast<std::byte*>(read.data()), read.size() * sizeof(int16_t));
    while (!rest.empty()) {
      const size_t size = std::min(rest.size(), piece * sizeof(int16_t));
      reader.Read(rest.first(size));
      rest.remove_prefix(size);
    }
    EXPECT_EQ(read, ElementsOf<int16_t>(row_major)) << "in pieces of " << piece;
  }
}

}  // namespace
}  // namespace treduce::cli
