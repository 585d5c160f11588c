// Host twins of the instructions in ../ptx.cuh, from the fragment maps of the PTX ISA (warp-level matrix instructions). Lane l of a
// warp is (g, t) = (l / 4, l % 4).
#pragma once
#include <vector>

#include "cooperation.h"

namespace rotor {
namespace cuda {
namespace sim {

struct Fragment {
  uint32_t a[4], b[2];
};

// Bytes of the fragments of m16n8k32: element (row, k) of A, and (k, column) of B.
__forceinline__ uint8_t byteOfA(const Gathered& all, int row, int k) {
  const int reg = (row / 8) + 2 * (k / 16), lane = row % 8 * 4 + k % 16 / 4;
  return uint8_t(brought<Fragment>(all, lane).a[reg] >> 8 * (k % 4));
}
__forceinline__ uint8_t byteOfB(const Gathered& all, int k, int column) {
  return uint8_t(brought<Fragment>(all, column * 4 + k % 16 / 4).b[k / 16] >> 8 * (k % 4));
}

// Gives each lane its four sums: rows g and g + 8, columns 2t and 2t + 1.
template <class T, class F>
__forceinline__ void accumulate(T (&c)[4], F sum) {
  const int lane = laneOf(), g = lane / 4, t = lane % 4;
  for (int i = 0; i < 4; ++i) c[i] = sum(c[i], g + i / 2 * 8, 2 * t + i % 2);
}

float halfToFloat(uint16_t h);

}  // namespace sim

// Nothing of a kernel runs before the one in front of it has ended.
__forceinline__ void dependencyWait() {}
__forceinline__ void dependentsLaunch() {}

__forceinline__ uint4 loadStreaming(const void* p) {
  uint4 v;
  memcpy(&v, __builtin_assume_aligned(p, 16), sizeof v);
  return v;
}

__forceinline__ int dp4aU8S8(uint32_t a, uint32_t b, int acc) {
  for (int i = 0; i < 32; i += 8) acc = int(unsigned(acc) + unsigned(int(a >> i & 0xff) * int(int8_t(b >> i))));
  return acc;
}

__forceinline__ void mmaU8S8(int (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  const sim::Fragment mine{{a[0], a[1], a[2], a[3]}, {b[0], b[1]}};
  const sim::Gathered& all = sim::gather("mmaU8S8", 0xffffffffu, &mine, sizeof mine);
  sim::accumulate(c, [&](int acc, int row, int column) {
    for (int k = 0; k < 32; ++k) acc += int(sim::byteOfA(all, row, k)) * int(int8_t(sim::byteOfB(all, k, column)));
    return acc;
  });
}
__forceinline__ void mmaS8S8(int (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  const sim::Fragment mine{{a[0], a[1], a[2], a[3]}, {b[0], b[1]}};
  const sim::Gathered& all = sim::gather("mmaS8S8", 0xffffffffu, &mine, sizeof mine);
  sim::accumulate(c, [&](int acc, int row, int column) {
    for (int k = 0; k < 32; ++k) acc += int(int8_t(sim::byteOfA(all, row, k))) * int(int8_t(sim::byteOfB(all, k, column)));
    return acc;
  });
}
// Words of 32 bits along k: A has words t and t + 4 of rows g and g + 8, B words t and t + 4 of column g.
__forceinline__ void mmaB1(int (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  const sim::Fragment mine{{a[0], a[1], a[2], a[3]}, {b[0], b[1]}};
  const sim::Gathered& all = sim::gather("mmaB1", 0xffffffffu, &mine, sizeof mine);
  sim::accumulate(c, [&](int acc, int row, int column) {
    for (int word = 0; word < 8; ++word)
      acc += __popc(sim::brought<sim::Fragment>(all, row % 8 * 4 + word % 4).a[row / 8 + 2 * (word / 4)] &
                    sim::brought<sim::Fragment>(all, column * 4 + word % 4).b[word / 4]);
    return acc;
  });
}
// Pairs of halves along k: A has pairs t and t + 4 of rows g and g + 8, B pairs t and t + 4 of column g. Products are exact in float;
// a GPU adds them in an order of its own.
__forceinline__ void mmaF16(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  const sim::Fragment mine{{a[0], a[1], a[2], a[3]}, {b[0], b[1]}};
  const sim::Gathered& all = sim::gather("mmaF16", 0xffffffffu, &mine, sizeof mine);
  sim::accumulate(c, [&](float acc, int row, int column) {
    for (int k = 0; k < 16; ++k) {
      const int pair = k / 2, shift = k % 2 * 16;
      const uint32_t x = sim::brought<sim::Fragment>(all, row % 8 * 4 + pair % 4).a[row / 8 + 2 * (pair / 4)] >> shift;
      const uint32_t y = sim::brought<sim::Fragment>(all, column * 4 + pair % 4).b[pair / 4] >> shift;
      acc += sim::halfToFloat(uint16_t(x)) * sim::halfToFloat(uint16_t(y));
    }
    return acc;
  });
}

namespace sim {

// Copies that a thread has started: they land when it waits for them, so that reading too early reads poison.
struct PendingCopy {
  void* to;
  const void* from;
  int group;
};
std::vector<PendingCopy>& pendingCopies();  // of the running thread
int& openGroup();

}  // namespace sim

__forceinline__ void copyAsync16(void* to, const void* from) { sim::pendingCopies().push_back({to, from, sim::openGroup()}); }
__forceinline__ void copyAsyncCommit() { ++sim::openGroup(); }
template <int N>
__forceinline__ void copyAsyncWait() {
  std::vector<sim::PendingCopy>& pending = sim::pendingCopies();
  const int finished = sim::openGroup() - N;  // groups below this one have landed
  size_t kept = 0;
  for (const sim::PendingCopy& copy : pending) {
    if (copy.group < finished) memcpy(copy.to, copy.from, 16);
    else pending[kept++] = copy;
  }
  pending.resize(kept);
}

}  // namespace cuda
}  // namespace rotor
