// softmax: y = e^(x - max) / sum over rows.   log_softmax: y = x - max - log(sum), in double but for the sum.
// data:  reads  x [R,N] f32 (HBM once, then L1 or L2)     writes y [R,N] f32, softmax once as numerators
// map:   rows up to 4096 by sixteen threads each, the lanes of the CPU's sum: its bits. Longer rows in chunks of 4096 by sixteen
//        threads each, whose maxima and sums meet in scratch in the order of the chunks: three launches
// bound: bytes = 8 R N for many rows; a single row by the latency of N/16 steps; measured: not taken
#include "../../cpp/math/f64.h"
#include "../exp.cuh"
#include "../ptx.cuh"
#include "../reduce.cuh"

namespace rotor {
namespace cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kGroups = kThreads / kLanes;  // chunks of a block
constexpr int64_t kChunk = 4096;

// A chunk of a row: `n` floats at `at`, 0 for groups beyond the last chunk.
struct Piece {
  int64_t row, at, n;
  __device__ Piece(int64_t rows, int64_t cols, int64_t chunks) : row(0), at(0), n(0) {
    const int64_t item = int64_t(blockIdx.x) * kGroups + threadIdx.x / kLanes;
    if (item >= rows * chunks) return;
    row = item / chunks;
    const int64_t first = item % chunks * kChunk;
    at = row * cols + first;
    n = cols - first < kChunk ? cols - first : kChunk;
  }
};

__device__ __forceinline__ float largest(const float* x, int64_t n) {
  float top = -HUGE_VALF;
#pragma unroll 8
  for (int64_t i = threadIdx.x % kLanes; i < n; i += kLanes) top = Max()(top, x[i]);
  return fold<kLanes>(top, Max());
}

// The sum of e^(x - m), which goes to y unless y is null.
__device__ __forceinline__ float exponentials(const float* x, float m, int64_t n, float* y) {
  float sum = 0.0f;
#pragma unroll 4
  for (int64_t i = threadIdx.x % kLanes; i < n; i += kLanes) {
    const float e = expLane(x[i] - m);
    if (y != nullptr) y[i] = e;
    sum += e;
  }
  return fold<kLanes>(sum, Sum());
}

template <bool LOG>
__device__ __forceinline__ float finished(float x, float y, float m, float sum, double logSum) {
  return LOG ? float((double(x) - double(m)) - logSum) : y / sum;
}

template <bool LOG>
__global__ void __launch_bounds__(kThreads) softmaxShort(const float* x, float* y, int64_t rows, int64_t cols) {
  dependencyWait();
  dependentsLaunch();
  const Piece piece(rows, cols, 1);
  x += piece.at;
  y += piece.at;
  const float m = largest(x, piece.n), sum = exponentials(x, m, piece.n, LOG ? nullptr : y);
  const double logSum = LOG ? f64_log(double(sum)) : 0.0;
  for (int64_t i = threadIdx.x % kLanes; i < piece.n; i += kLanes) y[i] = finished<LOG>(x[i], LOG ? 0.0f : y[i], m, sum, logSum);
}

__global__ void __launch_bounds__(kThreads) softmaxTops(const float* x, int64_t rows, int64_t cols, int64_t chunks, float* tops) {
  dependencyWait();
  dependentsLaunch();
  const Piece piece(rows, cols, chunks);
  const float top = largest(x + piece.at, piece.n);
  if (piece.n > 0 && threadIdx.x % kLanes == 0) tops[int64_t(blockIdx.x) * kGroups + threadIdx.x / kLanes] = top;
}

__device__ __forceinline__ float largestOf(const float* tops, int64_t chunks) {
  float m = tops[0];
  for (int64_t k = 1; k < chunks; ++k) m = Max()(m, tops[k]);
  return m;
}

// y is null for log_softmax.
__global__ void __launch_bounds__(kThreads) softmaxSums(const float* x, float* y, int64_t rows, int64_t cols, int64_t chunks, const float* tops, float* sums) {
  dependencyWait();
  dependentsLaunch();
  const Piece piece(rows, cols, chunks);
  const float sum = exponentials(x + piece.at, largestOf(tops + piece.row * chunks, chunks), piece.n, y == nullptr ? nullptr : y + piece.at);
  if (piece.n > 0 && threadIdx.x % kLanes == 0) sums[int64_t(blockIdx.x) * kGroups + threadIdx.x / kLanes] = sum;
}

template <bool LOG>
__global__ void __launch_bounds__(kThreads) softmaxLast(const float* x, float* y, int64_t rows, int64_t cols, int64_t chunks, const float* tops, const float* sums) {
  dependencyWait();
  dependentsLaunch();
  const Piece piece(rows, cols, chunks);
  const float m = largestOf(tops + piece.row * chunks, chunks);
  float sum = 0.0f;
  for (int64_t k = 0; k < chunks; ++k) sum += sums[piece.row * chunks + k];
  const double logSum = LOG ? f64_log(double(sum)) : 0.0;
  x += piece.at;
  y += piece.at;
  for (int64_t i = threadIdx.x % kLanes; i < piece.n; i += kLanes) y[i] = finished<LOG>(x[i], LOG ? 0.0f : y[i], m, sum, logSum);
}

template <bool LOG>
void rowsOf(const Args& a, Launch& launch) {
  const int64_t cols = a.in[0].last(0), rows = cols == 0 ? 0 : a.in[0].size / cols, chunks = ceilDiv(cols, kChunk);
  const float* x = a.in[0].as<float>();
  float* y = a.out[0].as<float>();
  const Grid grid{dim3(unsigned(ceilDiv(rows * chunks, kGroups))), dim3(kThreads), 0, true};
  if (chunks <= 1) {
    launch(grid, softmaxShort<LOG>, x, y, rows, cols);
    return;
  }
  float* tops = launch.scratch<float>(rows * chunks);
  float* sums = launch.scratch<float>(rows * chunks);
  launch(grid, softmaxTops, x, rows, cols, chunks, tops);
  launch(grid, softmaxSums, x, LOG ? nullptr : y, rows, cols, chunks, tops, sums);
  launch(grid, softmaxLast<LOG>, x, y, rows, cols, chunks, tops, sums);
}

}  // namespace

void softmax(const Args& a, Launch& launch) { rowsOf<false>(a, launch); }
void log_softmax(const Args& a, Launch& launch) { rowsOf<true>(a, launch); }

}  // namespace cuda
}  // namespace rotor
