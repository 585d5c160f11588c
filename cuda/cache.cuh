// The cache of keys and values [slots, kv heads, positions, E]: float32, binary16, or int8 codes with one scale a position and head.
#pragma once
#include "common.cuh"

namespace rotor {
namespace cuda {

// Exact; the product moves the exponent, and makes a denormal normal.
__device__ __forceinline__ float halfFloat(uint32_t h) {
  const float v = __uint_as_float((h & 0x7fffu) << 13) * 5.192296858534828e33f;  // 2^112
  const uint32_t special = (h & 0x7c00u) == 0x7c00u ? 0x7f800000u : 0u;
  return __uint_as_float(__float_as_uint(v) | special | (h & 0x8000u) << 16);
}

// Element types of a cache. `wide` makes floats of the sixteen bytes of a vector.
struct CacheF32 {
  using Raw = float;
  static __device__ __forceinline__ float load(const float* p) { return *p; }
  static __device__ __forceinline__ void wide(const uint4& v, float* f) {
    f[0] = __uint_as_float(v.x);
    f[1] = __uint_as_float(v.y);
    f[2] = __uint_as_float(v.z);
    f[3] = __uint_as_float(v.w);
  }
};
struct CacheF16 {
  using Raw = uint16_t;
  static __device__ __forceinline__ float load(const uint16_t* p) { return halfFloat(*p); }
  static __device__ __forceinline__ void wide(const uint4& v, float* f) {
    const uint32_t words[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      f[2 * i] = halfFloat(words[i] & 0xffffu);
      f[2 * i + 1] = halfFloat(words[i] >> 16);
    }
  }
};
struct CacheI8 {
  using Raw = int8_t;
  static __device__ __forceinline__ float load(const int8_t* p) { return float(*p); }
  static __device__ __forceinline__ void wide(const uint4& v, float* f) {
    const uint32_t words[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
    for (int i = 0; i < 16; ++i) f[i] = float(int8_t(words[i / 4] >> 8 * (i % 4)));
  }
};

// Whether a row is active: position and slot inside the cache. An idle row (position -1) is no fault. One thread a row raises.
__device__ __forceinline__ bool attends(const View& cache, int slot, int pos, const DeviceFault& fault, bool raises) {
  if (pos == -1) return false;
  if (pos < 0 || pos >= cache.dims[2]) {
    if (raises) fault.raise(pos, cache.dims[2]);
    return false;
  }
  if (slot < 0 || slot >= cache.dims[0]) {
    if (raises) fault.raise(slot, cache.dims[0]);
    return false;
  }
  return true;
}

}  // namespace cuda
}  // namespace rotor
