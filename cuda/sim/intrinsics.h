// CUDA's bit, integer and rounding functions that touch only the calling thread. The fast approximations (__expf and the like) are
// left out on purpose: their results are not the CPU's.
#pragma once
#include "types.h"

__forceinline__ int __popc(unsigned v) { return __builtin_popcount(v); }
__forceinline__ int __popcll(unsigned long long v) { return __builtin_popcountll(v); }
__forceinline__ int __clz(int v) { return v == 0 ? 32 : __builtin_clz(unsigned(v)); }
__forceinline__ int __clzll(long long v) { return v == 0 ? 64 : __builtin_clzll(static_cast<unsigned long long>(v)); }
__forceinline__ int __ffs(int v) { return __builtin_ffs(v); }
__forceinline__ int __ffsll(long long v) { return __builtin_ffsll(v); }
__forceinline__ unsigned __brev(unsigned v) {
  unsigned r = 0;
  for (int i = 0; i < 32; ++i) r |= (v >> i & 1u) << (31 - i);
  return r;
}
// Four bytes of y:x, chosen by the nibbles of `selector`; bit 3 of a nibble spreads the byte's sign instead.
__forceinline__ unsigned __byte_perm(unsigned x, unsigned y, unsigned selector) {
  const uint64_t both = uint64_t(y) << 32 | x;
  unsigned r = 0;
  for (int i = 0; i < 4; ++i) {
    const unsigned nibble = selector >> 4 * i;
    unsigned byte = unsigned(both >> 8 * (nibble & 7)) & 0xffu;
    if (nibble & 8) byte = byte & 0x80u ? 0xffu : 0u;
    r |= byte << 8 * i;
  }
  return r;
}
__forceinline__ unsigned __funnelshift_l(unsigned lo, unsigned hi, unsigned shift) {
  return unsigned((uint64_t(hi) << 32 | lo) << (shift & 31) >> 32);
}
__forceinline__ unsigned __funnelshift_r(unsigned lo, unsigned hi, unsigned shift) {
  return unsigned((uint64_t(hi) << 32 | lo) >> (shift & 31));
}
__forceinline__ unsigned __umulhi(unsigned a, unsigned b) { return unsigned(uint64_t(a) * b >> 32); }
__forceinline__ int __mulhi(int a, int b) { return int(int64_t(a) * b >> 32); }
__forceinline__ unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  __extension__ typedef unsigned __int128 wide;
  return static_cast<unsigned long long>(wide(a) * b >> 64);
}
__forceinline__ int __dp4a(int a, int b, int c) {
  for (int i = 0; i < 32; i += 8) c = int(unsigned(c) + unsigned(int8_t(a >> i) * int8_t(b >> i)));
  return c;
}
__forceinline__ unsigned __dp4a(unsigned a, unsigned b, unsigned c) {
  for (int i = 0; i < 32; i += 8) c += (a >> i & 0xffu) * (b >> i & 0xffu);
  return c;
}

namespace rotor {
namespace cuda {
namespace sim {
template <class To, class From>
__forceinline__ To bitCast(From v) {
  static_assert(sizeof(To) == sizeof(From), "only the type changes");
  To r;
  __builtin_memcpy(&r, &v, sizeof r);
  return r;
}
}  // namespace sim
}  // namespace cuda
}  // namespace rotor

__forceinline__ unsigned __float_as_uint(float v) { return rotor::cuda::sim::bitCast<unsigned>(v); }
__forceinline__ int __float_as_int(float v) { return rotor::cuda::sim::bitCast<int>(v); }
__forceinline__ float __uint_as_float(unsigned v) { return rotor::cuda::sim::bitCast<float>(v); }
__forceinline__ float __int_as_float(int v) { return rotor::cuda::sim::bitCast<float>(v); }
__forceinline__ long long __double_as_longlong(double v) { return rotor::cuda::sim::bitCast<long long>(v); }
__forceinline__ double __longlong_as_double(long long v) { return rotor::cuda::sim::bitCast<double>(v); }
__forceinline__ int __double2hiint(double v) { return int(__double_as_longlong(v) >> 32); }
__forceinline__ int __double2loint(double v) { return int(__double_as_longlong(v) & 0xffffffffll); }
__forceinline__ double __hiloint2double(int hi, int lo) {
  return __longlong_as_double(static_cast<long long>(uint64_t(unsigned(hi)) << 32 | unsigned(lo)));
}

// Conversions saturate, and NaN gives 0, as the hardware has it for 32-bit results; for 64-bit ones NaN gives the lowest number.
#define ROTOR_SIM_TO_INT(name, From, round)                          \
  __forceinline__ int name(From v) {                                 \
    const double r = round(double(v));                               \
    if (r != r) return 0;                                            \
    return r >= 2147483647.0 ? 2147483647 : r <= -2147483648.0 ? -2147483647 - 1 : int(r); \
  }
ROTOR_SIM_TO_INT(__float2int_rn, float, rint)
ROTOR_SIM_TO_INT(__float2int_rz, float, trunc)
ROTOR_SIM_TO_INT(__float2int_rd, float, floor)
ROTOR_SIM_TO_INT(__float2int_ru, float, ceil)
ROTOR_SIM_TO_INT(__double2int_rn, double, rint)
ROTOR_SIM_TO_INT(__double2int_rz, double, trunc)
ROTOR_SIM_TO_INT(__double2int_rd, double, floor)
ROTOR_SIM_TO_INT(__double2int_ru, double, ceil)
#undef ROTOR_SIM_TO_INT
#define ROTOR_SIM_TO_LONG(name, From, round)                                                                                   \
  __forceinline__ long long name(From v) {                                                                                     \
    const double r = round(double(v));                                                                                         \
    if (r != r || r <= -9223372036854775808.0) return -9223372036854775807ll - 1;                                              \
    return r >= 9223372036854775808.0 ? 9223372036854775807ll : static_cast<long long>(r);                                     \
  }
ROTOR_SIM_TO_LONG(__float2ll_rn, float, rint)
ROTOR_SIM_TO_LONG(__float2ll_rz, float, trunc)
ROTOR_SIM_TO_LONG(__double2ll_rn, double, rint)
ROTOR_SIM_TO_LONG(__double2ll_rz, double, trunc)
#undef ROTOR_SIM_TO_LONG
__forceinline__ unsigned __float2uint_rn(float v) { return v > 0 ? (v >= 4294967296.0f ? 0xffffffffu : unsigned(rint(double(v)))) : 0u; }
__forceinline__ float __int2float_rn(int v) { return float(v); }
__forceinline__ float __uint2float_rn(unsigned v) { return float(v); }
__forceinline__ float __ll2float_rn(long long v) { return float(v); }
__forceinline__ double __int2double_rn(int v) { return double(v); }
__forceinline__ double __ll2double_rn(long long v) { return double(v); }
__forceinline__ float __double2float_rn(double v) { return float(v); }

__forceinline__ float __fadd_rn(float a, float b) { return a + b; }
__forceinline__ float __fsub_rn(float a, float b) { return a - b; }
__forceinline__ float __fmul_rn(float a, float b) { return a * b; }
__forceinline__ float __fdiv_rn(float a, float b) { return a / b; }
__forceinline__ float __frcp_rn(float a) { return 1.0f / a; }
__forceinline__ float __fsqrt_rn(float a) { return sqrtf(a); }
__forceinline__ float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
__forceinline__ double __dadd_rn(double a, double b) { return a + b; }
__forceinline__ double __dsub_rn(double a, double b) { return a - b; }
__forceinline__ double __dmul_rn(double a, double b) { return a * b; }
__forceinline__ double __ddiv_rn(double a, double b) { return a / b; }
__forceinline__ double __dsqrt_rn(double a) { return sqrt(a); }
__forceinline__ double __fma_rn(double a, double b, double c) { return fma(a, b, c); }

// CUDA's min and max, which take mixed signedness as C++'s usual conversions have it.
#define ROTOR_SIM_MIN_MAX(R, A, B)                                         \
  __forceinline__ R min(A a, B b) { return static_cast<R>(a) < static_cast<R>(b) ? static_cast<R>(a) : static_cast<R>(b); } \
  __forceinline__ R max(A a, B b) { return static_cast<R>(a) > static_cast<R>(b) ? static_cast<R>(a) : static_cast<R>(b); }
ROTOR_SIM_MIN_MAX(int, int, int)
ROTOR_SIM_MIN_MAX(unsigned, unsigned, unsigned)
ROTOR_SIM_MIN_MAX(unsigned, int, unsigned)
ROTOR_SIM_MIN_MAX(unsigned, unsigned, int)
ROTOR_SIM_MIN_MAX(long, long, long)
ROTOR_SIM_MIN_MAX(unsigned long, unsigned long, unsigned long)
ROTOR_SIM_MIN_MAX(unsigned long, long, unsigned long)
ROTOR_SIM_MIN_MAX(unsigned long, unsigned long, long)
ROTOR_SIM_MIN_MAX(long long, long long, long long)
ROTOR_SIM_MIN_MAX(unsigned long long, unsigned long long, unsigned long long)
ROTOR_SIM_MIN_MAX(unsigned long long, long long, unsigned long long)
ROTOR_SIM_MIN_MAX(unsigned long long, unsigned long long, long long)
#undef ROTOR_SIM_MIN_MAX
__forceinline__ float min(float a, float b) { return fminf(a, b); }
__forceinline__ float max(float a, float b) { return fmaxf(a, b); }
__forceinline__ double min(double a, double b) { return fmin(a, b); }
__forceinline__ double max(double a, double b) { return fmax(a, b); }
__forceinline__ double min(float a, double b) { return fmin(double(a), b); }
__forceinline__ double max(float a, double b) { return fmax(double(a), b); }
__forceinline__ double min(double a, float b) { return fmin(a, double(b)); }
__forceinline__ double max(double a, float b) { return fmax(a, double(b)); }

template <class T>
__forceinline__ T __ldg(const T* p) { return *p; }
template <class T>
__forceinline__ T __ldcg(const T* p) { return *p; }
template <class T>
__forceinline__ T __ldcs(const T* p) { return *p; }
template <class T>
__forceinline__ T __ldlu(const T* p) { return *p; }
template <class T>
__forceinline__ void __stcg(T* p, T v) { *p = v; }
template <class T>
__forceinline__ void __stcs(T* p, T v) { *p = v; }
