// The protocol's names of dtypes.
#ifndef TREDUCE_SERVER_INFERENCE_DATATYPES_H_
#define TREDUCE_SERVER_INFERENCE_DATATYPES_H_

#include <optional>
#include <string_view>

#include "inference/model_config.pb.h"
#include "server/engine/values/dtype.h"

namespace treduce {

// "FP32", "BF16", "INT64", "BOOL", ...; empty for complex dtypes, which the protocol does not have.
std::string_view DatatypeOf(DType dtype);

// The inverse; nullopt for anything else.
std::optional<DType> DTypeFromDatatype(std::string_view datatype);

// That of model configurations.
inference::DataType ConfigTypeOf(DType dtype);

}  // namespace treduce

#endif  // TREDUCE_SERVER_INFERENCE_DATATYPES_H_
