// One opened GPU, and the errors of everything that uses it.
#pragma once
#include <mutex>
#include <string>

#include "../cpp/device.h"
#include "common.cuh"

namespace rotor {

struct Device {
  int index = 0;
  std::string name;
  cuda::Chip chip;
  cudaStream_t stream = nullptr;
  std::mutex mutex;  // one caller of the stream at a time
  char* scratch = nullptr;  // of calls that are no program
  size_t scratchBytes = 0;
  cuda::FaultCell* fault = nullptr;        // pinned host memory
  cuda::FaultCell* deviceFault = nullptr;  // the same memory, as the GPU sees it
};

namespace cuda {

// Throws OpError unless `e` is success. An error that stays makes the library refuse all that follows, with this text.
void need(cudaError_t e, const std::string& doing);
// Throws OpError when an earlier error stayed.
void needHealthy();
// Makes a GPU the current one of this thread, as callers come from several. Throws OpError when an earlier error stayed.
void use(const Device& device);

const char* opName(uint32_t opcode);
using Wrapper = void (*)(const Args&, Launch&);
// The launch wrapper of an op; throws OpError("UNSUPPORTED") when there is none.
Wrapper wrapperOf(uint32_t opcode);
// Bytes of scratch that a call needs.
size_t scratchOf(const Device& device, const DeviceCall& call);
// Queues the kernels of a call. `index` names it if it meets bad data.
void launch(const Device& device, const DeviceCall& call, unsigned index, char* scratch);

void clearFault(const Device& device);
// Throws OpError when a kernel of these calls met bad data.
void checkFault(const Device& device, const DeviceCall* calls);

// Runs `body`, keeping what it throws for error() and errorCode(); whether it came through.
template <class F>
bool guarded(F body);
bool keepError(const char* code, const std::string& text);

template <class F>
bool guarded(F body) {
  try {
    body();
    return true;
  } catch (const OpError& e) {
    return keepError(e.code, e.what());
  } catch (const std::exception& e) {
    return keepError("NATIVE", std::string("[cuda] ") + e.what());
  }
}

// Programs, in graph.cu.
bool programCreate(Device* device, const DeviceCall* calls, size_t count, DeviceProgram** program);
bool programStep(DeviceProgram* program);
bool programProfile(DeviceProgram* program, double* us);
void programFree(DeviceProgram* program);

// In bandwidth.cu.
bool readBandwidth(Device* device, size_t bytes, int repeats, double* samples);

// Bytes of a packed ternary matrix, in layout.h.
int64_t ternaryBytes(int64_t rows, int64_t cols);

}  // namespace cuda
}  // namespace rotor
