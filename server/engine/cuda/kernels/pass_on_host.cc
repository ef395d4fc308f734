// The kernels of pass.cu compiled for the host, where simt_host.h runs them.
#include "server/engine/cuda/kernels/pass.cu"  // NOLINT(bugprone-suspicious-include)
