// Native memory by id. Ids are never trusted: a stale one is an error, not a crash.
#pragma once
#include <cstdint>
#include <memory>

namespace rotor {

// 64-byte aligned, zero-filled memory.
class Buffer {
 public:
  explicit Buffer(size_t bytes);
  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  char* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  char* data_;
  size_t bytes_;
};

using BufferRef = std::shared_ptr<Buffer>;

// Throws OpError("DEVICE") when memory runs out.
uint32_t allocBuffer(size_t bytes);
// Returns null for an id that is not alive.
BufferRef findBuffer(uint32_t id);
bool freeBuffer(uint32_t id);

struct BufferStats {
  uint64_t liveBuffers, liveBytes, peakBytes, totalAllocs;
};
BufferStats bufferStats();

}  // namespace rotor
