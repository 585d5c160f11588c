#include "scheduler.h"

#include "ptx.h"

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#define ROTOR_SIM_ASAN
#endif

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace rotor {
namespace cuda {
namespace sim {
namespace {

constexpr size_t kStackBytes = 128 << 10;
constexpr unsigned char kPoison = 0xfe;
constexpr size_t kCanary = 64;

#if defined(__x86_64__)
using Context = void*;  // the stack pointer; callee-saved registers lie on the stack
extern "C" void rotor_sim_switch(void** from, void* to);
__asm__(R"(
.text
.globl rotor_sim_switch
.hidden rotor_sim_switch
.type rotor_sim_switch,@function
rotor_sim_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size rotor_sim_switch,.-rotor_sim_switch
)");
#else
using Context = ucontext_t;
#endif

struct Stack {
  char* memory = static_cast<char*>(std::malloc(kStackBytes));
  ~Stack() { std::free(memory); }
};

enum class State { ready, barrier, gathering, done };

struct Fiber {
  Context context{};
  std::unique_ptr<Stack> stack = std::make_unique<Stack>();
  uint3 thread{};
  unsigned index = 0;
  State state = State::ready;
  const char* waitsFor = "";
  std::shared_ptr<Gathered> gathered;  // of its last gather
  std::vector<PendingCopy> copies;
  int group = 0;
#ifdef ROTOR_SIM_ASAN
  void* fake = nullptr;
#endif
};

// Lanes that have come to an operation so far.
struct Gathering {
  const char* what;
  unsigned mask, arrived;
  std::shared_ptr<Gathered> values;
};

uint64_t seedFromEnvironment() {
  const char* text = std::getenv("ROTOR_SIM_SEED");
  return text ? std::strtoull(text, nullptr, 10) : 1;
}

struct Random {
  uint64_t state = seedFromEnvironment() * 0x9e3779b97f4a7c15ull + 1;
  uint32_t next() {  // PCG
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    const uint32_t x = uint32_t(((state >> 18) ^ state) >> 27);
    const unsigned r = unsigned(state >> 59);
    return x >> r | x << (32 - r) % 32;
  }
  uint32_t below(uint32_t n) { return uint32_t(uint64_t(next()) * n >> 32); }
};

struct Block {
  std::vector<std::unique_ptr<Fiber>> fibers;  // kept from block to block for their stacks
  unsigned count = 0;                          // of this block
  std::vector<unsigned> ready;
  std::vector<std::vector<Gathering>> warps;
  unsigned live = 0, atBarrier = 0;
  int barrierSum = 0, lastBarrierSum = 0;
  const char* barrierName = "";
  Fiber* running = nullptr;
  Context scheduler{};
  std::string failure;
  const std::function<void()>* kernel = nullptr;
  char* shared = nullptr;
#ifdef ROTOR_SIM_ASAN
  void* schedulerFake = nullptr;
  const void* schedulerStack = nullptr;
  size_t schedulerBytes = 0;
#endif
};

Random dice;
Block& block = *new Block;  // never destroyed

void enter(Fiber& fiber) {
#ifdef ROTOR_SIM_ASAN
  __sanitizer_start_switch_fiber(&block.schedulerFake, fiber.stack->memory, kStackBytes);
#endif
#if defined(__x86_64__)
  rotor_sim_switch(&block.scheduler, fiber.context);
#else
  swapcontext(&block.scheduler, &fiber.context);
#endif
#ifdef ROTOR_SIM_ASAN
  __sanitizer_finish_switch_fiber(block.schedulerFake, nullptr, nullptr);
#endif
}

void leave(Fiber& fiber, [[maybe_unused]] bool forever) {
#ifdef ROTOR_SIM_ASAN
  __sanitizer_start_switch_fiber(forever ? nullptr : &fiber.fake, block.schedulerStack, block.schedulerBytes);
#endif
#if defined(__x86_64__)
  rotor_sim_switch(&fiber.context, block.scheduler);
#else
  swapcontext(&fiber.context, &block.scheduler);
#endif
#ifdef ROTOR_SIM_ASAN
  __sanitizer_finish_switch_fiber(fiber.fake, &block.schedulerStack, &block.schedulerBytes);
#endif
}

[[gnu::noinline]] void body() {
  Fiber& self = *block.running;
#ifdef ROTOR_SIM_ASAN
  __sanitizer_finish_switch_fiber(nullptr, &block.schedulerStack, &block.schedulerBytes);
#endif
  try {
    (*block.kernel)();
  } catch (const std::exception& e) {
    if (block.failure.empty()) block.failure = e.what();
  }
  self.state = State::done;
  --block.live;
  leave(self, true);
  std::abort();  // a thread that has ended does not run again
}

void prepare(Fiber& fiber) {
#if defined(__x86_64__)
  uintptr_t top = (reinterpret_cast<uintptr_t>(fiber.stack->memory) + kStackBytes) & ~uintptr_t(15);
  void** sp = reinterpret_cast<void**>(top);
  *--sp = nullptr;                            // where body() would return to; also aligns the stack as after a call
  *--sp = reinterpret_cast<void*>(&body);     // `ret` of the first switch goes there
  for (int i = 0; i < 6; ++i) *--sp = nullptr;  // rbp, rbx, r12 to r15
  fiber.context = sp;
#else
  getcontext(&fiber.context);
  fiber.context.uc_stack.ss_sp = fiber.stack->memory;
  fiber.context.uc_stack.ss_size = kStackBytes;
  fiber.context.uc_link = nullptr;
  makecontext(&fiber.context, body, 0);
#endif
}

std::string describeThread(const Fiber& f) {
  return "thread " + std::to_string(f.index) + " of block (" + std::to_string(blockIdx.x) + ", " + std::to_string(blockIdx.y) + ", " + std::to_string(blockIdx.z) + ")";
}

void makeReady(Fiber& f) {
  f.state = State::ready;
  block.ready.push_back(f.index);
}

void wait(State state, const char* what) {
  Fiber& self = *block.running;
  self.state = state;
  self.waitsFor = what;
  leave(self, false);
}

void openBarrier() {
  block.atBarrier = 0;
  block.lastBarrierSum = block.barrierSum;
  block.barrierSum = 0;
  for (unsigned i = 0; i < block.count; ++i)
    if (block.fibers[i]->state == State::barrier) makeReady(*block.fibers[i]);
}

void runThreads() {
  for (unsigned i = 0; i < block.count; ++i) {
    Fiber& f = *block.fibers[i];
    prepare(f);
    f.copies.clear();
    f.group = 0;
    f.thread = {i % blockDim.x, i / blockDim.x % blockDim.y, i / (blockDim.x * blockDim.y)};
    makeReady(f);
  }
  block.live = block.count;
  while (block.live > 0 && block.failure.empty()) {
    if (block.ready.empty()) {
      for (unsigned i = 0; i < block.count; ++i) {
        const Fiber& f = *block.fibers[i];
        if (f.state == State::done) continue;
        block.failure = "expected every thread to come to the same operations, received a deadlock: " + describeThread(f) + " waits in " + f.waitsFor + " while " +
                        std::to_string(block.count - block.live) + " of " + std::to_string(block.count) + " threads have ended and " + std::to_string(block.atBarrier) + " wait at a barrier";
        break;
      }
      break;
    }
    const uint32_t at = dice.below(uint32_t(block.ready.size()));
    Fiber& f = *block.fibers[block.ready[at]];
    block.ready[at] = block.ready.back();
    block.ready.pop_back();
    block.running = &f;
    threadIdx = f.thread;
    enter(f);
    if (f.state == State::done && block.atBarrier > 0 && block.failure.empty())
      block.failure = "expected all threads of the block at " + std::string(block.barrierName) + ", received one that ended before: " + describeThread(f);
  }
}

void runBlock(size_t sharedBytes) {
  void* memory = nullptr;
  if (posix_memalign(&memory, 1024, sharedBytes + kCanary) != 0) throw std::bad_alloc();
  std::memset(memory, kPoison, sharedBytes + kCanary);
#ifdef ROTOR_SIM_ASAN
  std::free(memory);
  if (posix_memalign(&memory, 1024, sharedBytes > 0 ? sharedBytes : 1) != 0) throw std::bad_alloc();
  std::memset(memory, kPoison, sharedBytes);
#endif
  block.shared = static_cast<char*>(memory);
  runThreads();
#ifndef ROTOR_SIM_ASAN
  for (size_t i = 0; i < kCanary && block.failure.empty(); ++i)
    if (static_cast<unsigned char>(block.shared[sharedBytes + i]) != kPoison) block.failure = "expected writes inside " + std::to_string(sharedBytes) + " bytes of shared memory, received one beyond";
#endif
  std::free(memory);
}

}  // namespace

void setSeed(uint64_t seed) { dice.state = seed * 0x9e3779b97f4a7c15ull + 1; }

void runGrid(dim3 grid, dim3 threads, size_t sharedBytes, const std::function<void()>& kernel) {
  const unsigned count = threads.x * threads.y * threads.z;
  if (count == 0 || count > 1024) throw Failure("expected 1 to 1024 threads in a block, received " + std::to_string(count));
  while (block.fibers.size() < count) block.fibers.push_back(std::make_unique<Fiber>());
  block.count = count;
  block.kernel = &kernel;
  block.failure.clear();
  gridDim = grid;
  blockDim = threads;
  const uint64_t blocks = uint64_t(grid.x) * grid.y * grid.z;
  std::vector<uint32_t> order(blocks);
  for (uint64_t i = 0; i < blocks; ++i) {
    const uint32_t j = dice.below(uint32_t(i + 1));
    order[i] = order[j];
    order[j] = uint32_t(i);
  }
  for (uint32_t b : order) {
    blockIdx = {b % grid.x, b / grid.x % grid.y, b / (grid.x * grid.y)};
    block.ready.clear();
    block.warps.assign((count + 31) / 32, {});
    block.atBarrier = 0;
    block.barrierSum = 0;
    for (unsigned i = 0; i < count; ++i) block.fibers[i]->index = i;
    runBlock(sharedBytes);
    if (!block.failure.empty()) throw Failure(block.failure);
  }
}

void* sharedMemory() { return block.shared; }
std::vector<PendingCopy>& pendingCopies() { return block.running->copies; }
int& openGroup() { return block.running->group; }

float halfToFloat(uint16_t h) {
  const uint32_t sign = uint32_t(h & 0x8000u) << 16, exponent = h >> 10 & 31, fraction = h & 1023u;
  if (exponent == 31) return __uint_as_float(sign | 0x7f800000u | fraction << 13);
  const float magnitude = exponent == 0 ? ldexpf(float(fraction), -24) : ldexpf(float(1024 + fraction), int(exponent) - 25);
  return sign ? -magnitude : magnitude;
}
int laneOf() { return int(block.running->index % 32); }

int blockBarrierSum(const char* what, int value) {
  if (block.atBarrier > 0 && std::string(block.barrierName) != what) throw Failure(std::string("expected one kind of barrier, received ") + block.barrierName + " and " + what);
  if (block.live < block.count) throw Failure(std::string("expected all threads of the block at ") + what + ", received some that ended before");
  block.barrierName = what;
  block.barrierSum += value;
  if (++block.atBarrier == block.count) {
    openBarrier();
    makeReady(*block.running);  // it takes its turn like the others
    leave(*block.running, false);
  } else {
    wait(State::barrier, what);
  }
  return block.lastBarrierSum;
}

void blockBarrier(const char* what) { blockBarrierSum(what, 0); }

void maybeYield() {
  if (dice.below(8) != 0) return;
  makeReady(*block.running);
  leave(*block.running, false);
}

const Gathered& gather(const char* what, unsigned mask, const void* payload, int bytes) {
  Fiber& self = *block.running;
  const unsigned lane = self.index % 32, warp = self.index / 32;
  const unsigned present = block.count - warp * 32 >= 32 ? 0xffffffffu : (1u << (block.count - warp * 32)) - 1;
  if (!(mask >> lane & 1)) throw Failure(std::string("expected the calling lane in the mask of ") + what + ", received " + describeThread(self));
  mask &= present;
  std::vector<Gathering>& open = block.warps[warp];
  size_t at = 0;
  while (at < open.size() && !(open[at].mask & mask)) ++at;
  if (at == open.size()) open.push_back({what, mask, 0, std::make_shared<Gathered>()});
  Gathering& g = open[at];
  if (g.mask != mask || std::strcmp(g.what, what) != 0)
    throw Failure(std::string("expected the lanes of a warp at one operation, received ") + g.what + " and " + what + " (" + describeThread(self) + ")");
  std::memcpy(g.values->payload[lane], payload, size_t(bytes));
  g.arrived |= 1u << lane;
  self.gathered = g.values;
  if (g.arrived == mask) {
    g.values->mask = mask;
    open.erase(open.begin() + long(at));
    for (unsigned l = 0; l < 32; ++l)
      if ((mask >> l & 1) && l != lane) makeReady(*block.fibers[warp * 32 + l]);
    makeReady(self);
    leave(self, false);
  } else {
    wait(State::gathering, what);
  }
  return *self.gathered;
}

}  // namespace sim
}  // namespace cuda
}  // namespace rotor
