// CUDA's keywords and vector types.
#pragma once
#include <math.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <tuple>
#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(n) __attribute__((aligned(n)))

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned vx = 1, unsigned vy = 1, unsigned vz = 1) : x(vx), y(vy), z(vz) {}
  constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
};

#define ROTOR_SIM_VECTORS(T, name)                                                                                                  \
  struct alignas(2 * sizeof(T)) name##2 {                                                                                           \
    T x, y;                                                                                                                         \
  };                                                                                                                                \
  struct alignas(4 * sizeof(T) < 16 ? 4 * sizeof(T) : 16) name##4 {                                                                 \
    T x, y, z, w;                                                                                                                   \
  };                                                                                                                                \
  __forceinline__ name##2 make_##name##2(T x, T y) { return {x, y}; }                                                               \
  __forceinline__ name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }
ROTOR_SIM_VECTORS(signed char, char)
ROTOR_SIM_VECTORS(unsigned char, uchar)
ROTOR_SIM_VECTORS(short, short)
ROTOR_SIM_VECTORS(unsigned short, ushort)
ROTOR_SIM_VECTORS(int, int)
ROTOR_SIM_VECTORS(unsigned, uint)
ROTOR_SIM_VECTORS(long long, longlong)
ROTOR_SIM_VECTORS(unsigned long long, ulonglong)
ROTOR_SIM_VECTORS(float, float)
ROTOR_SIM_VECTORS(double, double)
#undef ROTOR_SIM_VECTORS

struct float3 {
  float x, y, z;
};
struct int3 {
  int x, y, z;
};
__forceinline__ uint3 make_uint3(unsigned x, unsigned y, unsigned z) { return {x, y, z}; }
__forceinline__ int3 make_int3(int x, int y, int z) { return {x, y, z}; }
__forceinline__ float3 make_float3(float x, float y, float z) { return {x, y, z}; }

// Of the running thread; set by the scheduler whenever it lets another one run.
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
constexpr int warpSize = 32;
