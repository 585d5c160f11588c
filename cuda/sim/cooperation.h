// What the threads of a block do together: barriers, warp operations, atomics, fences.
#pragma once
#include "intrinsics.h"
#include "scheduler.h"

__forceinline__ void __syncthreads() { rotor::cuda::sim::blockBarrier("__syncthreads"); }
__forceinline__ int __syncthreads_count(int v) { return rotor::cuda::sim::blockBarrierSum("__syncthreads_count", v != 0); }
__forceinline__ int __syncthreads_or(int v) { return rotor::cuda::sim::blockBarrierSum("__syncthreads_or", v != 0) != 0; }
__forceinline__ int __syncthreads_and(int v) { return rotor::cuda::sim::blockBarrierSum("__syncthreads_and", v == 0) == 0; }
__forceinline__ void __syncwarp(unsigned mask = 0xffffffffu) { rotor::cuda::sim::gather("__syncwarp", mask, &mask, sizeof mask); }

namespace rotor {
namespace cuda {
namespace sim {

// The value of lane `from`, or of the caller where that lane takes no part, which is undefined on a GPU: a poisoned value.
template <class T>
__forceinline__ T pick(const Gathered& all, int from) {
  if (all.mask >> from & 1) return brought<T>(all, from);
  T bad;
  memset(&bad, 0xfe, sizeof bad);
  return bad;
}

}  // namespace sim
}  // namespace cuda
}  // namespace rotor

template <class T>
__forceinline__ T __shfl_sync(unsigned mask, T v, int source, int width = 32) {
  const auto& all = rotor::cuda::sim::gather("__shfl_sync", mask, &v, sizeof v);
  const int lane = rotor::cuda::sim::laneOf();
  return rotor::cuda::sim::pick<T>(all, (lane & ~(width - 1)) | (source & (width - 1)));
}
template <class T>
__forceinline__ T __shfl_xor_sync(unsigned mask, T v, int with, int width = 32) {
  const auto& all = rotor::cuda::sim::gather("__shfl_xor_sync", mask, &v, sizeof v);
  const int lane = rotor::cuda::sim::laneOf(), from = lane ^ with;
  return rotor::cuda::sim::pick<T>(all, (from & ~(width - 1)) > (lane & ~(width - 1)) ? lane : from);
}
template <class T>
__forceinline__ T __shfl_up_sync(unsigned mask, T v, unsigned by, int width = 32) {
  const auto& all = rotor::cuda::sim::gather("__shfl_up_sync", mask, &v, sizeof v);
  const int lane = rotor::cuda::sim::laneOf(), from = lane - int(by);
  return rotor::cuda::sim::pick<T>(all, from < (lane & ~(width - 1)) ? lane : from);
}
template <class T>
__forceinline__ T __shfl_down_sync(unsigned mask, T v, unsigned by, int width = 32) {
  const auto& all = rotor::cuda::sim::gather("__shfl_down_sync", mask, &v, sizeof v);
  const int lane = rotor::cuda::sim::laneOf(), from = lane + int(by);
  return rotor::cuda::sim::pick<T>(all, from > (lane | (width - 1)) ? lane : from);
}
__forceinline__ unsigned __ballot_sync(unsigned mask, int v) {
  const auto& all = rotor::cuda::sim::gather("__ballot_sync", mask, &v, sizeof v);
  unsigned r = 0;
  for (int i = 0; i < 32; ++i)
    if (all.mask >> i & 1 && rotor::cuda::sim::brought<int>(all, i) != 0) r |= 1u << i;
  return r;
}
__forceinline__ int __any_sync(unsigned mask, int v) { return __ballot_sync(mask, v) != 0; }
__forceinline__ int __all_sync(unsigned mask, int v) { return __ballot_sync(mask, v == 0) == 0; }
template <class T>
__forceinline__ unsigned __match_any_sync(unsigned mask, T v) {
  const auto& all = rotor::cuda::sim::gather("__match_any_sync", mask, &v, sizeof v);
  unsigned r = 0;
  for (int i = 0; i < 32; ++i)
    if (all.mask >> i & 1 && rotor::cuda::sim::brought<T>(all, i) == v) r |= 1u << i;
  return r;
}
#define ROTOR_SIM_REDUCE(name, T, expr)                                                \
  __forceinline__ T name(unsigned mask, T v) {                                         \
    const auto& all = rotor::cuda::sim::gather(#name, mask, &v, sizeof v);             \
    T a{};                                                                             \
    bool first = true;                                                                 \
    for (int i = 0; i < 32; ++i) {                                                     \
      if (!(all.mask >> i & 1)) continue;                                              \
      const T b = rotor::cuda::sim::brought<T>(all, i);                                \
      a = first ? b : static_cast<T>(expr);                                                       \
      first = false;                                                                   \
    }                                                                                  \
    return a;                                                                          \
  }
ROTOR_SIM_REDUCE(__reduce_add_sync, int, unsigned(a) + unsigned(b))
ROTOR_SIM_REDUCE(__reduce_add_sync, unsigned, a + b)
ROTOR_SIM_REDUCE(__reduce_min_sync, int, a < b ? a : b)
ROTOR_SIM_REDUCE(__reduce_min_sync, unsigned, a < b ? a : b)
ROTOR_SIM_REDUCE(__reduce_max_sync, int, a > b ? a : b)
ROTOR_SIM_REDUCE(__reduce_max_sync, unsigned, a > b ? a : b)
ROTOR_SIM_REDUCE(__reduce_or_sync, unsigned, a | b)
ROTOR_SIM_REDUCE(__reduce_and_sync, unsigned, a & b)
#undef ROTOR_SIM_REDUCE

// One thread runs at a time, so plain code is atomic; others may take their turn before it. There is none for floats: sums of floats
// would depend on the order.
#define ROTOR_SIM_ATOMIC_FOR(name, T, expr) \
  __forceinline__ T name(T* p, T v) {       \
    rotor::cuda::sim::maybeYield();         \
    const T old = *p;                       \
    *p = static_cast<T>(expr);                          \
    return old;                             \
  }
#define ROTOR_SIM_ATOMIC(name, expr)                             \
  ROTOR_SIM_ATOMIC_FOR(name, int, expr)                          \
  ROTOR_SIM_ATOMIC_FOR(name, unsigned, expr)                     \
  ROTOR_SIM_ATOMIC_FOR(name, unsigned long long, expr)           \
  ROTOR_SIM_ATOMIC_FOR(name##_system, int, expr)                 \
  ROTOR_SIM_ATOMIC_FOR(name##_system, unsigned, expr)            \
  ROTOR_SIM_ATOMIC_FOR(name##_system, unsigned long long, expr)  \
  ROTOR_SIM_ATOMIC_FOR(name##_block, int, expr)                  \
  ROTOR_SIM_ATOMIC_FOR(name##_block, unsigned, expr)
ROTOR_SIM_ATOMIC(atomicAdd, static_cast<unsigned long long>(old) + static_cast<unsigned long long>(v))
ROTOR_SIM_ATOMIC(atomicSub, static_cast<unsigned long long>(old) - static_cast<unsigned long long>(v))
ROTOR_SIM_ATOMIC(atomicMin, old < v ? old : v)
ROTOR_SIM_ATOMIC(atomicMax, old > v ? old : v)
ROTOR_SIM_ATOMIC(atomicAnd, old& v)
ROTOR_SIM_ATOMIC(atomicOr, old | v)
ROTOR_SIM_ATOMIC(atomicXor, old ^ v)
ROTOR_SIM_ATOMIC(atomicExch, v)
ROTOR_SIM_ATOMIC_FOR(atomicMin, long long, old < v ? old : v)
ROTOR_SIM_ATOMIC_FOR(atomicMax, long long, old > v ? old : v)
#undef ROTOR_SIM_ATOMIC
#undef ROTOR_SIM_ATOMIC_FOR
template <class T>
__forceinline__ T atomicCAS(T* p, T expected, T v) {
  rotor::cuda::sim::maybeYield();
  const T old = *p;
  if (old == expected) *p = v;
  return old;
}
template <class T>
__forceinline__ T atomicCAS_system(T* p, T expected, T v) {
  return atomicCAS(p, expected, v);
}
// Counts up to `limit` and begins again at 0.
__forceinline__ unsigned atomicInc(unsigned* p, unsigned limit) {
  rotor::cuda::sim::maybeYield();
  const unsigned old = *p;
  *p = old >= limit ? 0 : old + 1;
  return old;
}

__forceinline__ void __threadfence() { rotor::cuda::sim::maybeYield(); }
__forceinline__ void __threadfence_block() { rotor::cuda::sim::maybeYield(); }
__forceinline__ void __threadfence_system() { rotor::cuda::sim::maybeYield(); }
__forceinline__ void __nanosleep(unsigned) { rotor::cuda::sim::maybeYield(); }
