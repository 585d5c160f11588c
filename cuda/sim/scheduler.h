// Runs the threads of a block as fibers: each goes on until it has to wait for others, then a random one that can run takes its
// turn. Lanes of a warp do not run in step, so that a missing barrier shows as a wrong result for some seed.
#pragma once
#include <functional>
#include <stdexcept>

#include "types.h"

namespace rotor {
namespace cuda {
namespace sim {

// What a GPU would do something undefined for, or hang.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Runs all blocks, in random order, one after the other. Throws Failure.
void runGrid(dim3 grid, dim3 block, size_t sharedBytes, const std::function<void()>& kernel);
// Order of everything random from now on; ROTOR_SIM_SEED at first, else 1.
void setSeed(uint64_t seed);

// For the running thread.
void* sharedMemory();
void blockBarrier(const char* what);
// The values that the threads of the block bring to a barrier, combined.
int blockBarrierSum(const char* what, int value);
void maybeYield();

constexpr int kMaxPayload = 64;
// What the lanes of a warp brought to an operation.
struct Gathered {
  unsigned mask;
  unsigned char payload[32][kMaxPayload];
};
// Waits until all lanes of `mask` have come with the same `what` and mask; what they brought stays readable until this lane's next gather.
const Gathered& gather(const char* what, unsigned mask, const void* payload, int bytes);
int laneOf();

template <class T>
const T& brought(const Gathered& all, int lane) {
  static_assert(sizeof(T) <= kMaxPayload, "a lane brings at most this");
  return *reinterpret_cast<const T*>(all.payload[lane]);
}

}  // namespace sim
}  // namespace cuda
}  // namespace rotor
