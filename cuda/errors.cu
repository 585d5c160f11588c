// Errors of the library: kept for the thread that meets them, and for everybody when the GPU cannot go on.
#include <mutex>

#include "device.cuh"

namespace rotor {
namespace cuda {
namespace {

thread_local std::string lastText;
thread_local std::string lastCode;

std::mutex poisonMutex;
std::string poison;  // why nothing can run any more; empty while all is well

#ifdef ROTOR_CUDA_SIM
std::string detail() { return sim::lastFailure(); }
#else
std::string detail() { return {}; }
#endif

}  // namespace

bool keepError(const char* code, const std::string& text) {
  lastCode = code;
  lastText = text;
  return false;
}

const char* errorText() { return lastText.c_str(); }
const char* errorCode() { return lastCode.c_str(); }

void needHealthy() {
  std::lock_guard<std::mutex> lock(poisonMutex);
  if (!poison.empty()) throw OpError("DEVICE", poison);
}

void need(cudaError_t e, const std::string& doing) {
  if (e == cudaSuccess) return;
  std::string why = std::string(cudaGetErrorName(e)) + ": " + cudaGetErrorString(e);
  if (!detail().empty()) why += " (" + detail() + ")";
  cudaGetLastError();  // clears an error that does not stay
  if (e == cudaErrorMemoryAllocation) throw OpError("DEVICE", "[" + doing + "] expected free memory on the GPU, received " + why + ". Dispose tensors, shorten the context, or use a smaller model.");
  if (e == cudaErrorNoKernelImageForDevice || e == cudaErrorUnsupportedPtxVersion)
    throw OpError("UNSUPPORTED", "[" + doing + "] expected a GPU of compute capability 8.0 or later with a driver that knows its kernels, received " + why + ". Update the driver or use the cpu.");
  // Errors of a kernel stay: the next harmless call gives them again.
  if (cudaStreamSynchronize(nullptr) != cudaSuccess) {
    std::lock_guard<std::mutex> lock(poisonMutex);
    if (poison.empty()) poison = "[cuda] expected a healthy GPU context, received one that was lost after " + doing + " (" + why + "). Tensors on it are gone: restart the process, or go on with the cpu.";
    throw OpError("DEVICE", poison);
  }
  throw OpError("DEVICE", "[" + doing + "] expected CUDA to succeed, received " + why + ".");
}

void use(const Device& device) {
  needHealthy();
  need(cudaSetDevice(device.index), "cudaSetDevice");
}

}  // namespace cuda
}  // namespace rotor
