// PyTorch and NumPy, in a Python process that runs peers.py.
#ifndef TREDUCE_TESTS_BENCH_KERNELS_PEERS_H_
#define TREDUCE_TESTS_BENCH_KERNELS_PEERS_H_

#include <sys/types.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "nlohmann/json_fwd.hpp"
#include "server/engine/values/tensor.h"
#include "tests/bench/kernels/cells.h"
#include "tests/bench/kernels/memory_file.h"

namespace treduce::bench {

class Peers {
 public:
  // Runs `command`, a Python interpreter and the path of peers.py among its arguments. With `keep_memory` the peers'
  // temporary tensors take memory that was used before, not fresh pages. UNAVAILABLE when it does not answer.
  static absl::StatusOr<std::unique_ptr<Peers>> Start(const std::vector<std::string>& command, bool keep_memory);
  // Waits for the process to end.
  ~Peers();
  Peers(const Peers&) = delete;
  Peers& operator=(const Peers&) = delete;

  // Both versions, in one line.
  std::string_view versions() const { return versions_; }

  // Has the elements of `file` at hand for problems of this fill.
  absl::Status Open(Fill fill, DType dtype, const MemoryFile& file);
  // Forgets all that was opened.
  absl::Status Close();

  // `peer` is "torch" or "numpy". Calls it once and gives the seconds; nullopt where it has no such kernel, or not with
  // this dtype or shape. What it returned goes to `outputs`, unless that is nullptr.
  absl::StatusOr<std::optional<double>> Run(std::string_view peer, const Problem& problem, int threads,
                                            std::vector<Tensor>* outputs);
  // Seconds of `repeats` calls of what `peer` ran last.
  absl::StatusOr<double> Time(std::string_view peer, int threads, int repeats);

 private:
  Peers(pid_t process, std::FILE* requests, std::FILE* answers)
      : process_(process), requests_(requests), answers_(answers) {}
  absl::StatusOr<nlohmann::json> Ask(const nlohmann::json& request);
  absl::Status ReadOutputs(const nlohmann::json& described, std::vector<Tensor>& outputs) const;

  pid_t process_;
  std::FILE* requests_;
  std::FILE* answers_;
  std::unique_ptr<MemoryFile> result_;
  std::string versions_;
};

}  // namespace treduce::bench

#endif  // TREDUCE_TESTS_BENCH_KERNELS_PEERS_H_
