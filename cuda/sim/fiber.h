// Threads of one host thread: each has its own stack and runs until it suspends itself.
#pragma once
#include <cstddef>
#include <vector>

namespace rotor {
namespace cuda {
namespace sim {

class Fiber {
 public:
  using Entry = void (*)(void*);
  Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;
  ~Fiber();
  // The next resume() calls entry(argument), which must end in finish(). What ran here before is forgotten.
  void start(Entry entry, void* argument);
  // Runs it until it suspends; called by the scheduler only.
  void resume();
  // Goes back to the scheduler; called inside the fiber only.
  void suspend();
  [[noreturn]] void finish();

 private:
  static void enter();
  struct Context;
  Context* context_ = nullptr;
  char* memory_ = nullptr;
};

// Fibers for reuse: the one that ended last is taken first, its stack being in the cache.
class FiberPool {
 public:
  Fiber* take();
  void give(Fiber* fiber) { free_.push_back(fiber); }

 private:
  std::vector<Fiber*> free_;
};

}  // namespace sim
}  // namespace cuda
}  // namespace rotor
