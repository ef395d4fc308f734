// TREDUCE_HOST_DEVICE: before a function that CUDA kernels call, too.
#ifndef TREDUCE_SERVER_ENGINE_VALUES_HOST_DEVICE_H_
#define TREDUCE_SERVER_ENGINE_VALUES_HOST_DEVICE_H_

#ifdef __CUDACC__
#define TREDUCE_HOST_DEVICE __host__ __device__
#else
#define TREDUCE_HOST_DEVICE
#endif

#endif  // TREDUCE_SERVER_ENGINE_VALUES_HOST_DEVICE_H_
