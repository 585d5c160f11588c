// Native memory by id. Ids are never trusted: a stale one is an error, not a crash.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "mapping.h"

namespace rotor {

// Memory of tensors: 64-byte aligned and zero-filled, or a range of a file, which only has the alignment of its offset.
class Buffer {
 public:
  explicit Buffer(size_t bytes);
  Buffer(const std::string& path, uint64_t offset, size_t bytes);
  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  char* data() const { return data_; }
  size_t bytes() const { return bytes_; }
  // The file behind the memory, which ops must not write to; null for memory of its own.
  const Mapping* mapping() const { return mapping_.get(); }

 private:
  char* data_;
  size_t bytes_;
  std::unique_ptr<Mapping> mapping_;
};

using BufferRef = std::shared_ptr<Buffer>;

// Throws OpError("DEVICE") when memory runs out.
uint32_t allocBuffer(size_t bytes);
// Throws OpError("LOAD") when the file does not hold the range.
uint32_t mapBuffer(const std::string& path, uint64_t offset, size_t bytes);
// Returns null for an id that is not alive.
BufferRef findBuffer(uint32_t id);
bool freeBuffer(uint32_t id);

// Mapped memory is counted apart: it belongs to files, and only touched pages are resident.
struct BufferStats {
  uint64_t liveBuffers, liveBytes, peakBytes, totalAllocs, mappedBuffers, mappedBytes;
};
BufferStats bufferStats();

}  // namespace rotor
