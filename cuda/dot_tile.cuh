// Tiles of dot products in the CPU's order of sums. Sixteen threads, one for each lane of the sum, own 8 x 8 outputs: a thread takes every
// sixteenth element of the vectors, and the lanes are folded once at the end.
#pragma once
#include "../cpp/math/half.h"
#include "reduce.cuh"

namespace rotor {
namespace cuda {

constexpr int kDotTile = 32;                   // outputs of a block each way
constexpr int kDotStep = 4 * kLanes;           // elements of a vector in shared memory: four of each lane, side by side
constexpr int kDotRow = kDotStep + 4;          // floats of a vector there; the 4 spread writes over the banks
constexpr int kDotThreads = kDotTile * kDotTile / 4;

// Vectors of an operand: element i of vector r at data[r * step + i * along].
template <class T>
struct Operand {
  const T* data;
  int64_t step, along, count;
};

// Dimensions before the last two, of the output and of where each operand has them.
struct Batches {
  int n = 0;
  int64_t dims[kMaxDims] = {}, left[kMaxDims] = {}, right[kMaxDims] = {};
};

inline Grid dotGrid(int64_t rows, int64_t cols, int64_t batches) {
  return {dim3(unsigned(ceilDiv(rows, kDotTile) * ceilDiv(cols, kDotTile)), unsigned(batches < 65535 ? batches : 65535)), dim3(kDotThreads), 2 * kDotTile * kDotRow * sizeof(float)};
}

__device__ __forceinline__ float dotValue(float v) { return v; }
__device__ __forceinline__ float dotValue(uint16_t v) { return bf16_f32(v); }

// Brings elements [i, i + kDotStep) of vectors [r, r + kDotTile) to shared memory, zeros where there are none.
template <class T>
__device__ __forceinline__ void stage(const Operand<T>& x, const T* data, int64_t r, int64_t i, int64_t k, float* to) {
  for (int u = int(threadIdx.x); u < kDotTile * kLanes; u += kDotThreads) {
    const bool near = x.along == 1;  // neighbouring threads read neighbouring elements
    const int lane = near ? u % kLanes : u / kDotTile, vec = near ? u / kLanes : u % kDotTile;
    float v[4];
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const int64_t at = i + j * kLanes + lane;
      v[j] = r + vec < x.count && at < k ? dotValue(data[(r + vec) * x.step + at * x.along]) : 0.0f;
    }
    *reinterpret_cast<float4*>(to + vec * kDotRow + lane * 4) = {v[0], v[1], v[2], v[3]};
  }
}

// One step of the fold: lanes that differ in `bit` share 2 N sums out, N for each.
template <int N>
__device__ __forceinline__ void share(float (&acc)[64], int bit) {
  const bool upper = (threadIdx.x & bit) != 0;
#pragma unroll
  for (int i = 0; i < N; ++i) {
    const float give = upper ? acc[i] : acc[i + N], keep = upper ? acc[i + N] : acc[i];
    acc[i] = keep + __shfl_xor_sync(kAllLanes, give, bit);
  }
}

// y[.., r, c] = dot of vector r of `left` and vector c of `right`, k elements.
template <class A, class B>
__global__ void __launch_bounds__(kDotThreads, 1) dotTiles(Operand<A> left, Operand<B> right, float* y, int64_t k, Batches batches) {
  float* const p = shared<float>();
  float* const q = p + kDotTile * kDotRow;
  const int64_t across = ceilDiv(right.count, kDotTile), r0 = blockIdx.x / across * kDotTile, c0 = blockIdx.x % across * kDotTile;
  const int lane = threadIdx.x % kLanes, group = threadIdx.x / kLanes, rowAt = group / 4 * 8, colAt = group % 4 * 8;
  int64_t all = 1;
  for (int d = 0; d < batches.n; ++d) all *= batches.dims[d];
  for (int64_t b = blockIdx.y; b < all; b += gridDim.y) {
    const A* from = left.data;
    const B* by = right.data;
    int64_t rest = b;
    for (int d = batches.n - 1; d >= 0; --d) {
      from += rest % batches.dims[d] * batches.left[d];
      by += rest % batches.dims[d] * batches.right[d];
      rest /= batches.dims[d];
    }
    float acc[64];
#pragma unroll
    for (int i = 0; i < 64; ++i) acc[i] = 0.0f;
    for (int64_t i = 0; i < k; i += kDotStep) {
      stage(left, from, r0, i, k, p);
      stage(right, by, c0, i, k, q);
      __syncthreads();
      float4 w[8];
#pragma unroll
      for (int c = 0; c < 8; ++c) w[c] = *reinterpret_cast<const float4*>(q + (colAt + c) * kDotRow + lane * 4);
#pragma unroll
      for (int r = 0; r < 8; ++r) {
        const float4 v = *reinterpret_cast<const float4*>(p + (rowAt + r) * kDotRow + lane * 4);
#pragma unroll
        for (int c = 0; c < 8; ++c) {
          float s = acc[r * 8 + c];
          s = fmaf(v.x, w[c].x, s);
          s = fmaf(v.y, w[c].y, s);
          s = fmaf(v.z, w[c].z, s);
          acc[r * 8 + c] = fmaf(v.w, w[c].w, s);
        }
      }
      __syncthreads();
    }
    share<32>(acc, 8);
    share<16>(acc, 4);
    share<8>(acc, 2);
    share<4>(acc, 1);
    // Bits 3 to 1 of the lane are the row, bit 0 the half of its columns.
    const int64_t r = r0 + rowAt + lane / 2;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int64_t c = c0 + colAt + lane % 2 * 4 + i;
      if (r < left.count && c < right.count) y[(b * left.count + r) * right.count + c] = acc[i];
    }
  }
}

}  // namespace cuda
}  // namespace rotor
