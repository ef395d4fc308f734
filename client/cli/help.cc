// See help.h.
#include "client/cli/help.h"

#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace treduce::cli {
namespace {

constexpr char kUsage[] =
    R"(Usage: treduce OP [OP...] FILE [OPTION...]
       treduce health|describe|ops [--server ADDRESS]

Reduces the tensor in FILE with PyTorch's semantics and prints the results as PyTorch does. Several ops are computed in
one pass. FILE is a .npy file, in C or Fortran order, or - for standard input.

  treduce sum x.npy
  treduce sum mean std x.npy --dim 0,1 --keepdim
  treduce max x.npy --dim -1 --output y.npy           y.max.values.npy and y.max.indices.npy
  head -c 4000 /dev/zero | treduce all - --raw float32:10x100
)";

constexpr char kOptions[] = R"(
What to reduce
  --dim DIM[,DIM...]   Dims to reduce, from the end when negative. May be repeated. Default: all.
  --keepdim            Keeps the reduced dims, with extent 1.
  --dtype DTYPE        Casts the input first, for the ops that have this option.
  --correction NUMBER  Of var, std, var_mean and std_mean: the divisor is n - NUMBER. Default: 1.
  --ord NUMBER         Order of vector_norm; also inf and -inf. Default: 2.
  --q NUMBER[,...]     Of quantile and nanquantile: one, or a list ("0.5," is one), which is a dim in front. Default: 0.5.
  --interpolation NAME Of the same, between two elements: linear (the default), lower, higher, midpoint or nearest.
  --return-inverse     Of unique and unique_consecutive: also the place of each element among the unique ones.
  --return-counts      Of the same: also how often each unique one occurs.

Input
  --raw DTYPE:SHAPE    FILE is bare elements, row-major and little-endian: float32:100x64.
  --input-dtype DTYPE  What opaque elements of a .npy file are: bfloat16, as ml_dtypes writes it.

Output
  --json               Prints one JSON object per line for each tensor. NaN and infinities are the strings "NaN",
                       "Infinity" and "-Infinity"; complex elements are arrays of two.
  --output FILE, -o    Writes a .npy file, - for standard output, and prints nothing. Several results go to several
                       files: y.sum.npy, y.max.values.npy, y.max.indices.npy. bfloat16 is written as ml_dtypes does.

Server
  --server ADDRESS     HOST:PORT or unix:PATH. Default: $TREDUCE_SERVER; if it is not set either, the command is its own
                       server, in its own process.
  --device DEVICE      Where the server reduces: cpu, cuda or cuda:1. Default: the server chooses; the command that is
                       its own server takes the CPU.
  --timeout SECONDS    Gives up on the server after this long; input may take its time. Default: never.

Commands
  health               Exits with 0 when the server takes requests.
  describe             Version, limits and devices of the server.
  ops                  The ops of the server. 'treduce OP --help' describes one.

Exit status: 0 done; 1 refused by the server, or a file cannot be read or written; 2 the command line is wrong;
3 no server, not serving, or no answer in time.
)";

std::string Joined(absl::Span<const std::string_view> names) {
  return absl::StrJoin(names, ", ", [](std::string* out, std::string_view name) { out->append(name); });
}

}  // namespace

std::string HelpText() {
  constexpr size_t kColumns = 100;
  std::string ops = "\nOps:";
  for (const OpInfo& op : AllOps()) {
    const bool wraps = ops.size() - ops.rfind('\n') + op.name.size() > kColumns;
    absl::StrAppend(&ops, wraps ? "\n     " : " ", std::string(op.name));
  }
  return absl::StrCat(kUsage, ops, "\n", kOptions);
}

std::string HelpText(const OpInfo& op) {
  std::vector<std::string_view> options = {"--dim", "--keepdim"};
  if (op.casts) options.push_back("--dtype");
  if (op.options == OptionsKind::kVariance) options.push_back("--correction");
  if (op.options == OptionsKind::kNorm) options.push_back("--ord");
  if (op.options == OptionsKind::kQuantile) options.insert(options.end(), {"--q", "--interpolation"});
  if (op.options == OptionsKind::kUnique) {
    options = {"--dim (one)", "--return-inverse", "--return-counts"};
  }
  std::vector<std::string_view> dtypes;
  for (DType dtype : kAllDTypes) {
    if (op.accepts(dtype)) dtypes.push_back(Name(dtype));
  }
  const bool depends = op.outputs.size() != op.outputs_all_dims.size();
  return absl::StrCat("treduce ", std::string(op.name), " FILE\n\n", std::string(op.summary),
                      "\n\nGives:   ", Joined(op.outputs),
                      depends ? absl::StrCat(" with --dim, else ", Joined(op.outputs_all_dims)) : "",
                      "\nTakes:   ", Joined(dtypes), op.accepts_cast(DType::kInt64) ? "; others with --dtype" : "",
                      "\nOptions: ", Joined(options), "\n\n'treduce --help' describes the options.\n");
}

}  // namespace treduce::cli
