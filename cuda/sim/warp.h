// Barriers and warp operations. They are rendezvous of exactly the threads named: nothing else keeps lanes together.
#pragma once
#include "intrinsics.h"
#include "scheduler.h"

namespace rotor {
namespace cuda {
namespace sim {

// What a lane brings to a shuffle, and takes from it.
struct Shuffle {
  uint64_t value = 0;
  int source = 0;  // lane that it wants the value of
};
void shuffle(const char* name, uint32_t mask, Shuffle& mine, Where where);

template <class T>
T shuffled(const char* name, uint32_t mask, T v, int source, Where where) {
  static_assert(std::is_arithmetic<T>::value && (sizeof(T) == 4 || sizeof(T) == 8), "shuffles move 32 or 64 bits");
  Shuffle mine;
  __builtin_memcpy(&mine.value, &v, sizeof v);
  mine.source = source;
  shuffle(name, mask, mine, where);
  __builtin_memcpy(&v, &mine.value, sizeof v);
  return v;
}

uint32_t ballot(const char* name, uint32_t mask, bool vote, Where where);
uint32_t matchAny(uint32_t mask, uint64_t value, Where where);
enum class Reduce { add, min, max, bitAnd, bitOr, bitXor };
uint32_t reduce(uint32_t mask, uint32_t value, Reduce how, bool isSigned, Where where);

}  // namespace sim
}  // namespace cuda
}  // namespace rotor

#define ROTOR_SIM_WHERE ::rotor::cuda::sim::Where where = ::rotor::cuda::sim::Where::here()

inline void __syncthreads(ROTOR_SIM_WHERE) { rotor::cuda::sim::meetBlock("__syncthreads", false, where); }
inline int __syncthreads_or(int vote, ROTOR_SIM_WHERE) { return rotor::cuda::sim::meetBlock("__syncthreads_or", vote, where).any; }
inline int __syncthreads_and(int vote, ROTOR_SIM_WHERE) { return rotor::cuda::sim::meetBlock("__syncthreads_and", vote, where).all; }
inline int __syncthreads_count(int vote, ROTOR_SIM_WHERE) { return rotor::cuda::sim::meetBlock("__syncthreads_count", vote, where).count; }
inline void __syncwarp(unsigned mask = 0xffffffffu, ROTOR_SIM_WHERE) { rotor::cuda::sim::meetWarp("__syncwarp", mask, nullptr, nullptr, where); }

template <class T>
T __shfl_sync(unsigned mask, T v, int source, int width = 32, ROTOR_SIM_WHERE) {
  const int lane = rotor::cuda::sim::laneOf();
  return rotor::cuda::sim::shuffled("__shfl_sync", mask, v, (lane & -width) | (source & (width - 1)), where);
}
template <class T>
T __shfl_up_sync(unsigned mask, T v, unsigned delta, int width = 32, ROTOR_SIM_WHERE) {
  const int lane = rotor::cuda::sim::laneOf(), from = lane - int(delta);
  return rotor::cuda::sim::shuffled("__shfl_up_sync", mask, v, from >= (lane & -width) ? from : lane, where);
}
template <class T>
T __shfl_down_sync(unsigned mask, T v, unsigned delta, int width = 32, ROTOR_SIM_WHERE) {
  const int lane = rotor::cuda::sim::laneOf(), from = lane + int(delta);
  return rotor::cuda::sim::shuffled("__shfl_down_sync", mask, v, from <= (lane | (width - 1)) ? from : lane, where);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T v, int laneMask, int width = 32, ROTOR_SIM_WHERE) {
  const int lane = rotor::cuda::sim::laneOf(), from = lane ^ laneMask;
  return rotor::cuda::sim::shuffled("__shfl_xor_sync", mask, v, from <= (lane | (width - 1)) ? from : lane, where);
}

inline unsigned __ballot_sync(unsigned mask, int vote, ROTOR_SIM_WHERE) { return rotor::cuda::sim::ballot("__ballot_sync", mask, vote, where); }
inline int __any_sync(unsigned mask, int vote, ROTOR_SIM_WHERE) { return rotor::cuda::sim::ballot("__any_sync", mask, vote, where) != 0; }
inline int __all_sync(unsigned mask, int vote, ROTOR_SIM_WHERE) { return rotor::cuda::sim::ballot("__all_sync", mask, vote, where) == mask; }
// Which lanes happen to run together is not defined: here always only the calling one.
inline unsigned __activemask() { return 1u << rotor::cuda::sim::laneOf(); }
template <class T>
unsigned __match_any_sync(unsigned mask, T v, ROTOR_SIM_WHERE) {
  uint64_t bits = 0;
  __builtin_memcpy(&bits, &v, sizeof v);
  return rotor::cuda::sim::matchAny(mask, bits, where);
}

#define ROTOR_SIM_REDUCE(T, suffix, how) \
  inline T __reduce_##suffix##_sync(unsigned mask, T v, ::rotor::cuda::sim::Where where = ::rotor::cuda::sim::Where::here()) { \
    return T(rotor::cuda::sim::reduce(mask, uint32_t(v), rotor::cuda::sim::Reduce::how, std::is_signed<T>::value, where)); \
  }
ROTOR_SIM_REDUCE(int, add, add)
ROTOR_SIM_REDUCE(unsigned, add, add)
ROTOR_SIM_REDUCE(int, min, min)
ROTOR_SIM_REDUCE(unsigned, min, min)
ROTOR_SIM_REDUCE(int, max, max)
ROTOR_SIM_REDUCE(unsigned, max, max)
ROTOR_SIM_REDUCE(unsigned, and, bitAnd)
ROTOR_SIM_REDUCE(unsigned, or, bitOr)
ROTOR_SIM_REDUCE(unsigned, xor, bitXor)
#undef ROTOR_SIM_REDUCE
#undef ROTOR_SIM_WHERE

inline void __threadfence() { rotor::cuda::sim::mayYield(); }
inline void __threadfence_block() { rotor::cuda::sim::mayYield(); }
inline void __threadfence_system() { rotor::cuda::sim::mayYield(); }
inline void __nanosleep(unsigned) { rotor::cuda::sim::mayYield(); }
[[noreturn]] inline void __trap() { rotor::cuda::sim::fail("__trap()"); }
