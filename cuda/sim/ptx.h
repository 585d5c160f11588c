// Host twins of the instructions in ../ptx.cuh, in the same order, after the PTX ISA.
#pragma once
#include "../common.cuh"

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

}  // namespace cuda
}  // namespace rotor
