// A fault of each kind, each beside the same kernel without it. Built as a program with AddressSanitizer and UBSan, for the test
// that the simulator finds them, and without: `faults <name> <good|bad> <seed>` prints what came of it, `faults names` all names.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "../../cuda/ptx.cuh"

using namespace rotor::cuda;

namespace {

constexpr int kThreads = 64;

// out[i] = in[i ^ 33], through shared memory.
template <bool kBad>
__global__ void exchange(const int* in, int* out) {
  int* s = shared<int>();
  s[threadIdx.x] = in[threadIdx.x];
  if (!kBad) __syncthreads();
  out[threadIdx.x] = s[threadIdx.x ^ 33u];
}

// out[i] = in[i ^ 1]: lanes of one warp.
template <bool kBad>
__global__ void exchangeInWarp(const int* in, int* out) {
  int* s = shared<int>();
  s[threadIdx.x] = in[threadIdx.x];
  if (!kBad) __syncwarp();
  out[threadIdx.x] = s[threadIdx.x ^ 1u];
}

// out[i] = in[i ^ 1], by shuffles of the odd lanes' pairs only.
template <bool kBad>
__global__ void pairs(const int* in, int* out) {
  out[threadIdx.x] = __shfl_xor_sync(kAllLanes, in[threadIdx.x], kBad ? 2 : 1);
}

// The value of a lane that takes no part.
template <bool kBad>
__global__ void absent(const int* in, int* out) {
  int v = in[threadIdx.x];
  if (threadIdx.x % 32 < 16) v = __shfl_sync(0xffffu, v, kBad ? 16 : (threadIdx.x % 32) ^ 1);
  else v = in[threadIdx.x ^ 1u];
  out[threadIdx.x] = v;
}

template <bool kBad>
__global__ void beyondShared(const int* in, int* out) {
  int* s = shared<int>();
  s[threadIdx.x + (kBad ? 1 : 0)] = in[threadIdx.x];
  __syncthreads();
  out[threadIdx.x] = in[threadIdx.x ^ 1u];
}

template <bool kBad>
__global__ void beyondGlobal(const int* in, int* out) {
  if (kBad) out[threadIdx.x + 1] = 0;
  __syncthreads();
  out[threadIdx.x] = in[threadIdx.x ^ 1u];
}

template <bool kBad>
__global__ void unwritten(const int* in, int* out) {
  if (!kBad || threadIdx.x != 17) out[threadIdx.x] = in[threadIdx.x ^ 1u];
}

template <bool kBad>
__global__ void divergent(const int* in, int* out) {
  int* s = shared<int>();
  s[threadIdx.x] = in[threadIdx.x];
  if (!kBad || threadIdx.x < 40) __syncthreads();
  out[threadIdx.x] = in[threadIdx.x ^ 1u];
}

// Two barriers, at which different threads wait.
template <bool kBad>
__global__ void twoBarriers(const int* in, int* out) {
  if (kBad && threadIdx.x < 32) {
    __syncthreads();
  } else {
    __syncthreads();
  }
  out[threadIdx.x] = in[threadIdx.x ^ 1u];
}
template <>
__global__ void twoBarriers<false>(const int* in, int* out) {
  __syncthreads();
  out[threadIdx.x] = in[threadIdx.x ^ 1u];
}

// A lane of the mask goes elsewhere.
template <bool kBad>
__global__ void missingLane(const int* in, int* out) {
  int v = in[threadIdx.x];
  if (kBad && threadIdx.x == 3) {
    out[3] = v;
    return;
  }
  out[threadIdx.x] = __shfl_xor_sync(kAllLanes, v, 1);
}

template <bool kBad>
__global__ void otherOperation(const int* in, int* out) {
  const int v = in[threadIdx.x];
  if (kBad && threadIdx.x % 32 == 5) __syncwarp();
  out[threadIdx.x] = __shfl_xor_sync(kAllLanes, v, 1);
}

template <bool kBad>
__global__ void copyInBackground(const int* in, int* out) {
  int* s = shared<int>();
  if (threadIdx.x % 4 == 0) copyAsync16(s + threadIdx.x, in + threadIdx.x);
  copyAsyncCommit();
  if (!kBad) copyAsyncWait<0>();
  __syncthreads();
  out[threadIdx.x] = s[threadIdx.x ^ 1u];
}

// As a pipeline of two groups, of which the older one is needed.
template <bool kBad>
__global__ void copyInGroups(const int* in, int* out) {
  int* s = shared<int>();
  if (threadIdx.x % 4 == 0) copyAsync16(s + threadIdx.x, in + threadIdx.x);
  copyAsyncCommit();
  if (threadIdx.x % 4 == 0) copyAsync16(s + kThreads + threadIdx.x, in + threadIdx.x);
  copyAsyncCommit();
  copyAsyncWait<kBad ? 2 : 1>();
  __syncthreads();
  out[threadIdx.x] = s[threadIdx.x ^ 1u];
}

// The last block to arrive reads what the others wrote; without the counter it may read too soon.
template <bool kBad>
__global__ void lastBlock(const int* in, int* out, unsigned* arrived, int* part) {
  part[blockIdx.x * 16 + threadIdx.x] = in[(blockIdx.x * 16 + threadIdx.x) ^ 1u];
  __threadfence();
  __syncthreads();
  const int last = __syncthreads_or(threadIdx.x == 0 && (kBad ? blockIdx.x == 3 : atomicAdd(arrived, 1u) == 3));
  if (!last) return;
  for (int i = 0; i < 4; ++i) out[i * 16 + threadIdx.x] = part[i * 16 + threadIdx.x];
}

__global__ void produce(const int* in, int* made) { made[threadIdx.x] = in[threadIdx.x]; }
template <bool kBad>
__global__ void consume(const int* made, int* out) {
  const int early = kBad ? made[threadIdx.x ^ 1u] : 0;
  dependencyWait();
  out[threadIdx.x] = kBad ? early : made[threadIdx.x ^ 1u];
}

template <bool kBad>
__global__ void misaligned(const int* in, int* out) {
  int* s = shared<int>();
  if (threadIdx.x < 16) {
    const uint4 v = *reinterpret_cast<const uint4*>(in + threadIdx.x * 4);
    *reinterpret_cast<uint4*>(s + (kBad ? 1 : 0) + threadIdx.x * 4) = v;
  }
  __syncthreads();
  out[threadIdx.x] = s[(threadIdx.x ^ 1u) + (kBad ? 1u : 0u)];
}

struct Test {
  cudaStream_t stream = nullptr;
  Chip chip;
  int *in = nullptr, *out = nullptr, *made = nullptr, *part = nullptr;
  unsigned* arrived = nullptr;
};

void need(cudaError_t e) {
  if (e == cudaSuccess) return;
  std::printf("error: %s: %s\n", cudaGetErrorName(e), sim::lastFailure().c_str());
  std::exit(0);
}

using Kernel = void (*)(const int*, int*);
struct Fault {
  const char* name;
  Kernel good, bad;
  size_t shared;
};
#define FAULT(kernel, shared) {#kernel, kernel<false>, kernel<true>, shared}
const Fault kFaults[] = {
    FAULT(exchange, kThreads * 4),     FAULT(exchangeInWarp, kThreads * 4), FAULT(pairs, 0),           FAULT(absent, 0),
    FAULT(beyondShared, kThreads * 4), FAULT(beyondGlobal, 0),              FAULT(unwritten, 0),       FAULT(divergent, kThreads * 4),
    FAULT(twoBarriers, 0),             FAULT(missingLane, 0),               FAULT(otherOperation, 0),  FAULT(copyInBackground, kThreads * 4),
    FAULT(copyInGroups, kThreads * 8), FAULT(misaligned, kThreads * 4 + 16)};

void run(const Test& t, const std::string& name, bool bad) {
  Launch launch(t.chip, {nullptr, 0}, t.stream, reinterpret_cast<char*>(t.made));
  const Grid one{dim3(1), dim3(kThreads)};
  if (name == "consume") {
    Grid early = one;
    early.early = true;
    launch(one, produce, t.in, t.made);
    launch(early, bad ? consume<true> : consume<false>, t.made, t.out);
    return need(launch.error());
  }
  if (name == "lastBlock") {
    need(cudaMemsetAsync(t.arrived, 0, sizeof(unsigned), t.stream));
    launch(Grid{dim3(4), dim3(16)}, bad ? lastBlock<true> : lastBlock<false>, t.in, t.out, t.arrived, t.part);
    return need(launch.error());
  }
  for (const Fault& fault : kFaults)
    if (name == fault.name) {
      launch(Grid{dim3(1), dim3(kThreads), fault.shared}, bad ? fault.bad : fault.good, t.in, t.out);
      return need(launch.error());
    }
  std::printf("unknown: %s\n", name.c_str());
  std::exit(2);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string(argv[1]) == "names") {
    for (const Fault& fault : kFaults) std::printf("%s\n", fault.name);
    std::printf("consume\nlastBlock\n");
    return 0;
  }
  if (argc != 4) return 2;
  sim::seed(std::strtoull(argv[3], nullptr, 10));
  Test t;
  t.chip = {9, 0, 4, 227 * 1024};
  need(cudaStreamCreate(&t.stream));
  std::vector<int> in(kThreads), out(kThreads);
  for (int i = 0; i < kThreads; ++i) in[size_t(i)] = 1000 + i;
  const size_t bytes = kThreads * sizeof(int);
  need(cudaMalloc(&t.in, bytes));
  need(cudaMalloc(&t.out, bytes));
  need(cudaMalloc(&t.made, bytes));
  need(cudaMalloc(&t.part, bytes));
  need(cudaMalloc(&t.arrived, sizeof(unsigned)));
  need(cudaMemcpyAsync(t.in, in.data(), bytes, cudaMemcpyHostToDevice, t.stream));
  const std::string name = argv[1];
  run(t, name, std::string(argv[2]) == "bad");
  need(cudaMemcpyAsync(out.data(), t.out, bytes, cudaMemcpyDeviceToHost, t.stream));
  const unsigned step = name == "exchange" ? 33 : 1;
  for (unsigned i = 0; i < unsigned(kThreads); ++i)
    if (out[i] != in[i ^ step]) {
      std::printf("wrong: out[%u] is %d, not %d\n", i, out[i], in[i ^ step]);
      sim::reset();
      return 0;
    }
  std::printf("right\n");
  sim::reset();
  return 0;
}
