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
// Never destroyed: at the end of the process the devices of its buffers may be gone before it.
std::unordered_map<uint32_t, BufferRef>& table = *new std::unordered_map<uint32_t, BufferRef>;
uint32_t nextId = 1;
std::atomic<uint64_t> liveBuffers{0}, liveBytes{0}, peakBytes{0}, totalAllocs{0}, mappedBuffers{0}, mappedBytes{0}, deviceBuffers{0}, deviceBytes{0};

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

Buffer::Buffer(const OpenDevice& device, size_t bytes) : data_(device.alloc(bytes)), bytes_(bytes), device_(&device) {
  deviceBuffers++;
  deviceBytes += bytes;
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
  if (device_) {
    device_->release(data_);
    deviceBuffers--;
    deviceBytes -= bytes_;
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

uint32_t allocBuffer(size_t bytes, const OpenDevice* device) { return addBuffer(device ? std::make_shared<Buffer>(*device, bytes) : std::make_shared<Buffer>(bytes)); }

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

namespace {
void needRange(const Buffer& buffer, size_t offset, size_t bytes) {
  if (offset > buffer.bytes() || bytes > buffer.bytes() - offset)
    throw OpError("NATIVE", "[copy] expected a range inside a buffer of " + std::to_string(buffer.bytes()) + " bytes, received " + std::to_string(bytes) + " from " + std::to_string(offset) + ".");
}
}  // namespace

void uploadTo(const Buffer& to, size_t offset, const void* from, size_t bytes) {
  needRange(to, offset, bytes);
  if (to.mapping()) throw OpError("NATIVE", "[upload] expected memory that may be written, received a mapped file.");
  if (to.device()) to.device()->upload(to.data() + offset, from, bytes);
  else std::memcpy(to.data() + offset, from, bytes);
}

void downloadFrom(const Buffer& from, size_t offset, void* to, size_t bytes) {
  needRange(from, offset, bytes);
  if (from.device()) from.device()->download(to, from.data() + offset, bytes);
  else std::memcpy(to, from.data() + offset, bytes);
}

void moveBytes(const Buffer& from, size_t fromOffset, const Buffer& to, size_t toOffset, size_t bytes) {
  needRange(from, fromOffset, bytes);
  needRange(to, toOffset, bytes);
  if (from.device() != to.device() || to.mapping()) throw OpError("NATIVE", "[move] expected two buffers of one device that may be written, received others.");
  if (to.device()) to.device()->move(to.data() + toOffset, from.data() + fromOffset, bytes);
  else std::memmove(to.data() + toOffset, from.data() + fromOffset, bytes);
}

BufferStats bufferStats() { return {liveBuffers, liveBytes, peakBytes, totalAllocs, mappedBuffers, mappedBytes, deviceBuffers, deviceBytes}; }

}  // namespace rotor
