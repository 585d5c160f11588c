// rms_scale: r = sqrt(mean(x^2) + eps) of each row.   rms_norm: y = x / r * weight.
// data:  reads  x [T,D] f32 (rms_norm twice, the second time from L1 or L2), weight [D] f32     writes y [T,D] f32, or r [T,1] f32
//        squares are exact in double and summed in double, then rounded once to float: another order of the sum shows in one row of 2^27
// map:   one block a row, 512 threads, four columns a thread where rows are aligned; a column belongs to the same thread in both forms
// bound: bytes = T * 8D; at T=1 latency-bound (a block fold and two trips to memory), at T=512 HBM-bound; measured: not taken
#include "../ptx.cuh"
#include "../reduce.cuh"

namespace rotor {
namespace cuda {
namespace {

constexpr int kThreads = 512;

__device__ __forceinline__ double squared(float v) { return double(v) * double(v); }

// Calls f(first column, how many) for the pieces of up to four columns of this thread.
template <class F>
__device__ __forceinline__ void eachPiece(int64_t cols, F f) {
  for (int64_t i = int64_t(threadIdx.x) * 4; i < cols; i += kThreads * 4) f(i, int(cols - i < 4 ? cols - i : 4));
}

// WIDE: columns are a multiple of 4 and pointers aligned to 16 bytes.
template <bool WIDE>
__device__ __forceinline__ float4 piece(const float* x, int64_t i, int n) {
  if (WIDE) return *reinterpret_cast<const float4*>(x + i);
  return {x[i], n > 1 ? x[i + 1] : 0.0f, n > 2 ? x[i + 2] : 0.0f, n > 3 ? x[i + 3] : 0.0f};
}

template <bool WIDE>
struct AddSquares {
  const float* x;
  double* sum;
  __device__ void operator()(int64_t i, int n) const {
    const float4 v = piece<WIDE>(x, i, n);
    *sum += squared(v.x) + squared(v.y) + (squared(v.z) + squared(v.w));
  }
};

template <bool WIDE>
struct WriteNormed {
  const float *x, *weight;
  float* y;
  float scale;
  __device__ void operator()(int64_t i, int n) const {
    const float4 v = piece<WIDE>(x, i, n), w = piece<WIDE>(weight, i, n);
    const float4 r = {v.x / scale * w.x, v.y / scale * w.y, v.z / scale * w.z, v.w / scale * w.w};
    if (WIDE) {
      *reinterpret_cast<float4*>(y + i) = r;
      return;
    }
    y[i] = r.x;
    if (n > 1) y[i + 1] = r.y;
    if (n > 2) y[i + 2] = r.z;
    if (n > 3) y[i + 3] = r.w;
  }
};

// Without a weight, y takes the scales.
template <bool WIDE>
__global__ void __launch_bounds__(kThreads) rmsRows(const float* in, const float* weight, int64_t cols, double width, double eps, float* y) {
  dependentsLaunch();
  dependencyWait();
  const float* x = in + blockIdx.x * cols;
  double sum = 0.0;
  eachPiece(cols, AddSquares<WIDE>{x, &sum});
  sum = blockFold(sum, Sum(), shared<double>());
  const float scale = float(::sqrt(sum / width + eps));
  if (weight) eachPiece(cols, WriteNormed<WIDE>{x, weight, y + blockIdx.x * cols, scale});
  else if (threadIdx.x == 0) y[blockIdx.x] = scale;
}

bool aligned(const void* p) { return reinterpret_cast<uintptr_t>(p) % 16 == 0; }

void rms(const Args& a, const float* weight, double width, Launch& launch) {
  const int64_t cols = a.in[0].dims[1];
  const float* x = a.in[0].as<float>();
  float* y = a.out[0].as<float>();
  const Grid grid{dim3(unsigned(a.in[0].dims[0])), dim3(kThreads), kThreads / kWarp * sizeof(double), true};
  const bool wide = cols % 4 == 0 && aligned(x) && (!weight || (aligned(weight) && aligned(y)));
  launch(grid, wide ? rmsRows<true> : rmsRows<false>, x, weight, cols, width, a.attrs[0], y);
}

}  // namespace

void rms_scale(const Args& a, Launch& launch) { rms(a, nullptr, double(a.in[0].dims[1]), launch); }
void rms_norm(const Args& a, Launch& launch) { rms(a, a.in[1].as<float>(), a.attrs[1], launch); }

}  // namespace cuda
}  // namespace rotor
