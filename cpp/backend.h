// What every backend implements: a table of kernels, one per line of ops.def.
#pragma once
#include <atomic>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "abi.h"

// Functions that kernels use from here are never emitted on their own: the linker could keep the copy that was compiled for a
// newer CPU and give it to everybody.
#define ROTOR_INLINE [[gnu::always_inline]] inline

namespace rotor {

// A resolved tensor: validated pointer, dimensions and strides in elements.
struct View {
  void* data = nullptr;
  DType dtype = DType::f32;
  int ndim = 0;
  int64_t dims[kMaxDims] = {};
  int64_t strides[kMaxDims] = {};
  int64_t size = 0;

  template <class T>
  ROTOR_ANYWHERE T* as() const {
    return static_cast<T*>(data);
  }
  // Dimension counted from the end: last(0) is the innermost. 1 where there is none.
  ROTOR_ANYWHERE int64_t last(int i) const { return i < ndim ? dims[ndim - 1 - i] : 1; }
  ROTOR_ANYWHERE bool contiguous() const {
    int64_t step = 1;
    for (int i = ndim - 1; i >= 0; --i) {
      if (dims[i] != 1 && strides[i] != step) return false;
      step *= dims[i];
    }
    return true;
  }
};

// Set by a kernel that meets bad data: an index out of range, or a number that a 16-bit float cannot hold. Becomes an error after the run.
struct Fault {
  std::atomic<int> raised{0};
  std::atomic<int64_t> value{0};
  std::atomic<int64_t> limit{0};
  ROTOR_INLINE void raise(int64_t v, int64_t lim) {
    if (raised.exchange(1) == 0) {
      value = v;
      limit = lim;
    }
  }
  // A limit below 0 says that it is no index.
  ROTOR_INLINE void raiseRange() { raise(0, -1); }
};

struct Target;

// One call, as a kernel sees it.
struct Args {
  const Target* target = nullptr;
  const double* attrs = nullptr;
  int nIn = 0;
  int nOut = 0;
  View in[kMaxIn];
  View out[kMaxOut];
  char* scratch = nullptr;  // 64-byte aligned, Plan::scratch bytes, shared by all workers
  Fault* fault = nullptr;
};

// One of `count` threads that run the same call. sync() is a barrier over all of them.
struct Worker {
  int index = 0;
  int count = 1;
  class Barrier* barrier = nullptr;
  class Shares* shares = nullptr;
  void sync() const;
  // Calls f(begin, end) for pieces of [0, total), each in one worker: first those of range(), then what slower workers have left.
  // Pieces are multiples of `grain`. Every worker must come here, and sync() before the next time.
  template <class F>
  ROTOR_INLINE void share(int64_t total, int64_t grain, F f) const {
    if (count == 1) {
      if (total > 0) f(int64_t(0), total);
      return;
    }
    openShares();
    for (int i = 0; i < count; ++i) {
      Worker owner;
      owner.index = (index + i) % count;
      owner.count = count;
      int64_t b, e;
      owner.range(total, grain, &b, &e);
      const int64_t piece = ((e - b) / kPieces / grain + 1) * grain;
      for (int64_t at; (at = b + takeShare(owner.index) * piece) < e;) f(at, at + piece < e ? at + piece : e);
    }
  }
  // The rows [begin, end) of `total` that belong to this worker, in multiples of `grain`.
  ROTOR_INLINE void range(int64_t total, int64_t grain, int64_t* begin, int64_t* end) const {
    const int64_t blocks = (total + grain - 1) / grain;
    const int64_t b = blocks * index / count * grain;
    const int64_t e = blocks * (index + 1) / count * grain;
    *begin = b < total ? b : total;
    *end = e < total ? e : total;
  }

 private:
  static constexpr int64_t kPieces = 8;  // of one worker's range
  void openShares() const;
  int64_t takeShare(int owner) const;  // number of the next piece of that worker
};

// Result of an op's shape check: how to run it.
struct Plan {
  double work = 0;       // rough number of elementary operations; small calls run on one thread
  size_t scratch = 0;    // bytes of scratch shared by the workers
  bool parallel = true;  // false: always one thread
};

using KernelFn = void (*)(const Args&, const Worker&);

// Raised by the shape check of an op; becomes ShapeError / DTypeError / NativeError in TypeScript.
struct OpError : std::runtime_error {
  const char* code;
  OpError(const char* c, const std::string& text) : std::runtime_error(text), code(c) {}
};

enum OpFlags : uint32_t {
  kNone = 0,
  kStrided = 1,  // accepts non-contiguous inputs
};

// Flag of an op that writes into input `i`. An op whose name ends in "_" has at least one.
constexpr uint32_t kWrites(int i) { return 256u << i; }

// One line of ops.def, the same for every target. `plan` throws OpError on bad shapes.
struct OpInfo {
  const char* name;
  int minIn, maxIn, minOut, maxOut, nAttrs;
  uint32_t flags;
  Plan (*plan)(const Args&);
};

// One ISA variant: its kernels in the order of ops.def, and its weight layout.
struct Target {
  const char* name;
  const KernelFn* kernels;
  int64_t (*ternaryBytes)(int64_t rows, int64_t cols);
};

extern const OpInfo kOps[];
extern const int kOpCount;
const Target& activeTarget();
// The runnable variant of that name, or null.
const Target* findTarget(const char* name);

}  // namespace rotor
