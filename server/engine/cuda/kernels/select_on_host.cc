// The kernels of select.cu compiled for the host, where simt_host.h runs them.
#include "server/engine/cuda/kernels/select.cu"  // NOLINT(bugprone-suspicious-include)
