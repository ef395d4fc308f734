// Results as JSON.
#ifndef TREDUCE_CLIENT_CLI_JSON_H_
#define TREDUCE_CLIENT_CLI_JSON_H_

#include <string>
#include <string_view>

#include "server/engine/values/reduction.h"
#include "server/engine/values/tensor.h"

namespace treduce::cli {

// One output tensor of a reduction as an object of one line:
//
//   {"op":"max","output":"values","dim":[0],"keepdim":false,"dtype":"float32","shape":[2],"data":[3,4.5]}
//
// `data` is nested as the shape is, and a bare element for a 0-d tensor. Floats have the fewest digits that give the
// same value of their dtype again; as JSON has no others, NaN and the infinities are the strings "NaN", "Infinity" and
// "-Infinity". A complex element is an array of its real and its imaginary part.
std::string ToJson(std::string_view op, std::string_view output, const Reduction& reduction, const Tensor& tensor);

}  // namespace treduce::cli

#endif  // TREDUCE_CLIENT_CLI_JSON_H_
