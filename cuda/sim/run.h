// One launch of a kernel while it is executed: its blocks, their threads, and who may go on.
#pragma once
#include <deque>
#include <memory>
#include <vector>

#include "fiber.h"
#include "scheduler.h"
#include "wgmma.h"

namespace rotor {
namespace cuda {
namespace sim {

// A launch with its arguments, ready to run any number of times.
struct Kernel {
  const void* function = nullptr;
  std::function<void()> body;  // one thread
  dim3 grid, block;
  size_t shared = 0;
  bool early = false;
};

struct Random {
  uint64_t state = 1;
  uint64_t next() {  // splitmix64
    uint64_t z = state += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
  }
  uint64_t below(uint64_t n) { return next() % n; }
};

// Bytes of undefined memory: NaN as a float of any width, and unlikely as an integer.
void poison(void* memory, size_t bytes, bool other);

struct Block;

// A copy that was started and has not been waited for.
struct Copy {
  void* to;
  const void* from;
  size_t bytes;
};

struct Lane {
  enum class State { ready, waiting, ended };
  uint3 thread = {};
  int index = 0;  // in the block
  Block* block = nullptr;
  Fiber* fiber = nullptr;
  State state = State::ready;
  // What it waits for.
  const char* operation = "";
  uint32_t mask = 0;
  Where where;
  Votes votes = {};
  std::vector<Copy> copies;
  std::vector<size_t> groups;  // number of copies when each group was closed
};

struct Meeting {
  const char* name = nullptr;
  uint32_t mask = 0, arrived = 0;
  Combine combine = nullptr;
  void* data[32] = {};
};

class Run;

struct Block {
  uint3 index = {};
  Run* run = nullptr;
  std::vector<Lane> lanes;
  std::vector<std::vector<Meeting>> open;  // of each warp
  std::vector<WgmmaQueue> wgmma;           // of each warp
  size_t live = 0;
  // The barrier.
  const char* barrier = nullptr;
  Where barrierWhere;
  size_t arrived = 0, votes = 0;
  char* shared = nullptr;
};

class Run {
 public:
  Run(const Kernel& kernel, uint64_t seed, uint64_t number);
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  // Runs a few blocks as far as they get without what was launched earlier. False: failed.
  bool begin();
  // Runs the rest.
  bool finish();
  const std::string& failure() const { return failure_; }

  // The rest is called by running threads.
  [[noreturn]] void failNow(const std::string& text, Where where);
  void wake(Lane& lane);
  // All lanes of a block but one: now and then some warps, or some lanes, only when nobody else can go on.
  void wakeAll(Block& block, const Lane* but);
  void waitUntilWoken(Lane& lane);
  bool oneIn(uint64_t n) { return random_.below(n) == 0; }
  void yield(Lane& lane);
  void waitForEarlier(Lane& lane);
  const Kernel& kernel() const { return kernel_; }

 private:
  static void threadMain(void* lane);
  void startBlock();
  void endBlock(Block& block);
  bool loop();
  Lane* next();
  void takeLate();
  void describeDeadlock();
  uint3 blockAt(uint64_t order) const;
  std::string place(const uint3& block) const;

  const Kernel& kernel_;
  Random random_;
  uint64_t seed_, number_;
  uint64_t blocks_, started_ = 0, ended_ = 0, factor_ = 1, shift_ = 0;
  size_t resident_ = 1;
  int mode_ = 0, patience_ = 0;
  bool released_ = true, waited_ = false;
  std::deque<Lane*> ready_;
  std::vector<Lane*> late_;    // ready, but only when nobody else is
  std::vector<Lane*> parked_;  // wait for earlier kernels
  std::vector<std::unique_ptr<Block>> active_, idle_;
  std::string failure_;
};

// The thread that runs.
extern Lane* current;

// Name of a kernel.
std::string nameOf(const void* function);

// Memory that shows when something is read or written before or after it, aligned to `alignment`.
void* guardedAlloc(size_t bytes, size_t alignment);
void guardedFree(void* memory, size_t alignment);
// "" when nothing was written around it.
std::string guardedCheck(const void* memory, size_t bytes);

}  // namespace sim
}  // namespace cuda
}  // namespace rotor
