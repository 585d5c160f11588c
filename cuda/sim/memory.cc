// Device memory: host memory with room around it that nobody may touch.
#include <cstdlib>
#include <map>
#include <mutex>

#include "device.h"
#include "run.h"

#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kAround = 0;  // its own red zones, to the byte
#else
constexpr size_t kAround = 256;
#endif
constexpr unsigned char kCanary = 0xa5;

namespace rotor {
namespace cuda {
namespace sim {
namespace {

// Lists are never destroyed: other threads may still call while the process ends.
std::map<char*, size_t>& allocations() {
  static std::map<char*, size_t>& all = *new std::map<char*, size_t>;
  return all;
}
std::map<char*, size_t>& hostAllocations() {
  static std::map<char*, size_t>& all = *new std::map<char*, size_t>;
  return all;
}

const char* wrongByte(const char* begin, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i)
    if (static_cast<unsigned char>(begin[i]) != kCanary) return begin + i;
  return nullptr;
}

size_t front(size_t alignment) { return kAround == 0 ? 0 : alignment; }
constexpr size_t kDeviceAlignment = 256;

}  // namespace

void poison(void* memory, size_t bytes, bool other) {
  const uint16_t pattern = other ? 0x7fc3 : 0xffc1;
  unsigned char* p = static_cast<unsigned char*>(memory);
  for (size_t i = 0; i + 1 < bytes; i += 2) std::memcpy(p + i, &pattern, 2);
  if (bytes & 1) p[bytes - 1] = 0xff;
}

void* guardedAlloc(size_t bytes, size_t alignment) {
  void* memory = nullptr;
  if (posix_memalign(&memory, alignment, front(alignment) + bytes + kAround) != 0) return nullptr;
  char* begin = static_cast<char*>(memory) + front(alignment);
  if (kAround > 0) {
    std::memset(begin - kAround, kCanary, kAround);
    std::memset(begin + bytes, kCanary, kAround);
  }
  return begin;
}

void guardedFree(void* memory, size_t alignment) { std::free(static_cast<char*>(memory) - front(alignment)); }

std::string guardedCheck(const void* memory, size_t bytes) {
  const char* begin = static_cast<const char*>(memory);
  if (const char* at = wrongByte(begin + bytes, kAround)) return "written " + std::to_string(at - begin - std::ptrdiff_t(bytes)) + " bytes behind the end";
  if (wrongByte(begin - kAround, kAround)) return "written before the beginning";
  return "";
}

std::string checkMemory() {
  if (kAround == 0) return "";
  for (const auto& [memory, bytes] : allocations()) {
    const std::string wrong = guardedCheck(memory, bytes);
    if (!wrong.empty()) return std::to_string(bytes) + " bytes of device memory: " + wrong;
  }
  return "";
}

bool isDevice(const void* at, size_t bytes) {
  char* begin = static_cast<char*>(const_cast<void*>(at));
  auto next = allocations().upper_bound(begin);
  if (next == allocations().begin()) return false;
  --next;
  return begin >= next->first && size_t(begin - next->first) + bytes <= next->second;
}

size_t memoryTotal() { return size_t(environment("ROTOR_SIM_MEMORY", 16ll << 30)); }

size_t memoryUsed() {
  size_t used = 0;
  for (const auto& a : allocations()) used += a.second;
  return used;
}

void freeEverything() {
  for (const auto& a : allocations()) guardedFree(a.first, kDeviceAlignment);
  allocations().clear();
  for (const auto& a : hostAllocations()) guardedFree(a.first, kDeviceAlignment);
  hostAllocations().clear();
}

}  // namespace sim
}  // namespace cuda
}  // namespace rotor

using namespace rotor::cuda::sim;

namespace {

cudaError_t allocate(void** memory, size_t bytes) {
  if (!memory) return cudaErrorInvalidValue;
  *memory = nullptr;
  if (bytes == 0) return cudaSuccess;
  if (memoryUsed() + bytes > memoryTotal()) return cudaErrorMemoryAllocation;
  char* p = static_cast<char*>(guardedAlloc(bytes, kDeviceAlignment));
  if (!p) return cudaErrorMemoryAllocation;
  poison(p, bytes, false);
  allocations()[p] = bytes;
  *memory = p;
  return cudaSuccess;
}

cudaError_t release(void* memory) {
  if (!memory) return cudaSuccess;
  auto found = allocations().find(static_cast<char*>(memory));
  if (found == allocations().end()) return cudaErrorInvalidValue;
  poison(memory, found->second, true);
  guardedFree(memory, kDeviceAlignment);
  allocations().erase(found);
  return cudaSuccess;
}

}  // namespace

cudaError_t cudaMalloc(void** memory, size_t bytes) {
  Call call(Call::notWhileCapturing);
  return call.end(call.ok() ? allocate(memory, bytes) : call.error());
}
cudaError_t cudaFree(void* memory) {
  Call call(Call::notWhileCapturing);
  return call.end(call.ok() && call.flush() ? release(memory) : call.error());
}
cudaError_t cudaMallocAsync(void** memory, size_t bytes, cudaStream_t) { return cudaMalloc(memory, bytes); }
cudaError_t cudaFreeAsync(void* memory, cudaStream_t) { return cudaFree(memory); }

cudaError_t cudaHostAlloc(void** memory, size_t bytes, unsigned) {
  Call call(Call::notWhileCapturing);
  if (!call.ok()) return call.end(call.error());
  char* p = static_cast<char*>(guardedAlloc(bytes, kDeviceAlignment));
  if (!p) return call.end(cudaErrorMemoryAllocation);
  hostAllocations()[p] = bytes;
  *memory = p;
  return cudaSuccess;
}
cudaError_t cudaMallocHost(void** memory, size_t bytes) { return cudaHostAlloc(memory, bytes, 0); }
cudaError_t cudaFreeHost(void* memory) {
  Call call(Call::notWhileCapturing);
  if (!call.ok() || !call.flush()) return call.end(call.error());
  if (memory && hostAllocations().erase(static_cast<char*>(memory)) == 0) return call.end(cudaErrorInvalidValue);
  if (memory) guardedFree(memory, kDeviceAlignment);
  return cudaSuccess;
}
cudaError_t cudaHostGetDevicePointer(void** device, void* host, unsigned) {
  Call call(Call::anywhere);
  if (!call.ok()) return call.error();
  const bool known = hostAllocations().count(static_cast<char*>(host)) > 0;
  *device = known ? host : nullptr;
  return call.end(known ? cudaSuccess : cudaErrorInvalidValue);
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  Call call(Call::anywhere);
  *total = memoryTotal();
  *free = *total - memoryUsed();
  return call.error();
}
cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int device) {
  *pool = reinterpret_cast<cudaMemPool_t>(&allocations());
  return device == 0 ? cudaSuccess : cudaErrorInvalidDevice;
}
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr which, void*) {
  return pool && which == cudaMemPoolAttrReleaseThreshold ? cudaSuccess : cudaErrorInvalidValue;
}
cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t pool, cudaMemPoolAttr, void* value) {
  Call call(Call::anywhere);
  if (!pool) return cudaErrorInvalidValue;
  const uint64_t used = memoryUsed();
  std::memcpy(value, &used, sizeof used);
  return cudaSuccess;
}
cudaError_t cudaMemPoolTrimTo(cudaMemPool_t pool, size_t) { return pool ? cudaSuccess : cudaErrorInvalidValue; }
