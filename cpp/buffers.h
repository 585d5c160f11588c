// Native memory by id. Ids are never trusted: a stale one is an error, not a crash.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "devices.h"
#include "mapping.h"

namespace rotor {

// Memory of tensors: 64-byte aligned and zero-filled, of the CPU or another device; or a range of a file, which only has the alignment
// of its offset.
class Buffer {
 public:
  explicit Buffer(size_t bytes);
  Buffer(const OpenDevice& device, size_t bytes);
  Buffer(const std::string& path, uint64_t offset, size_t bytes);
  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  // Not for the CPU to read when device() is set.
  char* data() const { return data_; }
  const OpenDevice* device() const { return device_; }
  size_t bytes() const { return bytes_; }
  // The file behind the memory, which ops must not write to; null for memory of its own.
  const Mapping* mapping() const { return mapping_.get(); }

 private:
  char* data_;
  size_t bytes_;
  const OpenDevice* device_ = nullptr;
  std::unique_ptr<Mapping> mapping_;
};

using BufferRef = std::shared_ptr<Buffer>;

// On the CPU when `device` is null. Throws OpError("DEVICE") when memory runs out.
uint32_t allocBuffer(size_t bytes, const OpenDevice* device);
// Throws OpError("LOAD") when the file does not hold the range.
uint32_t mapBuffer(const std::string& path, uint64_t offset, size_t bytes);
// Returns null for an id that is not alive.
BufferRef findBuffer(uint32_t id);
bool freeBuffer(uint32_t id);

// Copies between memory of the caller and a range of a buffer, or between two of one device. Throws OpError("NATIVE") outside a buffer.
void uploadTo(const Buffer& to, size_t offset, const void* from, size_t bytes);
void downloadFrom(const Buffer& from, size_t offset, void* to, size_t bytes);
void moveBytes(const Buffer& from, size_t fromOffset, const Buffer& to, size_t toOffset, size_t bytes);

// Mapped memory is counted apart: it belongs to files, and only touched pages are resident. So is memory of other devices.
struct BufferStats {
  uint64_t liveBuffers, liveBytes, peakBytes, totalAllocs, mappedBuffers, mappedBytes, deviceBuffers, deviceBytes;
};
BufferStats bufferStats();

}  // namespace rotor
