#include "buffers.h"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <unordered_map>

#include "backend.h"
#ifdef __linux__
#include <sys/mman.h>
#endif

namespace rotor {
namespace {

std::mutex mutex;
std::unordered_map<uint32_t, BufferRef> table;
uint32_t nextId = 1;
std::atomic<uint64_t> liveBuffers{0}, liveBytes{0}, peakBytes{0}, totalAllocs{0}, mappedBuffers{0}, mappedBytes{0};

// Weights are streamed: with 2 MiB pages the CPU misses its TLB less, which is a tenth of the bandwidth.
void adviseHuge([[maybe_unused]] char* data, [[maybe_unused]] size_t bytes) {
#ifdef MADV_HUGEPAGE
  constexpr uintptr_t page = uintptr_t(1) << 21;
  const uintptr_t begin = (reinterpret_cast<uintptr_t>(data) + page - 1) & ~(page - 1), end = (reinterpret_cast<uintptr_t>(data) + bytes) & ~(page - 1);
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

}  // namespace

Buffer::Buffer(size_t bytes) : data_(nullptr), bytes_(bytes) {
  // Large blocks come zeroed from the kernel; calloc keeps their pages untouched until used.
  const size_t room = bytes + 64 + sizeof(void*);
  void* raw = room < bytes ? nullptr : std::calloc(1, room);
  if (!raw) throw OpError("DEVICE", "[alloc] expected " + std::to_string(bytes) + " bytes of memory, received none: out of memory. Dispose tensors or use a smaller model.");
  const uintptr_t aligned = (reinterpret_cast<uintptr_t>(raw) + sizeof(void*) + 63) & ~uintptr_t(63);
  data_ = reinterpret_cast<char*>(aligned);
  std::memcpy(data_ - sizeof(void*), &raw, sizeof raw);
  adviseHuge(data_, bytes);
  liveBuffers++;
  totalAllocs++;
  const uint64_t live = liveBytes += bytes;
  uint64_t peak = peakBytes;
  while (live > peak && !peakBytes.compare_exchange_weak(peak, live)) {
  }
}

Buffer::Buffer(const std::string& path, uint64_t offset, size_t bytes) : bytes_(bytes), mapping_(std::make_unique<Mapping>(path, offset, bytes)) {
  data_ = mapping_->data();
  mappedBuffers++;
  mappedBytes += bytes;
}

Buffer::~Buffer() {
  if (mapping_) {
    mappedBuffers--;
    mappedBytes -= bytes_;
    return;
  }
  void* raw;
  std::memcpy(&raw, data_ - sizeof(void*), sizeof raw);
  std::free(raw);
  liveBuffers--;
  liveBytes -= bytes_;
}

namespace {
uint32_t addBuffer(BufferRef buffer) {
  std::lock_guard<std::mutex> lock(mutex);
  while (nextId == 0 || table.count(nextId)) ++nextId;
  table.emplace(nextId, std::move(buffer));
  return nextId++;
}
}  // namespace

uint32_t allocBuffer(size_t bytes) { return addBuffer(std::make_shared<Buffer>(bytes)); }

uint32_t mapBuffer(const std::string& path, uint64_t offset, size_t bytes) { return addBuffer(std::make_shared<Buffer>(path, offset, bytes)); }

BufferRef findBuffer(uint32_t id) {
  std::lock_guard<std::mutex> lock(mutex);
  auto it = table.find(id);
  return it == table.end() ? nullptr : it->second;
}

bool freeBuffer(uint32_t id) {
  BufferRef dead;  // released outside the lock
  std::lock_guard<std::mutex> lock(mutex);
  auto it = table.find(id);
  if (it == table.end()) return false;
  dead = std::move(it->second);
  table.erase(it);
  return true;
}

BufferStats bufferStats() { return {liveBuffers, liveBytes, peakBytes, totalAllocs, mappedBuffers, mappedBytes}; }

}  // namespace rotor
