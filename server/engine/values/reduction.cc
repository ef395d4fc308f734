// Names of the interpolations, in the order of their numbers.
#include "server/engine/values/reduction.h"

#include <algorithm>
#include <iterator>

namespace treduce {
namespace {

constexpr std::string_view kNames[] = {"linear", "lower", "higher", "midpoint", "nearest"};

}  // namespace

std::string_view Name(Interpolation interpolation) { return kNames[static_cast<int>(interpolation) - 1]; }

std::optional<Interpolation> InterpolationFromName(std::string_view name) {
  const auto* found = std::find(std::begin(kNames), std::end(kNames), name);
  if (found == std::end(kNames)) return std::nullopt;
  return static_cast<Interpolation>(found - kNames + 1);
}

}  // namespace treduce
