// One product of a row of activations with a stored weight row, in the one order of `linear`: sixteen lanes, folded 8, 4, 2, 1.
#pragma once
#include "../cpp/math/half.h"
#include "ptx.cuh"
#include "reduce.cuh"

namespace rotor {
namespace cuda {

constexpr int kDotBytes = 4096;  // of shared memory that a warp needs, at 16-byte addresses

__device__ __forceinline__ float widened(float v) { return v; }
__device__ __forceinline__ float widened(uint16_t v) { return bf16_f32(v); }

// The whole warp works on one row, and all lanes get the product. The row goes through `buffer`, so that it is read 16 bytes a lane
// although neighbouring elements belong to different lanes of the sum. WIDE: it is at 16-byte addresses, and a multiple of them long.
template <bool WIDE, class W>
__device__ __forceinline__ float rowDot(const float* x, const W* weight, int64_t k, void* buffer) {
  constexpr int kPart = kDotBytes / int(sizeof(W));
  W* part = static_cast<W*>(buffer);
  const int lane = threadIdx.x % kWarp;
  float acc = 0.0f;
  for (int64_t b = 0; b < k; b += kPart) {
    const int n = int(k - b < kPart ? k - b : kPart);
    if (WIDE)
      for (int i = lane; i < n * int(sizeof(W)) / 16; i += kWarp) static_cast<uint4*>(buffer)[i] = loadStreaming(reinterpret_cast<const uint4*>(weight + b) + i);
    else
      for (int i = lane; i < n; i += kWarp) part[i] = weight[b + i];
    __syncwarp();
#pragma unroll 8
    for (int i = lane % kLanes; i < n; i += kLanes) acc = fmaf(x[b + i], widened(part[i]), acc);
    __syncwarp();
  }
  if (lane % kLanes >= k % kLanes && k % kLanes != 0) acc = acc + 0.0f;  // as the CPU, whose last step adds products of zeros
  return fold<kLanes>(acc, Sum());
}

}  // namespace cuda
}  // namespace rotor
