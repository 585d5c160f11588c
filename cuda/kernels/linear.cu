// linear: y = x W^T, each output one dot product in the CPU's order: sixteen lanes, then the fold 8, 4, 2, 1. The bits are the CPU's.
// data:  reads  W [N,K] bf16 or f32 (HBM, streaming, once per eight rows of x), x [T,K] f32 (L1)     writes y [T,N] f32
// map:   up to 8 rows: two threads a weight row, each with eight of the sixteen lanes in registers: 32 neighbouring bytes of a row (bf16)
//        are one step of a pair; more rows: the tiles of dot_tile.cuh
// bound: bytes = N*K*2 (bf16) + T*4(K + N); a step of 16 bytes of bf16 a thread is 8 conversions and 8T fma; measured: not taken
#include "../../cpp/math/half.h"
#include "../dot_tile.cuh"
#include "../ptx.cuh"
#include "../reduce.cuh"

namespace rotor {
namespace cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kPairs = kThreads / 2;  // weight rows of a block
constexpr int kHalf = kLanes / 2;     // lanes of a thread
constexpr int kAhead = 4;             // steps whose weights are on their way

// Eight weights as they lie in memory.
template <class W>
struct Eight;
template <>
struct Eight<uint16_t> {
  uint4 raw;
  __device__ __forceinline__ void load(const uint16_t* p) { raw = loadStreaming(p); }
  __device__ __forceinline__ void values(float (&w)[kHalf]) const {
    const uint32_t pair[4] = {raw.x, raw.y, raw.z, raw.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      w[2 * i] = __uint_as_float(pair[i] << 16);
      w[2 * i + 1] = __uint_as_float(pair[i] & 0xffff0000u);
    }
  }
};
template <>
struct Eight<float> {
  uint4 raw[2];
  __device__ __forceinline__ void load(const float* p) {
    raw[0] = loadStreaming(p);
    raw[1] = loadStreaming(p + 4);
  }
  __device__ __forceinline__ void values(float (&w)[kHalf]) const {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      w[4 * i] = __uint_as_float(raw[i].x);
      w[4 * i + 1] = __uint_as_float(raw[i].y);
      w[4 * i + 2] = __uint_as_float(raw[i].z);
      w[4 * i + 3] = __uint_as_float(raw[i].w);
    }
  }
};

__device__ __forceinline__ float weightAt(const float* p) { return *p; }
__device__ __forceinline__ float weightAt(const uint16_t* p) { return bf16_f32(*p); }

// acc += x w for eight lanes of T rows.
template <int T>
__device__ __forceinline__ void multiply(const float* x, int64_t cols, const float (&w)[kHalf], float (&acc)[T][kHalf]) {
#pragma unroll
  for (int t = 0; t < T; ++t) {
    const float4 a = *reinterpret_cast<const float4*>(x + t * cols), b = *reinterpret_cast<const float4*>(x + t * cols + 4);
    const float v[kHalf] = {a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w};
#pragma unroll
    for (int l = 0; l < kHalf; ++l) acc[t][l] = fmaf(v[l], w[l], acc[t][l]);
  }
}

// WIDE: rows of x and W begin at multiples of 16 bytes.
template <class W, int T, bool WIDE>
__global__ void __launch_bounds__(kThreads) linearFew(const float* x, const W* weight, float* y, int64_t cols, int64_t n) {
  const int64_t row = int64_t(blockIdx.x) * kPairs + threadIdx.x / 2;
  const bool mine = row < n;
  const int first = int(threadIdx.x % 2) * kHalf;  // lane of this thread's first column
  const W* w = weight + (mine ? row : 0) * cols;
  const int64_t whole = WIDE ? cols / kLanes * kLanes : 0;
  dependencyWait();  // the weights of this op may be what the kernel before computed
  dependentsLaunch();
  Eight<W> ahead[kAhead];
#pragma unroll
  for (int s = 0; s < kAhead; ++s)
    if (s * kLanes < whole) ahead[s].load(w + s * kLanes + first);
  float acc[T][kHalf];
#pragma unroll
  for (int t = 0; t < T; ++t)
#pragma unroll
    for (int l = 0; l < kHalf; ++l) acc[t][l] = 0.0f;
  for (int64_t i = 0; i < whole; i += kAhead * kLanes) {
#pragma unroll
    for (int s = 0; s < kAhead; ++s) {
      const int64_t at = i + s * kLanes + first;
      if (at >= whole) break;
      float v[kHalf];
      ahead[s].values(v);
      if (at + kAhead * kLanes < whole) ahead[s].load(w + at + kAhead * kLanes);
      multiply<T>(x + at, cols, v, acc);
    }
  }
  for (int64_t i = whole + first; i < cols; i += kLanes) {
#pragma unroll
    for (int l = 0; l < kHalf; ++l) {
      if (i + l >= cols) break;
      const float v = weightAt(w + i + l);
#pragma unroll
      for (int t = 0; t < T; ++t) acc[t][l] = fmaf(x[t * cols + i + l], v, acc[t][l]);
    }
  }
#pragma unroll
  for (int t = 0; t < T; ++t) {
    float sum[kHalf];
#pragma unroll
    for (int l = 0; l < kHalf; ++l) sum[l] = acc[t][l] + __shfl_xor_sync(kAllLanes, acc[t][l], 1);  // lanes l and l + 8
#pragma unroll
    for (int step = kHalf / 2; step >= 1; step /= 2)
#pragma unroll
      for (int l = 0; l < step; ++l) sum[l] = sum[l] + sum[l + step];
    if (mine && first == 0) y[t * n + row] = sum[0];
  }
}

template <class W, bool WIDE>
void few(Launch& launch, const float* x, const W* weight, float* y, int64_t rows, int64_t cols, int64_t n) {
  Grid grid{dim3(unsigned(ceilDiv(n, kPairs))), dim3(kThreads), 0, true};
  int64_t t = 0;
  while (t < rows) {
    const int64_t left = rows - t, take = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
    const auto kernel = take == 8 ? linearFew<W, 8, WIDE> : take == 4 ? linearFew<W, 4, WIDE> : take == 2 ? linearFew<W, 2, WIDE> : linearFew<W, 1, WIDE>;
    launch(grid, kernel, x + t * cols, weight, y + t * n, cols, n);
    t += take;
  }
}

template <class W>
void linearAs(const Args& a, Launch& launch) {
  const int64_t rows = a.in[0].dims[0], cols = a.in[0].dims[1], n = a.in[1].dims[0];
  const float* x = a.in[0].as<float>();
  const W* weight = a.in[1].as<W>();
  float* y = a.out[0].as<float>();
  if (rows > 8) {
    const Operand<float> left{x, cols, 1, rows};
    const Operand<W> right{weight, cols, 1, n};
    launch(dotGrid(rows, n, 1), dotTiles<float, W>, left, right, y, cols, Batches{});
    return;
  }
  const bool wide = cols % 8 == 0 && reinterpret_cast<uintptr_t>(x) % 16 == 0 && reinterpret_cast<uintptr_t>(weight) % 16 == 0;
  if (wide) return few<W, true>(launch, x, weight, y, rows, cols, n);
  few<W, false>(launch, x, weight, y, rows, cols, n);
}

}  // namespace

void linear(const Args& a, Launch& launch) {
  if (a.in[1].dtype == DType::bf16) return linearAs<uint16_t>(a, launch);
  linearAs<float>(a, launch);
}

}  // namespace cuda
}  // namespace rotor
