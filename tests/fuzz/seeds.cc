// Writes the inputs that fuzzing starts from, DIRECTORY/{wire,inference,npy}/*: well-formed requests and files, and
// some with a usual mistake. Usage: treduce-fuzz-seeds DIRECTORY
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/npy.h"
#include "server/engine/plan/op_registry.h"
#include "server/engine/values/dtype.h"
#include "server/engine/values/tensor.h"
#include "server/inference/contents.h"
#include "server/inference/datatypes.h"
#include "treduce/v1/treduce.pb.h"

namespace treduce {
namespace {

// The second byte of a wire input: how messages are cut.
constexpr char kWhole = 0;
constexpr char kCutShort = 5;

class Writer {
 public:
  explicit Writer(std::filesystem::path directory) : directory_(std::move(directory)) {
    std::filesystem::create_directories(directory_);
  }

  void Write(const std::string& name, const std::string& bytes) {
    std::ofstream(directory_ / name, std::ios::binary) << bytes;
  }

 private:
  std::filesystem::path directory_;
};

std::string Elements(size_t byte_count) {
  std::string bytes(byte_count, '\0');
  for (size_t i = 0; i < byte_count; ++i) bytes[i] = static_cast<char>(i * 37 + i / 7);
  return bytes;
}

v1::ReductionSpec Spec(DType dtype, const std::vector<int64_t>& shape, Op op, const std::vector<int64_t>& dim) {
  v1::ReductionSpec spec;
  spec.set_dtype(static_cast<v1::Dtype>(dtype));
  spec.mutable_shape()->Add(shape.begin(), shape.end());
  v1::Reduction& reduction = *spec.add_reductions();
  reduction.set_op(static_cast<v1::Op>(op));
  reduction.mutable_dim()->Add(dim.begin(), dim.end());
  return spec;
}

std::string Unary(char cut, const v1::ReductionSpec& spec, const std::string& data) {
  v1::ReduceRequest request;
  *request.mutable_spec() = spec;
  request.set_data(data);
  return std::string{'\0', cut} + request.SerializeAsString();
}

void AppendMessage(const v1::ReduceStreamRequest& message, std::string& to) {
  const std::string bytes = message.SerializeAsString();
  to += {static_cast<char>(bytes.size()), static_cast<char>(bytes.size() >> 8)};
  to += bytes;
}

std::string Stream(char cut, const v1::ReductionSpec& spec, const std::string& data, size_t chunk_size) {
  std::string input = {'\1', cut};
  v1::ReduceStreamRequest message;
  *message.mutable_spec() = spec;
  AppendMessage(message, input);
  for (size_t offset = 0; offset < data.size(); offset += chunk_size) {
    message.set_chunk(data.substr(offset, chunk_size));
    AppendMessage(message, input);
  }
  return input;
}

void WriteWireSeeds(Writer writer) {
  for (const OpInfo& op : AllOps()) {
    const std::string name(op.name);
    for (const DType dtype : {DType::kFloat32, DType::kBFloat16, DType::kInt16, DType::kBool, DType::kComplex64}) {
      const std::string data = Elements(24 * ByteSize(dtype));
      const std::string file = absl::StrCat(name, "-", std::string(Name(dtype)));
      writer.Write(file, Unary(kCutShort, Spec(dtype, {2, 3, 4}, op.op, {1}), data));
      writer.Write(file + "-stream", Stream(kCutShort, Spec(dtype, {2, 3, 4}, op.op, {}), data, 7));
    }
  }
  v1::ReductionSpec several = Spec(DType::kFloat64, {4, 1, 3}, Op::kVarMean, {0, -1});
  several.mutable_reductions(0)->mutable_variance()->set_correction(0.5);
  several.mutable_reductions(0)->set_keepdim(true);
  *several.add_reductions() = Spec(DType::kFloat64, {}, Op::kVectorNorm, {0}).reductions(0);
  several.mutable_reductions(1)->mutable_norm()->set_ord(3);
  several.mutable_reductions(1)->set_dtype(v1::DTYPE_FLOAT32);
  writer.Write("several", Unary(kWhole, several, Elements(96)));
  writer.Write("several-stream", Stream(kWhole, several, Elements(96), 96));
  writer.Write("empty-reduction", Unary(kWhole, Spec(DType::kInt8, {3, 0}, Op::kProd, {1}), ""));
  writer.Write("zero-dims", Unary(kWhole, Spec(DType::kUInt64, {}, Op::kMax, {}), Elements(8)));
  writer.Write("large", Unary(kWhole, Spec(DType::kFloat16, {70, 33}, Op::kLogSumExp, {0}), Elements(4620)));
  writer.Write("short", Unary(kWhole, Spec(DType::kFloat32, {5}, Op::kSum, {}), Elements(19)));
  writer.Write("long-stream", Stream(kWhole, Spec(DType::kFloat32, {5}, Op::kSum, {}), Elements(24), 8));
  writer.Write("overflow", Unary(kWhole, Spec(DType::kInt8, {1L << 62, 4}, Op::kSum, {}), ""));
  writer.Write("many-dims", Unary(kWhole, Spec(DType::kInt8, std::vector<int64_t>(65, 1), Op::kSum, {}), "1"));
  writer.Write("dim-twice", Unary(kWhole, Spec(DType::kInt8, {2, 2}, Op::kSum, {0, -2}), "1234"));
}

inference::ModelInferRequest InferRequestOf(const OpInfo& op, DType dtype) {
  inference::ModelInferRequest request;
  request.set_model_name(std::string(op.name));
  request.set_id("id");
  (*request.mutable_parameters())["dim"].set_string_param("1");
  auto& input = *request.add_inputs();
  input.set_name("input");
  input.set_datatype(std::string(DatatypeOf(dtype)));
  for (const int64_t extent : {2, 3, 4}) input.add_shape(extent);
  return request;
}

Tensor TensorOf(DType dtype) {
  std::string bytes = Elements(24 * ByteSize(dtype));
  if (dtype == DType::kBool) {
    for (char& byte : bytes) byte = byte % 3 == 0 ? 1 : 0;
  }
  const auto* data = reinterpret_cast<const std::byte*>(bytes.data());
  return {dtype, {24}, {data, data + bytes.size()}};
}

void WriteInferenceSeeds(Writer writer) {
  for (const OpInfo& op : AllOps()) {
    for (const DType dtype : {DType::kFloat32, DType::kBFloat16, DType::kInt8, DType::kUInt64, DType::kBool}) {
      const std::string file = absl::StrCat(std::string(op.name), "-", std::string(Name(dtype)));
      inference::ModelInferRequest request = InferRequestOf(op, dtype);
      request.add_raw_input_contents(Elements(24 * ByteSize(dtype)));
      writer.Write(file, kCutShort + request.SerializeAsString());
      if (!HasContents(dtype)) continue;
      request.clear_raw_input_contents();
      SetContents(TensorOf(dtype), *request.mutable_inputs(0)->mutable_contents());
      writer.Write(file + "-typed", kCutShort + request.SerializeAsString());
    }
  }
  inference::ModelInferRequest quantile = InferRequestOf(*FindOp(Op::kQuantile), DType::kFloat64);
  auto& parameters = *quantile.mutable_parameters();
  parameters["q"].set_string_param("[0.25, 0.5]");
  parameters["interpolation"].set_string_param("nearest");
  parameters["keepdim"].set_bool_param(true);
  parameters["dtype"].set_string_param("FP64");
  parameters["timeout"].set_int64_param(5);
  quantile.add_outputs()->set_name("result");
  quantile.add_raw_input_contents(Elements(192));
  writer.Write("parameters", kWhole + quantile.SerializeAsString());
  quantile.mutable_inputs(0)->mutable_contents()->add_fp64_contents(1);
  writer.Write("elements-twice", kWhole + quantile.SerializeAsString());
  inference::ModelInferRequest unique = InferRequestOf(*FindOp(Op::kUnique), DType::kInt16);
  (*unique.mutable_parameters())["return_counts"].set_string_param("true");
  unique.add_outputs()->set_name("counts");
  unique.mutable_inputs(0)->mutable_contents()->add_fp32_contents(1);
  writer.Write("wrong-contents", kWhole + unique.SerializeAsString());
}

void WriteNpySeeds(Writer writer) {
  for (const char flags : {'\0', '\1', '\2', '\3'}) {
    for (const DType dtype : kAllDTypes) {
      writer.Write(absl::StrCat(std::string(Name(dtype)), "-", static_cast<int>(flags)),
                   flags + cli::MakeNpyHeader(dtype, {2, 3}) + Elements(6 * ByteSize(dtype)));
    }
  }
  const auto file = [](char flags, char version, std::string dict, const std::string& data) {
    dict += '\n';
    std::string header =
        std::string(1, flags) + "\x93NUMPY" + std::string{version, '\0', static_cast<char>(dict.size()), '\0'};
    if (version > 1) header += std::string(2, '\0');
    return header + dict + data;
  };
  for (const char flags : {'\0', '\1'}) {
    const std::string suffix = absl::StrCat("-", static_cast<int>(flags));
    writer.Write("fortran" + suffix,
                 file(flags, 1, "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", Elements(24)));
    writer.Write("big-endian" + suffix,
                 file(flags, 2, "{'descr': '>c8', 'fortran_order': True, 'shape': (3,), }", Elements(24)));
    writer.Write("zero-dims" + suffix, file(flags, 3, "{'descr': '|i1', 'fortran_order': False, 'shape': ()}", "x"));
    writer.Write("short" + suffix,
                 file(flags, 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (99999, 99999), }", "123"));
    writer.Write("record" + suffix,
                 file(flags, 1, "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,), }", Elements(8)));
  }
}

}  // namespace
}  // namespace treduce

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: treduce-fuzz-seeds DIRECTORY\n");
    return 2;
  }
  const std::filesystem::path directory = argv[1];
  treduce::WriteWireSeeds(treduce::Writer(directory / "wire"));
  treduce::WriteInferenceSeeds(treduce::Writer(directory / "inference"));
  treduce::WriteNpySeeds(treduce::Writer(directory / "npy"));
  return 0;
}
