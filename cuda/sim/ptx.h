// Host twins of the instructions in ../ptx.cuh, in the same order, after the PTX ISA.
#pragma once
#include "../common.cuh"
#include "wgmma.h"

namespace rotor {
namespace cuda {
namespace sim {

// mma.sync: fragments of one lane.
struct Fragments {
  void* c;  // four numbers
  const uint32_t* a;
  const uint32_t* b;
};
enum class Mma { u8s8, s8s8, b1, f16 };
void mma(Mma kind, Fragments mine, Where where);

void copyStart(void* to, const void* from, size_t bytes, Where where);
void copyCommit();
void copyWait(int groupsLeft);

}  // namespace sim

inline void dependencyWait() { sim::waitForEarlier(); }
inline void dependentsLaunch() {}

inline uint4 loadStreaming(const void* p, sim::Where where = sim::Where::here()) {
  if (reinterpret_cast<uintptr_t>(p) % 16 != 0) sim::fail("loadStreaming from an address that is no multiple of 16", where);
  return *static_cast<const uint4*>(p);
}

inline int dp4aU8S8(uint32_t a, uint32_t b, int acc) {
  for (int i = 0; i < 32; i += 8) acc = int(uint32_t(acc) + uint32_t(int(a >> i & 0xffu) * int8_t(b >> i)));
  return acc;
}

inline void mmaU8S8(int (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], sim::Where where = sim::Where::here()) {
  sim::mma(sim::Mma::u8s8, {c, a, b}, where);
}
inline void mmaS8S8(int (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], sim::Where where = sim::Where::here()) {
  sim::mma(sim::Mma::s8s8, {c, a, b}, where);
}
inline void mmaB1(int (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], sim::Where where = sim::Where::here()) {
  sim::mma(sim::Mma::b1, {c, a, b}, where);
}
inline void mmaF16(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], sim::Where where = sim::Where::here()) {
  sim::mma(sim::Mma::f16, {c, a, b}, where);
}

inline void copyAsync16(void* to, const void* from, sim::Where where = sim::Where::here()) { sim::copyStart(to, from, 16, where); }
inline void copyAsyncCommit() { sim::copyCommit(); }
template <int N>
inline void copyAsyncWait() {
  sim::copyWait(N);
}

#define ROTOR_HAVE_WGMMA
// Here: bytes from the start of shared memory, which is aligned to 1024 bytes, as on a GPU.
inline uint64_t swizzledMatrix(const void* memory, int step) {
  return uint64_t(static_cast<const char*>(memory) - static_cast<const char*>(sim::sharedMemory())) + 32 * uint64_t(step);
}
inline void sharedWritesToWgmma() {}
inline void wgmmaOperand(uint32_t (&)[4]) {}
inline void wgmmaFence(sim::Where where = sim::Where::here()) { sim::wgmmaFenceAll(where); }
inline void wgmmaCommit(sim::Where where = sim::Where::here()) { sim::wgmmaCommitAll(where); }
template <int N>
inline void wgmmaWait(sim::Where where = sim::Where::here()) {
  sim::wgmmaWaitAll(N, where);
}
inline void wgmmaU8S8(int (&c)[64], const uint32_t (&a)[4], uint64_t matrix, sim::Where where = sim::Where::here()) { sim::wgmmaIssue(c, a, matrix, where); }

}  // namespace cuda
}  // namespace rotor
