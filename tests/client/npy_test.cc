// Headers of .npy files, well-formed and not.
#include "client/cli/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace treduce::cli {
namespace {

using ::testing::HasSubstr;

absl::Span<const std::byte> Bytes(const std::string& text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

// A file's header with `dict` in it.
std::string Header(const std::string& dict, char version = 1) {
  std::string header = "\x93NUMPY";
  header.append({version, '\0', static_cast<char>(dict.size() & 0xFF), static_cast<char>(dict.size() >> 8)});
  if (version > 1) header.append({'\0', '\0'});
  return header + dict;
}

std::string Dict(const std::string& descr, const std::string& shape, const std::string& fortran_order = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran_order + ", 'shape': " + shape + ", }\n";
}

absl::StatusOr<NpyHeader> Parse(const std::string& header) { return ParseNpyHeader(Bytes(header)); }

std::string ErrorOf(const std::string& header) { return std::string(Parse(header).status().message()); }

TEST(Npy, ParsesWhatNumPyWrites) {
  const auto header = Parse(Header(Dict("<f4", "(2, 3)")));
  ASSERT_TRUE(header.ok()) << header.status();
  EXPECT_EQ(header->dtype, DType::kFloat32);
  EXPECT_EQ(header->shape, (Shape{2, 3}));
  EXPECT_FALSE(header->fortran_order);
  EXPECT_FALSE(header->big_endian);
  EXPECT_EQ(header->byte_count, 24);
}

TEST(Npy, ParsesEveryDType) {
  const std::pair<const char*, DType> kTypes[] = {
      {"<f8", DType::kFloat64},   {"<f4", DType::kFloat32},    {"<f2", DType::kFloat16}, {"|i1", DType::kInt8},
      {"<i2", DType::kInt16},     {"<i4", DType::kInt32},      {"<i8", DType::kInt64},   {"|u1", DType::kUInt8},
      {"<u2", DType::kUInt16},    {"<u4", DType::kUInt32},     {"<u8", DType::kUInt64},  {"|b1", DType::kBool},
      {"<c8", DType::kComplex64}, {"<c16", DType::kComplex128}};
  for (const auto& [descr, dtype] : kTypes) {
    const auto header = Parse(Header(Dict(descr, "(1,)")));
    ASSERT_TRUE(header.ok()) << descr << ": " << header.status();
    EXPECT_EQ(header->dtype, dtype) << descr;
  }
}

TEST(Npy, ParsesEveryVersion) {
  for (char version : {1, 2, 3}) EXPECT_TRUE(Parse(Header(Dict("<f4", "(2,)"), version)).ok()) << int{version};
  EXPECT_THAT(ErrorOf(Header(Dict("<f4", "(2,)"), 4)), HasSubstr("version 4"));
  EXPECT_THAT(ErrorOf(Header(Dict("<f4", "(2,)"), 0)), HasSubstr("version 0"));
}

TEST(Npy, ParsesOrders) {
  EXPECT_TRUE(Parse(Header(Dict("<f4", "(2, 3)", "True")))->fortran_order);
  EXPECT_TRUE(Parse(Header(Dict(">f4", "(2, 3)")))->big_endian);
}

TEST(Npy, ParsesShapes) {
  EXPECT_EQ(Parse(Header(Dict("<f4", "()")))->shape, Shape{});
  EXPECT_EQ(Parse(Header(Dict("<f4", "()")))->byte_count, 4);
  EXPECT_EQ(Parse(Header(Dict("<f4", "(7,)")))->shape, Shape{7});
  EXPECT_EQ(Parse(Header(Dict("<f4", "(0, 3)")))->byte_count, 0);
  EXPECT_EQ(Parse(Header(Dict("<f4", "(2L, 3L)")))->shape, (Shape{2, 3})) << "as Python 2 wrote it";
}

TEST(Npy, ParsesKeysInAnyOrderAndEitherQuotes) {
  EXPECT_TRUE(Parse(Header("{\"shape\": (2,), 'fortran_order': False, \"descr\": \"<f4\"}")).ok());
}

TEST(Npy, RefusesWhatIsNoNpyFile) {
  EXPECT_EQ(ErrorOf(""), "not a .npy file");
  EXPECT_EQ(ErrorOf("PK\x03\x04 and so on"), "not a .npy file");
}

TEST(Npy, RefusesDTypesThatAreNotNumbers) {
  EXPECT_THAT(ErrorOf(Header(Dict("|O", "(2,)"))), HasSubstr("Python objects"));
  EXPECT_THAT(ErrorOf(Header(Dict("<U5", "(2,)"))), HasSubstr("'<U5'"));
  EXPECT_THAT(ErrorOf(Header(Dict("<f16", "(2,)"))), HasSubstr("'<f16'"));
  EXPECT_THAT(ErrorOf(Header(Dict("\x1b[31m", "(2,)"))), HasSubstr("'\\x1b[31m'"));
  EXPECT_THAT(ErrorOf(Header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }")),
              HasSubstr("structured"));
}

TEST(Npy, OpaqueElementsNeedADType) {
  const std::string header = Header(Dict("<V2", "(2,)"));
  EXPECT_THAT(ErrorOf(header), HasSubstr("--input-dtype bfloat16"));
  EXPECT_EQ(ParseNpyHeader(Bytes(header), DType::kBFloat16)->dtype, DType::kBFloat16);
  EXPECT_FALSE(ParseNpyHeader(Bytes(header), DType::kFloat32).ok()) << "of another size";
  EXPECT_FALSE(ParseNpyHeader(Bytes(Header(Dict("<f2", "(2,)"))), DType::kBFloat16).ok()) << "not opaque";
}

TEST(Npy, RefusesShapesThatCannotBe) {
  EXPECT_THAT(ErrorOf(Header(Dict("<f4", "(-1,)"))), HasSubstr("negative dimension"));
  EXPECT_THAT(ErrorOf(Header(Dict("<f4", "(4611686018427387904, 4)"))), HasSubstr("overflow"));
  EXPECT_THAT(ErrorOf(Header(Dict("<f8", "(4611686018427387904,)"))), HasSubstr("overflow"));
  EXPECT_THAT(ErrorOf(Header(Dict("<f8", "(99999999999999999999,)"))), HasSubstr("'shape'"));
  std::string many = "(";
  for (int i = 0; i < 65; ++i) many += "1, ";
  EXPECT_THAT(ErrorOf(Header(Dict("<f4", many + ")"))), HasSubstr("64 dims"));
}

TEST(Npy, RefusesMalformedDicts) {
  for (const char* dict :
       {"            ", "{            ", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': 2}", "{'descr': '<f4', 'fortran_order': False, 'shape': (2",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2 3)}", "{'descr': '<f4, 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'extra': 1}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} and more"}) {
    EXPECT_THAT(ErrorOf(Header(dict)), HasSubstr("malformed .npy header")) << dict;
  }
}

TEST(Npy, RefusesTruncationAnywhere) {
  const std::string header = Header(Dict("<f4", "(2, 3)"));
  for (size_t size = 0; size < header.size(); ++size) EXPECT_FALSE(Parse(header.substr(0, size)).ok()) << size;
}

TEST(Npy, RefusesHeadersThatClaimToBeHuge) {
  std::string header = Header(Dict("<f4", "(2,)"), 2);
  header[11] = '\x7F';
  EXPECT_THAT(std::string(NpyHeaderSize(Bytes(header)).status().message()), HasSubstr("bytes long"));
}

TEST(Npy, WritesWhatItReads) {
  for (DType dtype : kAllDTypes) {
    for (const Shape& shape : {Shape{}, Shape{3}, Shape{2, 0, 4}}) {
      const std::string header = MakeNpyHeader(dtype, shape);
      EXPECT_EQ(header.size() % 64, 0u);
      ASSERT_EQ(*NpyHeaderSize(Bytes(header)), header.size());
      const auto opaque = dtype == DType::kBFloat16 ? std::optional(dtype) : std::nullopt;
      const auto parsed = ParseNpyHeader(Bytes(header), opaque);
      ASSERT_TRUE(parsed.ok()) << parsed.status();
      EXPECT_EQ(parsed->dtype, dtype);
      EXPECT_EQ(parsed->shape, shape);
    }
  }
}

TEST(Npy, WritesAsNumPyDoes) {
  EXPECT_EQ(MakeNpyHeader(DType::kInt64, {2, 2}), std::string("\x93NUMPY\x01\x00v\x00", 10) +
                                                      "{'descr': '<i8', 'fortran_order': False, 'shape': (2, 2), }" +
                                                      std::string(58, ' ') + "\n");
}

}  // namespace
}  // namespace treduce::cli
