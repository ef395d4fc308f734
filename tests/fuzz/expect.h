// What fuzz targets hold.
#ifndef TREDUCE_TESTS_FUZZ_EXPECT_H_
#define TREDUCE_TESTS_FUZZ_EXPECT_H_

#include <cstdlib>

namespace treduce {

// Ends the process unless `held`, which a fuzzer takes for a finding.
inline void Expect(bool held) {
  if (!held) std::abort();
}

}  // namespace treduce

#endif  // TREDUCE_TESTS_FUZZ_EXPECT_H_
