// Devices, errors, and when kernels run.
#include "device.h"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>

namespace rotor {
namespace cuda {
namespace sim {
namespace {

struct State {
  std::recursive_mutex mutex;
  cudaError_t sticky = cudaSuccess, last = cudaSuccess;
  std::string failure;
  std::vector<Kernel> pending;
  uint64_t seed = uint64_t(environment("ROTOR_SIM_SEED", 1)), launches = 0;
  Random random;
  std::map<const void*, size_t> sharedLimits;
};
State& state() {
  static State* one = new State;  // never destroyed: other threads may still call
  return *one;
}

int architecture() { return int(environment("ROTOR_SIM_ARCH", 90)); }
int sharedOptin() { return architecture() >= 90 ? 227 * 1024 : 163 * 1024; }

bool failed(const std::string& why) {
  state().failure = why;
  state().sticky = cudaErrorLaunchFailure;
  return false;
}

// Runs the pending kernels. Those that were launched early get a first turn before the one they depend on, most of the time.
bool runPending() {
  State& s = state();
  if (s.sticky != cudaSuccess) return false;
  const std::vector<Kernel> kernels = std::move(s.pending);
  s.pending.clear();
  std::vector<std::unique_ptr<Run>> runs;
  for (const Kernel& kernel : kernels) runs.push_back(std::make_unique<Run>(kernel, s.seed, s.launches++));
  const bool backwards = s.random.below(2) == 0;
  for (size_t i = 1; i < runs.size(); ++i) {
    const size_t at = backwards ? runs.size() - i : i;
    if (s.random.below(3) > 0 && !runs[at]->begin()) return failed(runs[at]->failure());
  }
  for (size_t i = 0; i < runs.size(); ++i) {
    if (!runs[i]->finish()) return failed(runs[i]->failure());
    const std::string wrong = checkMemory();
    if (!wrong.empty()) return failed("kernel " + nameOf(kernels[i].function) + ": " + wrong);
    runs[i].reset();
  }
  return true;
}

}  // namespace

long long environment(const char* name, long long otherwise) {
  const char* value = std::getenv(name);
  return value && *value ? std::atoll(value) : otherwise;
}

Call::Call(Rule rule) : lock_(state().mutex), error_(state().sticky) {
  if (error_ == cudaSuccess && rule == notWhileCapturing && capturing()) error_ = cudaErrorStreamCaptureUnsupported;
}
bool Call::flush() {
  if (error_ == cudaSuccess && !runPending()) error_ = state().sticky;
  return ok();
}
cudaError_t Call::end(cudaError_t error) {
  if (error != cudaSuccess) state().last = error;
  return error;
}

bool enqueue(const Kernel& kernel) {
  State& s = state();
  if (!kernel.early || s.pending.size() >= 4) {
    if (!runPending()) return false;
  }
  s.pending.push_back(kernel);
  return true;
}

size_t sharedLimit(const void* function) {
  const auto found = state().sharedLimits.find(function);
  return found == state().sharedLimits.end() ? 48 * 1024 : found->second;
}

const std::string& lastFailure() { return state().failure; }

void seed(uint64_t value) {
  Call call(Call::anywhere);
  state().seed = value;
  state().launches = 0;
  state().random.state = value;
}

void reset() {
  Call call(Call::anywhere);
  State& s = state();
  s.pending.clear();
  s.sticky = s.last = cudaSuccess;
  s.failure.clear();
  s.sharedLimits.clear();
  forgetStreams();
  freeEverything();
}

}  // namespace sim
}  // namespace cuda
}  // namespace rotor

using namespace rotor::cuda::sim;

const char* cudaGetErrorName(cudaError_t e) {
  switch (e) {
#define NAME(name) \
  case name:       \
    return #name;
    NAME(cudaSuccess)
    NAME(cudaErrorInvalidValue)
    NAME(cudaErrorMemoryAllocation)
    NAME(cudaErrorInvalidConfiguration)
    NAME(cudaErrorInsufficientDriver)
    NAME(cudaErrorInvalidDeviceFunction)
    NAME(cudaErrorNoDevice)
    NAME(cudaErrorInvalidDevice)
    NAME(cudaErrorNoKernelImageForDevice)
    NAME(cudaErrorUnsupportedPtxVersion)
    NAME(cudaErrorInvalidResourceHandle)
    NAME(cudaErrorNotReady)
    NAME(cudaErrorIllegalAddress)
    NAME(cudaErrorMisalignedAddress)
    NAME(cudaErrorLaunchFailure)
    NAME(cudaErrorNotSupported)
    NAME(cudaErrorStreamCaptureUnsupported)
    NAME(cudaErrorStreamCaptureInvalidated)
#undef NAME
    default:
      return "cudaErrorUnknown";
  }
}

const char* cudaGetErrorString(cudaError_t e) {
  switch (e) {
    case cudaSuccess:
      return "no error";
    case cudaErrorInvalidValue:
      return "invalid argument";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorInvalidConfiguration:
      return "invalid configuration argument";
    case cudaErrorNoDevice:
      return "no CUDA-capable device is detected";
    case cudaErrorInvalidDevice:
      return "invalid device ordinal";
    case cudaErrorInvalidResourceHandle:
      return "invalid resource handle";
    case cudaErrorLaunchFailure:
      return "unspecified launch failure";
    case cudaErrorStreamCaptureUnsupported:
      return "operation not permitted when stream is capturing";
    case cudaErrorStreamCaptureInvalidated:
      return "operation failed due to a previous error during capture";
    default:
      return "unknown error";
  }
}

cudaError_t cudaPeekAtLastError() {
  Call call(Call::anywhere);
  return call.ok() ? state().last : call.error();
}
cudaError_t cudaGetLastError() {
  Call call(Call::anywhere);
  const cudaError_t last = call.ok() ? state().last : call.error();
  state().last = cudaSuccess;
  return last;
}

cudaError_t cudaGetDeviceCount(int* count) {
  Call call(Call::anywhere);
  *count = int(environment("ROTOR_SIM_DEVICES", 1));
  return call.end(*count > 0 ? call.error() : cudaErrorNoDevice);
}
cudaError_t cudaSetDevice(int device) {
  Call call(Call::anywhere);
  const bool known = device >= 0 && device < int(environment("ROTOR_SIM_DEVICES", 1));
  return call.end(known ? call.error() : cudaErrorInvalidDevice);
}
cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr which, int) {
  Call call(Call::anywhere);
  switch (which) {
    case cudaDevAttrMaxThreadsPerBlock:
      *value = 1024;
      break;
    case cudaDevAttrMultiProcessorCount:
      *value = 4;
      break;
    case cudaDevAttrL2CacheSize:
      *value = 1 << 20;
      break;
    case cudaDevAttrComputeCapabilityMajor:
      *value = architecture() / 10;
      break;
    case cudaDevAttrComputeCapabilityMinor:
      *value = architecture() % 10;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = sharedOptin();
      break;
    case cudaDevAttrMemoryPoolsSupported:
      *value = 1;
      break;
    default:
      return call.end(cudaErrorInvalidValue);
  }
  return call.error();
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int) {
  Call call(Call::anywhere);
  *p = {};
  std::snprintf(p->name, sizeof p->name, "Rotor simulator of sm_%d", architecture());
  p->totalGlobalMem = memoryTotal();
  p->sharedMemPerBlockOptin = size_t(sharedOptin());
  p->major = architecture() / 10;
  p->minor = architecture() % 10;
  p->multiProcessorCount = 4;
  p->l2CacheSize = 1 << 20;
  return call.error();
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}
cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute which, int value) {
  Call call(Call::anywhere);
  if (!call.ok()) return call.error();
  if (which == cudaFuncAttributeMaxDynamicSharedMemorySize) {
    if (value < 0 || value > sharedOptin()) return call.end(cudaErrorInvalidValue);
    state().sharedLimits[function] = size_t(value);
  }
  return cudaSuccess;
}
