// What every kernel file starts from: the runtime (the toolkit's, or the simulator's of the same name), views of tensors, launches.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>

#include "../cpp/backend.h"

namespace rotor {
namespace cuda {

constexpr int kWarp = 32;
constexpr uint32_t kAllLanes = 0xffffffffu;

// What the launch wrappers may choose by.
struct Chip {
  int major = 0, minor = 0;  // compute capability
  int multiprocessors = 1;
  int sharedBytes = 0;  // most dynamic shared memory of a block
  bool atLeast(int ma, int mi) const { return major > ma || (major == ma && minor >= mi); }
};

// Bad data met by a kernel, in memory that the host reads after the run. Only the first one of a run is kept.
struct FaultCell {
  unsigned call;  // 1 + index of the call in its program; 0: none
  unsigned range;  // 1: a number that a 16-bit float cannot hold, else an index
  long long value, limit;
};

// Passed by value to kernels that may meet bad data.
struct DeviceFault {
  FaultCell* cell;
  unsigned call;
  __device__ void raise(long long value, long long limit) const {
    if (atomicCAS_system(&cell->call, 0u, call + 1) == 0u) {
      cell->range = 0;
      cell->value = value;
      cell->limit = limit;
    }
  }
  __device__ void raiseRange() const {
    if (atomicCAS_system(&cell->call, 0u, call + 1) == 0u) cell->range = 1;
  }
};

// Size of a launch.
struct Grid {
  dim3 blocks;
  dim3 threads;
  size_t shared = 0;  // bytes of dynamic shared memory, see shared<T>()
  // The kernel calls dependencyWait() before it touches anything that an earlier kernel writes, in every thread: it may start early.
  bool early = false;
};

// How a launch wrapper runs kernels. A wrapper is called twice: first to measure its scratch, when nothing is launched, then for real.
// It must do the same both times, and never allocates, synchronises or reads device memory: so every op can be captured in a graph.
class Launch {
 public:
  const Chip& chip;
  const DeviceFault fault;

  Launch(const Chip& c, DeviceFault f, cudaStream_t stream, char* memory) : chip(c), fault(f), stream_(stream), memory_(memory) {}

  // Room for `count` elements of T in device memory, aligned to 256 bytes, uninitialised, valid during this call.
  template <class T>
  T* scratch(int64_t count) {
    const size_t at = used_;
    used_ += (size_t(count) * sizeof(T) + 255) / 256 * 256;
    return reinterpret_cast<T*>(memory_ + at);
  }

  // Launches unless the grid is empty. Arguments are converted to the kernel's parameters.
  template <class... P, class... A>
  void operator()(const Grid& grid, void (*kernel)(P...), A... arguments);

  bool measuring() const { return memory_ == nullptr; }
  size_t used() const { return used_; }
  cudaError_t error() const { return error_; }

 private:
  cudaStream_t stream_;
  char* memory_;
  size_t used_ = 0;
  cudaError_t error_ = cudaSuccess;
};

template <class... P, class... A>
void Launch::operator()(const Grid& grid, void (*kernel)(P...), A... arguments) {
  if (measuring() || error_ != cudaSuccess) return;
  if (grid.blocks.x == 0 || grid.blocks.y == 0 || grid.blocks.z == 0) return;
  if (grid.shared > 48 * 1024) error_ = cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize, int(grid.shared));
  cudaLaunchAttribute attribute = {};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = grid.blocks;
  config.blockDim = grid.threads;
  config.dynamicSmemBytes = grid.shared;
  config.stream = stream_;
  config.attrs = &attribute;
  config.numAttrs = grid.early && chip.atLeast(9, 0) ? 1 : 0;
  if (error_ == cudaSuccess) error_ = cudaLaunchKernelEx(&config, kernel, P(arguments)...);
}

// The block's dynamic shared memory.
template <class T>
__device__ __forceinline__ T* shared() {
#ifdef ROTOR_CUDA_SIM
  return static_cast<T*>(sim::sharedMemory());
#else
  extern __shared__ __align__(1024) unsigned char memory[];
  return reinterpret_cast<T*>(memory);
#endif
}

ROTOR_ANYWHERE int64_t ceilDiv(int64_t n, int64_t d) { return (n + d - 1) / d; }

// A grid of one dimension with a thread for each of `count` items, in strides of the grid beyond 2^20 blocks.
inline Grid gridFor(int64_t count, int threads = 256) {
  const int64_t blocks = ceilDiv(count, threads);
  return {dim3(unsigned(blocks < (1 << 20) ? blocks : 1 << 20)), dim3(unsigned(threads))};
}

// First item of this thread, and the distance to its next one.
__device__ __forceinline__ int64_t firstItem() { return int64_t(blockIdx.x) * blockDim.x + threadIdx.x; }
__device__ __forceinline__ int64_t itemStep() { return int64_t(gridDim.x) * blockDim.x; }

// Launch wrappers, one per line of ops.def, in kernels/*.cu. One that is not linked in is null: the op is not supported.
#define OP(name, minIn, maxIn, minOut, maxOut, nAttrs, flags) __attribute__((weak)) void name(const Args& a, Launch& launch);
#include "../cpp/ops.def"
#undef OP

}  // namespace cuda
}  // namespace rotor
