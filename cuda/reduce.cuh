// Reductions in a fixed order. Lane i meets lane i ^ step for falling steps, so that every lane ends with the same bits; from sixteen
// lanes this is the fold 8, 4, 2, 1 of the CPU kernels.
#pragma once
#include "common.cuh"

namespace rotor {
namespace cuda {

constexpr int kLanes = 16;  // of the CPU's sums: element j belongs to lane j mod 16

struct Sum {
  template <class T>
  __device__ __forceinline__ T operator()(T a, T b) const {
    return a + b;
  }
};
// The second operand wins on NaN, as in the CPU kernels.
struct Max {
  template <class T>
  __device__ __forceinline__ T operator()(T a, T b) const {
    return a > b ? a : b;
  }
};
struct Min {
  template <class T>
  __device__ __forceinline__ T operator()(T a, T b) const {
    return a < b ? a : b;
  }
};

// f of the values of each group of Width neighbouring lanes, in all of them. The whole warp must come here.
template <int Width, class T, class F>
__device__ __forceinline__ T fold(T v, F f) {
#pragma unroll
  for (int step = Width / 2; step >= 1; step /= 2) v = f(v, __shfl_xor_sync(kAllLanes, v, step));
  return v;
}

// f of the values of all threads of the block, in all of them. `memory`: shared, one T for each warp. Blocks are whole warps in a row.
template <class T, class F>
__device__ __forceinline__ T blockFold(T v, F f, T* memory) {
  const int warps = int(blockDim.x) / kWarp;
  v = fold<kWarp>(v, f);
  if (warps == 1) return v;
  if (threadIdx.x % kWarp == 0) memory[threadIdx.x / kWarp] = v;
  __syncthreads();
  v = memory[0];
  for (int w = 1; w < warps; ++w) v = f(v, memory[w]);
  __syncthreads();  // memory may be used again
  return v;
}

}  // namespace cuda
}  // namespace rotor
