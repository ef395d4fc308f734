// The kernels of convert.cu compiled for the host, where simt_host.h runs them.
#include "server/engine/cuda/kernels/convert.cu"  // NOLINT(bugprone-suspicious-include)
