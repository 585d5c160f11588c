// quantize_act: scale = 127 / max(max|x|, 1e-5), q = roundHalfEven(x * scale), for each row.   rescale: y = sum * (rowScale / scale).
// data:  reads  x [T,K] f32 (twice, the second time from L1 or L2)     writes q [T,K] i8, scale [T,1] f32
// map:   one block a row, 512 threads, four columns a thread where rows are aligned; rescale: a thread an element
// bound: bytes = T * (5K + 4); at T=1 latency-bound, at T=512 HBM-bound; measured: not taken
#include "../ptx.cuh"
#include "../rescale.cuh"

namespace rotor {
namespace cuda {
namespace {

constexpr int kThreads = 512;

__device__ __forceinline__ uint32_t magnitude(float v) { return __float_as_uint(v) & 0x7fffffffu; }  // ordered like |v|, NaN on top
__device__ __forceinline__ uint32_t larger(uint32_t a, uint32_t b) { return a > b ? a : b; }
__device__ __forceinline__ int code(float v, double scale) {
  const double r = nearbyint(double(v) * scale);
  return int(r < -128.0 ? -128.0 : r > 127.0 ? 127.0 : r);
}

// WIDE: columns are a multiple of 4 and pointers aligned to match.
template <bool WIDE>
__global__ void __launch_bounds__(kThreads) quantize(const float* in, int64_t cols, int8_t* codes, float* scales) {
  uint32_t* tops = shared<uint32_t>();
  dependentsLaunch();
  dependencyWait();
  const float* x = in + blockIdx.x * cols;
  int8_t* q = codes + blockIdx.x * cols;
  uint32_t top = 0;
  if (WIDE) {
    for (int64_t i = threadIdx.x; i < cols / 4; i += kThreads) {
      const float4 v = reinterpret_cast<const float4*>(x)[i];
      const uint32_t a = larger(magnitude(v.x), magnitude(v.y)), b = larger(magnitude(v.z), magnitude(v.w));
      top = larger(top, larger(a, b));
    }
  } else {
    for (int64_t i = threadIdx.x; i < cols; i += kThreads) top = larger(top, magnitude(x[i]));
  }
  for (int n = kWarp / 2; n >= 1; n /= 2) top = larger(top, __shfl_xor_sync(kAllLanes, top, n));
  if (threadIdx.x % kWarp == 0) tops[threadIdx.x / kWarp] = top;
  __syncthreads();
  for (int i = 0; i < kThreads / kWarp; ++i) top = larger(top, tops[i]);
  const bool finite = top < 0x7f800000u;
  const float m = __uint_as_float(top);
  const double scale = 127.0 / double(m > 1e-5f ? m : 1e-5f);
  if (WIDE) {
    for (int64_t i = threadIdx.x; i < cols / 4; i += kThreads) {
      const float4 v = reinterpret_cast<const float4*>(x)[i];
      char4 c = {0, 0, 0, 0};
      if (finite) {
        c.x = static_cast<signed char>(code(v.x, scale));
        c.y = static_cast<signed char>(code(v.y, scale));
        c.z = static_cast<signed char>(code(v.z, scale));
        c.w = static_cast<signed char>(code(v.w, scale));
      }
      reinterpret_cast<char4*>(q)[i] = c;
    }
  } else {
    for (int64_t i = threadIdx.x; i < cols; i += kThreads) q[i] = int8_t(finite ? code(x[i], scale) : 0);
  }
  if (threadIdx.x == 0) scales[blockIdx.x] = finite ? float(scale) : __uint_as_float(0x7fc00000u);
}

__global__ void rescaleSums(const int* sums, int64_t rows, int64_t cols, const float* rowScale, const float* scale, float* y) {
  for (int64_t i = firstItem(); i < rows * cols; i += itemStep()) {
    const float s = scale[i / cols];
    y[i] = rescaled(sums[i], rowScale[i % cols], s, 1.0 / double(s));
  }
}

bool aligned(const void* p, uintptr_t bytes) { return reinterpret_cast<uintptr_t>(p) % bytes == 0; }

}  // namespace

void quantize_act(const Args& a, Launch& launch) {
  const int64_t cols = a.in[0].dims[1];
  const float* x = a.in[0].as<float>();
  int8_t* q = a.out[0].as<int8_t>();
  Grid grid{dim3(unsigned(a.in[0].dims[0])), dim3(kThreads), kThreads / kWarp * sizeof(uint32_t), true};
  launch(grid, cols % 4 == 0 && aligned(x, 16) && aligned(q, 4) ? quantize<true> : quantize<false>, x, cols, q, a.out[1].as<float>());
}

void rescale(const Args& a, Launch& launch) {
  launch(gridFor(a.in[0].size), rescaleSums, a.in[0].as<int>(), a.in[0].dims[0], a.in[0].dims[1], a.in[2].as<float>(), a.in[1].as<float>(), a.out[0].as<float>());
}

}  // namespace cuda
}  // namespace rotor
