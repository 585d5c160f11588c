// Atomic operations, with CUDA's own types and no others. Threads take turns on one core, so plain code is atomic; what is left to
// show is their order. There is none for floats: a sum that depends on the order is not wanted anywhere.
#pragma once
#include "scheduler.h"

#define ROTOR_SIM_ATOMIC(name, T, expression)                 \
  inline T name(T* p, T v) {                                  \
    rotor::cuda::sim::mayYield();                             \
    const T old = *p;                                         \
    *p = expression;                                          \
    return old;                                               \
  }                                                           \
  inline T name##_system(T* p, T v) { return name(p, v); }    \
  inline T name##_block(T* p, T v) { return name(p, v); }

ROTOR_SIM_ATOMIC(atomicAdd, int, int(unsigned(old) + unsigned(v)))
ROTOR_SIM_ATOMIC(atomicAdd, unsigned, old + v)
ROTOR_SIM_ATOMIC(atomicAdd, unsigned long long, old + v)
ROTOR_SIM_ATOMIC(atomicSub, int, int(unsigned(old) - unsigned(v)))
ROTOR_SIM_ATOMIC(atomicSub, unsigned, old - v)
ROTOR_SIM_ATOMIC(atomicMax, int, old < v ? v : old)
ROTOR_SIM_ATOMIC(atomicMax, unsigned, old < v ? v : old)
ROTOR_SIM_ATOMIC(atomicMax, long long, old < v ? v : old)
ROTOR_SIM_ATOMIC(atomicMax, unsigned long long, old < v ? v : old)
ROTOR_SIM_ATOMIC(atomicMin, int, v < old ? v : old)
ROTOR_SIM_ATOMIC(atomicMin, unsigned, v < old ? v : old)
ROTOR_SIM_ATOMIC(atomicMin, long long, v < old ? v : old)
ROTOR_SIM_ATOMIC(atomicMin, unsigned long long, v < old ? v : old)
ROTOR_SIM_ATOMIC(atomicAnd, int, old & v)
ROTOR_SIM_ATOMIC(atomicAnd, unsigned, old & v)
ROTOR_SIM_ATOMIC(atomicAnd, unsigned long long, old & v)
ROTOR_SIM_ATOMIC(atomicOr, int, old | v)
ROTOR_SIM_ATOMIC(atomicOr, unsigned, old | v)
ROTOR_SIM_ATOMIC(atomicOr, unsigned long long, old | v)
ROTOR_SIM_ATOMIC(atomicXor, int, old ^ v)
ROTOR_SIM_ATOMIC(atomicXor, unsigned, old ^ v)
ROTOR_SIM_ATOMIC(atomicXor, unsigned long long, old ^ v)
ROTOR_SIM_ATOMIC(atomicExch, int, v)
ROTOR_SIM_ATOMIC(atomicExch, unsigned, v)
ROTOR_SIM_ATOMIC(atomicExch, unsigned long long, v)
ROTOR_SIM_ATOMIC(atomicExch, float, v)
ROTOR_SIM_ATOMIC(atomicInc, unsigned, old >= v ? 0u : old + 1)
ROTOR_SIM_ATOMIC(atomicDec, unsigned, old == 0 || old > v ? v : old - 1)
#undef ROTOR_SIM_ATOMIC

#define ROTOR_SIM_ATOMIC_CAS(T)                                                         \
  inline T atomicCAS(T* p, T compare, T v) {                                            \
    rotor::cuda::sim::mayYield();                                                       \
    const T old = *p;                                                                   \
    if (old == compare) *p = v;                                                         \
    return old;                                                                         \
  }                                                                                     \
  inline T atomicCAS_system(T* p, T compare, T v) { return atomicCAS(p, compare, v); }  \
  inline T atomicCAS_block(T* p, T compare, T v) { return atomicCAS(p, compare, v); }
ROTOR_SIM_ATOMIC_CAS(int)
ROTOR_SIM_ATOMIC_CAS(unsigned)
ROTOR_SIM_ATOMIC_CAS(unsigned short)
ROTOR_SIM_ATOMIC_CAS(unsigned long long)
#undef ROTOR_SIM_ATOMIC_CAS
