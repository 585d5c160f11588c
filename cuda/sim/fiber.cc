#include "fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <new>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define ROTOR_SIM_ASAN 1
#endif
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace rotor {
namespace cuda {
namespace sim {
namespace {

#ifdef ROTOR_SIM_ASAN
constexpr size_t kStack = 256 * 1024;
#else
constexpr size_t kStack = 128 * 1024;
#endif
constexpr size_t kGuard = 4096;

#if defined(__x86_64__)
struct Machine {
  void* sp = nullptr;
};
// Saves what a called function must keep and the stack pointer, and takes up the other stack.
extern "C" void rotor_sim_switch(void** save, void* to);
asm(R"(
  .text
  .hidden rotor_sim_switch
  .globl rotor_sim_switch
  .type rotor_sim_switch, @function
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
  .size rotor_sim_switch, .-rotor_sim_switch
)");
void change(Machine& from, Machine& to) { rotor_sim_switch(&from.sp, to.sp); }
void prepare(Machine& m, char* stack, void (*entry)()) {
  void** top = reinterpret_cast<void**>(stack + kStack) - 8;
  for (int i = 0; i < 8; ++i) top[i] = nullptr;
  top[6] = reinterpret_cast<void*>(entry);  // where `ret` goes, after six registers
  m.sp = top;
}
#else
struct Machine {
  ucontext_t context;
};
void change(Machine& from, Machine& to) { swapcontext(&from.context, &to.context); }
void prepare(Machine& m, char* stack, void (*entry)()) {
  getcontext(&m.context);
  m.context.uc_stack.ss_sp = stack;
  m.context.uc_stack.ss_size = kStack;
  m.context.uc_link = nullptr;
  makecontext(&m.context, entry, 0);
}
#endif

Machine scheduler;
#ifdef ROTOR_SIM_ASAN
void* schedulerFake = nullptr;
const void* schedulerStack = nullptr;
size_t schedulerSize = 0;
#endif
Fiber* entering = nullptr;

}  // namespace

struct Fiber::Context {
  Machine machine;
  Entry entry = nullptr;
  void* argument = nullptr;
  void* fake = nullptr;
};

Fiber::Fiber() : context_(new Context) {
  void* memory = mmap(nullptr, kStack + kGuard, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  memory_ = static_cast<char*>(memory);
  mprotect(memory_, kGuard, PROT_NONE);  // a stack that overflows stops here
}

Fiber::~Fiber() {
  munmap(memory_, kStack + kGuard);
  delete context_;
}

void Fiber::start(Entry entry, void* argument) {
#ifdef ROTOR_SIM_ASAN
  ASAN_UNPOISON_MEMORY_REGION(memory_ + kGuard, kStack);  // frames that were dropped left their marks
#endif
  context_->entry = entry;
  context_->argument = argument;
  context_->fake = nullptr;
  prepare(context_->machine, memory_ + kGuard, &Fiber::enter);
}

void Fiber::enter() {
  Fiber* self = entering;
#ifdef ROTOR_SIM_ASAN
  __sanitizer_finish_switch_fiber(nullptr, &schedulerStack, &schedulerSize);
#endif
  self->context_->entry(self->context_->argument);
  self->finish();
}

void Fiber::resume() {
  entering = this;
#ifdef ROTOR_SIM_ASAN
  __sanitizer_start_switch_fiber(&schedulerFake, memory_ + kGuard, kStack);
#endif
  change(scheduler, context_->machine);
#ifdef ROTOR_SIM_ASAN
  __sanitizer_finish_switch_fiber(schedulerFake, nullptr, nullptr);
#endif
}

void Fiber::suspend() {
#ifdef ROTOR_SIM_ASAN
  __sanitizer_start_switch_fiber(&context_->fake, schedulerStack, schedulerSize);
#endif
  change(context_->machine, scheduler);
#ifdef ROTOR_SIM_ASAN
  __sanitizer_finish_switch_fiber(context_->fake, &schedulerStack, &schedulerSize);
#endif
}

void Fiber::finish() {
#ifdef ROTOR_SIM_ASAN
  __sanitizer_start_switch_fiber(nullptr, schedulerStack, schedulerSize);
#endif
  change(context_->machine, scheduler);
  __builtin_unreachable();
}

Fiber* FiberPool::take() {
  if (free_.empty()) return new Fiber;
  Fiber* fiber = free_.back();
  free_.pop_back();
  return fiber;
}

}  // namespace sim
}  // namespace cuda
}  // namespace rotor
