// The kernels of gather.cu compiled for the host, where simt_host.h runs them.
#include "server/engine/cuda/kernels/gather.cu"  // NOLINT(bugprone-suspicious-include)
