#include "runtime.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <vector>

#include "scheduler.h"

using Clock = std::chrono::steady_clock;

struct SimGraph {
  std::vector<std::function<cudaError_t()>> nodes;
};
struct SimStream {
  SimGraph* capturing = nullptr;
};
struct SimEvent {
  Clock::time_point at;
};

namespace {

constexpr int kMultiprocessors = 4;
constexpr size_t kMemory = size_t(8) << 30;
constexpr unsigned char kPoison = 0xfe;
#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kCanary = 0;  // the sanitizer watches the end
#else
constexpr size_t kCanary = 64;
#endif

std::recursive_mutex mutex;
std::map<char*, size_t>& allocations = *new std::map<char*, size_t>;  // never destroyed
size_t allocated = 0;
cudaError_t sticky = cudaSuccess, last = cudaSuccess;
std::string failure;

int architecture() {
  static const int value = [] {
    const char* text = std::getenv("ROTOR_SIM_ARCH");
    return text ? std::atoi(text) : 90;
  }();
  return value;
}

cudaError_t done(cudaError_t e) {
  if (sticky != cudaSuccess) e = sticky;
  if (e != cudaSuccess) last = e;
  return e;
}

bool intact(const std::pair<char* const, size_t>& a) {
  for (size_t i = 0; i < kCanary; ++i)
    if (static_cast<unsigned char>(a.first[a.second + i]) != kPoison) return false;
  return true;
}

cudaError_t fail(const std::string& why) {
  failure = why;
  sticky = cudaErrorLaunchFailure;
  return done(sticky);
}

cudaError_t checkMemory() {
  for (const auto& a : allocations)
    if (!intact(a)) return fail("expected writes inside " + std::to_string(a.second) + " bytes of device memory, received one beyond");
  return done(cudaSuccess);
}

// Runs work of a stream, or keeps it for the graph.
cudaError_t enqueue(cudaStream_t stream, std::function<cudaError_t()> work) {
  std::lock_guard<std::recursive_mutex> lock(mutex);
  if (sticky != cudaSuccess) return sticky;
  if (stream && stream->capturing) {
    stream->capturing->nodes.push_back(std::move(work));
    return done(cudaSuccess);
  }
  return done(work());
}

}  // namespace

namespace rotor {
namespace cuda {
namespace sim {

cudaError_t launchKernel(const cudaLaunchConfig_t& config, std::function<void()> kernel) {
  const dim3 grid = config.gridDim, threads = config.blockDim;
  const size_t shared = config.dynamicSmemBytes;
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.y > 65535 || grid.z > 65535 || shared > 227 * 1024) return done(cudaErrorInvalidValue);
  return enqueue(config.stream, [=]() -> cudaError_t {
    try {
      runGrid(grid, threads, shared, kernel);
    } catch (const std::exception& e) {
      return fail(e.what());
    }
    return cudaSuccess;
  });
}

std::string lastFailure() {
  std::lock_guard<std::recursive_mutex> lock(mutex);
  return failure;
}

}  // namespace sim
}  // namespace cuda
}  // namespace rotor

const char* cudaGetErrorName(cudaError_t e) {
  switch (e) {
    case cudaSuccess: return "cudaSuccess";
    case cudaErrorMemoryAllocation: return "cudaErrorMemoryAllocation";
    case cudaErrorInvalidDevice: return "cudaErrorInvalidDevice";
    case cudaErrorLaunchFailure: return "cudaErrorLaunchFailure";
    default: return "cudaErrorInvalidValue";
  }
}
const char* cudaGetErrorString(cudaError_t e) {
  switch (e) {
    case cudaSuccess: return "no error";
    case cudaErrorMemoryAllocation: return "out of memory";
    case cudaErrorInvalidDevice: return "invalid device ordinal";
    case cudaErrorLaunchFailure: return "unspecified launch failure";
    default: return "invalid argument";
  }
}
cudaError_t cudaGetLastError() {
  std::lock_guard<std::recursive_mutex> lock(mutex);
  const cudaError_t e = sticky != cudaSuccess ? sticky : last;
  last = cudaSuccess;
  return e;
}

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) { return done(device == 0 ? cudaSuccess : cudaErrorInvalidDevice); }
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr which, int) {
  switch (which) {
    case cudaDevAttrMultiProcessorCount: *value = kMultiprocessors; break;
    case cudaDevAttrComputeCapabilityMajor: *value = architecture() / 10; break;
    case cudaDevAttrComputeCapabilityMinor: *value = architecture() % 10; break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = (architecture() >= 90 ? 227 : 163) * 1024; break;
  }
  return done(cudaSuccess);
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  std::snprintf(properties->name, sizeof properties->name, "simulated GPU");
  return done(cudaSuccess);
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) { return cudaDriverGetVersion(version); }
cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  std::lock_guard<std::recursive_mutex> lock(mutex);
  *free = kMemory - allocated;
  *total = kMemory;
  return done(cudaSuccess);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = new SimStream;
  return done(cudaSuccess);
}
cudaError_t cudaStreamSynchronize(cudaStream_t) {
  std::lock_guard<std::recursive_mutex> lock(mutex);
  return checkMemory();
}
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  stream->capturing = new SimGraph;
  return done(cudaSuccess);
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = stream->capturing;
  stream->capturing = nullptr;
  return done(cudaSuccess);
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  *exec = new SimGraph(*graph);
  return done(cudaSuccess);
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  return enqueue(stream, [=]() -> cudaError_t {
    for (const auto& node : exec->nodes) {
      const cudaError_t e = node();
      if (e != cudaSuccess) return e;
    }
    return cudaSuccess;
  });
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  delete exec;
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int) {
  *pool = 0;
  return done(cudaSuccess);
}
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr, void*) { return done(cudaSuccess); }
cudaError_t cudaMallocAsync(void** memory, size_t bytes, cudaStream_t) {
  std::lock_guard<std::recursive_mutex> lock(mutex);
  if (sticky != cudaSuccess) return sticky;
  if (bytes > kMemory - allocated || posix_memalign(memory, 256, bytes + kCanary) != 0) return done(cudaErrorMemoryAllocation);
  std::memset(*memory, kPoison, bytes + kCanary);
  allocations[static_cast<char*>(*memory)] = bytes;
  allocated += bytes;
  return cudaSuccess;
}
cudaError_t cudaFreeAsync(void* memory, cudaStream_t) {
  std::lock_guard<std::recursive_mutex> lock(mutex);
  const auto found = allocations.find(static_cast<char*>(memory));
  if (found == allocations.end()) return done(cudaErrorInvalidValue);
  const bool good = intact(*found);
  allocated -= found->second;
  allocations.erase(found);
  std::free(memory);
  return good ? done(cudaSuccess) : fail("expected writes inside device memory, received one beyond");
}
cudaError_t cudaHostAlloc(void** memory, size_t bytes, unsigned) {
  *memory = std::calloc(1, bytes);
  return done(*memory ? cudaSuccess : cudaErrorMemoryAllocation);
}
cudaError_t cudaFreeHost(void* memory) {
  std::free(memory);
  return done(cudaSuccess);
}
cudaError_t cudaHostGetDevicePointer(void** device, void* host, unsigned) {
  *device = host;
  return done(cudaSuccess);
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
  return enqueue(stream, [=] {
    std::memmove(to, from, bytes);
    return cudaSuccess;
  });
}
cudaError_t cudaMemsetAsync(void* memory, int value, size_t bytes, cudaStream_t stream) {
  return enqueue(stream, [=] {
    std::memset(memory, value, bytes);
    return cudaSuccess;
  });
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  *event = new SimEvent;
  return done(cudaSuccess);
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return enqueue(stream, [=] {
    event->at = Clock::now();
    return cudaSuccess;
  });
}
cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t begin, cudaEvent_t end) {
  *ms = std::chrono::duration<float, std::milli>(end->at - begin->at).count();
  return done(cudaSuccess);
}

cudaError_t cudaFuncSetAttribute(const void*, cudaFuncAttribute, int) { return done(cudaSuccess); }
