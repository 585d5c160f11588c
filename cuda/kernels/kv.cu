// kv_append_: rows x into the cache at (slot, position); of two rows at one place the later wins. Idle rows (position -1) write nothing.
// data:  reads  x [T,Hkv,E] f32, slots and positions [T] i32     writes the cache f32, f16 or i8, and for i8 a scale a row and head
//        f16: a number beyond its range is a fault and leaves NaN in all its head; i8: scale = max|x| / 127, in double
// map:   one block a row, a warp a head in turn; the block looks whether a later row has the same place
// bound: bytes = T * Hkv * E * (4 + bytes of an element); latency-bound at T=1, by the search (8 T^2 bytes from L2) beyond T ~ 4096;
//        measured: not taken
#include "../../cpp/math/half.h"
#include "../cache.cuh"
#include "../ptx.cuh"
#include "../reduce.cuh"

namespace rotor {
namespace cuda {
namespace {

constexpr int kThreads = 256;

__device__ __forceinline__ uint32_t magnitude(float v) { return __float_as_uint(v) & 0x7fffffffu; }  // ordered like |v|, NaN on top

__device__ __forceinline__ void store(const float* x, int64_t n, float* y, float*, const DeviceFault&) {
  for (int64_t i = threadIdx.x % kWarp; i < n; i += kWarp) y[i] = x[i];
}

__device__ __forceinline__ void store(const float* x, int64_t n, uint16_t* y, float*, const DeviceFault& fault) {
  bool over = false;  // finite, and beyond what binary16 holds
  for (int64_t i = threadIdx.x % kWarp; i < n; i += kWarp) over |= magnitude(x[i]) >= 0x477ff000u && magnitude(x[i]) < 0x7f800000u;  // 65520
  over = __any_sync(kAllLanes, over) != 0;
  for (int64_t i = threadIdx.x % kWarp; i < n; i += kWarp) y[i] = over ? uint16_t(0x7e00) : f32_f16(x[i]);
  if (over && threadIdx.x % kWarp == 0) fault.raiseRange();
}

// A head with a NaN or an infinity gets codes 0 and scale NaN, so that all that reads it is NaN.
__device__ __forceinline__ void store(const float* x, int64_t n, int8_t* y, float* scale, const DeviceFault&) {
  uint32_t top = 0;
  for (int64_t i = threadIdx.x % kWarp; i < n; i += kWarp) top = magnitude(x[i]) > top ? magnitude(x[i]) : top;
  top = fold<kWarp>(top, Max());
  const bool coded = top < 0x7f800000u && top != 0;
  const double m = double(__uint_as_float(top)), inverse = 127.0 / m;
  for (int64_t i = threadIdx.x % kWarp; i < n; i += kWarp) y[i] = int8_t(coded ? int(rint(double(x[i]) * inverse)) : 0);
  if (threadIdx.x % kWarp == 0) *scale = coded ? float(m / 127.0) : top == 0 ? 0.0f : __uint_as_float(0x7fc00000u);
}

template <class T>
__global__ void __launch_bounds__(kThreads) append(View cache, const float* x, const int* slots, const int* pos, float* scales, int64_t rows, DeviceFault fault) {
  dependentsLaunch();
  dependencyWait();
  const int64_t t = blockIdx.x, heads = cache.dims[1], positions = cache.dims[2], size = cache.dims[3];
  const int slot = slots[t], at = pos[t];
  if (!attends(cache, slot, at, fault, threadIdx.x == 0)) return;
  bool later = false;
  for (int64_t u = t + 1 + threadIdx.x; u < rows; u += kThreads) later |= pos[u] == at && slots[u] == slot;
  if (__syncthreads_or(later)) return;
  for (int64_t h = threadIdx.x / kWarp; h < heads; h += kThreads / kWarp) {
    const int64_t place = (slot * heads + h) * positions + at;
    store(x + (t * heads + h) * size, size, cache.as<T>() + place * size, scales ? scales + place : nullptr, fault);
  }
}

}  // namespace

void kv_append_(const Args& a, Launch& launch) {
  const View &cache = a.in[0], &x = a.in[1];
  const Grid grid{dim3(unsigned(x.dims[0])), dim3(kThreads), 0, true};
  const auto kernel = cache.dtype == DType::f32 ? append<float> : cache.dtype == DType::f16 ? append<uint16_t> : append<int8_t>;
  launch(grid, kernel, cache, x.as<float>(), a.in[2].as<int>(), a.in[3].as<int>(), a.nIn > 4 ? a.in[4].as<float>() : nullptr, x.dims[0], launch.fault);
}

}  // namespace cuda
}  // namespace rotor
