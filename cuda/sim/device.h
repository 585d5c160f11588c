// The state behind the runtime's functions: one lock, one error that stays, and the kernels that have not run yet.
#pragma once
#include <cstddef>
#include <mutex>
#include <string>

#include "run.h"
#include "runtime.h"

namespace rotor {
namespace cuda {
namespace sim {

// One call of the runtime, from its beginning to its end.
class Call {
 public:
  enum Rule { anywhere, notWhileCapturing };
  explicit Call(Rule rule);
  bool ok() const { return error_ == cudaSuccess; }
  cudaError_t error() const { return error_; }
  // Runs what is pending. False: it failed, and error() says so.
  bool flush();
  // Keeps an error for cudaGetLastError, and returns it.
  cudaError_t end(cudaError_t error);

 private:
  std::lock_guard<std::recursive_mutex> lock_;
  cudaError_t error_;
};

// Queues a kernel; whatever is pending that it need not overlap with runs first.
bool enqueue(const Kernel& kernel);

// Number from the environment.
long long environment(const char* name, long long otherwise);

// What is wrong with the room around device memory; "" when nothing is.
std::string checkMemory();
// Whether all of it is device memory of one allocation.
bool isDevice(const void* at, size_t bytes);
size_t memoryTotal();
size_t memoryUsed();
void freeEverything();
// Largest dynamic shared memory that cudaFuncSetAttribute has allowed.
size_t sharedLimit(const void* function);
void forgetStreams();
// Whether this thread is capturing a stream.
bool capturing();

}  // namespace sim
}  // namespace cuda
}  // namespace rotor
