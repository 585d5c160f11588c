// What a running thread may ask of the scheduler.
#pragma once
#include <string>

#include "types.h"

namespace rotor {
namespace cuda {
namespace sim {

// A line of a kernel, for messages.
struct Where {
  const char* file = "";
  int line = 0;
  static constexpr Where here(const char* f = __builtin_FILE(), int l = __builtin_LINE()) { return {f, l}; }
};

// Ends the launch with an error that says this.
[[noreturn]] void fail(const std::string& text, Where where = {});

// Lets other threads go first, now and then: called where the hardware may reorder things.
void mayYield();

// One operation of the lanes in `mask`: the last one to arrive runs `combine` on what all of them have brought (data[lane] is null for
// lanes outside of the mask), then everybody goes on. `name` tells operations apart.
using Combine = void (*)(void* const* data, uint32_t mask);
void meetWarp(const char* name, uint32_t mask, void* data, Combine combine, Where where);

// A barrier of the block.
struct Votes {
  int any, all, count;
};
Votes meetBlock(const char* name, bool vote, Where where);

// Index of this thread in its warp.
int laneOf();

// The block's dynamic shared memory: as many bytes as the launch gave, undefined (poisoned) when the block starts.
void* sharedMemory();
size_t sharedBytes();

// Returns when everything launched earlier on the stream has ended; at once unless the launch was early.
void waitForEarlier();

// Why the last launch failed: kernel, block, threads, lines and the seed that shows it again. Empty while nothing failed.
const std::string& lastFailure();

// Starts the sequence of random choices anew; ROTOR_SIM_SEED gives the first one.
void seed(uint64_t value);

// Forgets all memory, errors and pending work, as a new process would.
void reset();

}  // namespace sim
}  // namespace cuda
}  // namespace rotor
