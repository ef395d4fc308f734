// Pins the bits of every op: hashes of what it gives for generated tensors, kept in golden_hashes.txt. They hold for
// every machine and every version of v1, since the canonical order is part of the contract. An op that is added needs
// its hashes; one that is there keeps them:
//
//   TREDUCE_WRITE_GOLDEN=1 build/release/bin/golden_test && git diff tests/engine/golden_hashes.txt
//
// With TREDUCE_TEST_DEVICE=cuda they are held against what that device gives, and the CPU what it does not take.
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gtest/gtest.h"
#include "server/engine/engine.h"
#include "tests/engine/generate.h"
#include "tests/engine/requests.h"
#include "tests/engine/simd_targets.h"

namespace treduce {
namespace {

// FNV-1a, 64 bits (Fowler, Noll, Vo).
class Hash {
 public:
  void Add(const std::vector<std::byte>& bytes) {
    for (std::byte byte : bytes) hash_ = (hash_ ^ static_cast<uint64_t>(byte)) * 0x100000001b3;
  }
  std::string text() const { return absl::StrFormat("%016x", hash_); }

 private:
  uint64_t hash_ = 0xcbf29ce484222325;
};

// How the reduced dims lie.
struct Layout {
  const char* name;
  Shape shape;
  std::vector<int64_t> dim;
};

// Each with several leaves, and a last one that is not whole.
const std::vector<Layout> kLayouts = {
    {"row", {3, 70'001}, {1}},
    {"column", {5'003, 13}, {0}},
    {"segment", {37, 5, 1'100}, {0, 2}},
};

// Together on the CPU, or one by one on the device to be tested.
absl::StatusOr<std::vector<ReductionResult>> Reduce(Engine& engine, const Tensor& tensor,
                                                    const std::vector<Reduction>& reductions) {
  const char* device = std::getenv("TREDUCE_TEST_DEVICE");
  if (device == nullptr) return engine.Reduce(tensor.view(), reductions, "cpu");
  std::vector<ReductionResult> all;
  for (const Reduction& reduction : reductions) {
    absl::StatusOr<std::vector<ReductionResult>> results = engine.Reduce(tensor.view(), {reduction}, device);
    if (absl::IsUnimplemented(results.status())) results = engine.Reduce(tensor.view(), {reduction}, "cpu");
    if (!results.ok()) return results.status();
    all.push_back(std::move(results->front()));
  }
  return all;
}

// "float32 row sum ord=3" -> the hash over all fills.
std::map<std::string, std::string> Compute() {
  Engine engine;
  std::map<std::string, std::string> hashes;
  for (DType dtype : kAllDTypes) {
    for (const Layout& layout : kLayouts) {
      const std::vector<Reduction> reductions = ReductionsOf(dtype);
      std::vector<Hash> hash(reductions.size());
      for (Fill fill : kAllFills) {
        const Tensor tensor = Generate(dtype, layout.shape, fill);
        absl::StatusOr<std::vector<ReductionResult>> results = Reduce(engine, tensor, WithDim(reductions, layout.dim));
        EXPECT_TRUE(results.ok()) << results.status();
        if (!results.ok()) return {};
        for (size_t i = 0; i < reductions.size(); ++i) {
          for (const Tensor& output : (*results)[i].outputs) hash[i].Add(output.data);
        }
      }
      for (size_t i = 0; i < reductions.size(); ++i) {
        const std::string key = absl::StrCat(std::string(Name(dtype)), " ", layout.name, " ", Describe(reductions[i]));
        hashes[key] = hash[i].text();
      }
    }
  }
  return hashes;
}

std::map<std::string, std::string> Read(const std::string& path) {
  std::map<std::string, std::string> hashes;
  std::ifstream file(path);
  for (std::string hash, key; file >> hash && std::getline(file >> std::ws, key);) hashes[key] = hash;
  return hashes;
}

TEST(Golden, HashesHold) {
  const char* moved = std::getenv("TREDUCE_GOLDEN_HASHES");
  const std::string path = moved != nullptr ? moved : TREDUCE_GOLDEN_HASHES;
  if (std::getenv("TREDUCE_WRITE_GOLDEN") != nullptr) {
    std::ofstream file(path);
    for (const auto& [key, hash] : Compute()) file << hash << " " << key << "\n";
    ASSERT_TRUE(file.flush()) << path;
  }
  const std::map<std::string, std::string> golden = Read(path);
  ASSERT_FALSE(golden.empty()) << path << " is missing; the head of this test says how to write it";
  for (const SimdTarget& target : SimdTargets()) {
    SCOPED_TRACE(target.name);
    const ScopedSimdTarget scope(target);
    const std::map<std::string, std::string> computed = Compute();
    for (const auto& [key, hash] : golden) {
      const auto it = computed.find(key);
      EXPECT_EQ(it == computed.end() ? "not computed" : it->second, hash) << key;
    }
    for (const auto& [key, hash] : computed) {
      EXPECT_EQ(golden.count(key), 1u) << key << " has no golden hash";
    }
  }
}

}  // namespace
}  // namespace treduce
