// The library's table: opening a GPU, its memory, and single calls.
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>

#include "../cpp/fault.h"
#include "device.cuh"

namespace rotor {
namespace cuda {

const char* errorText();
const char* errorCode();

namespace {

const char* const kNames[] = {
#define OP(name, minIn, maxIn, minOut, maxOut, nAttrs, flags) #name,
#include "../cpp/ops.def"
#undef OP
};
const Wrapper kWrappers[] = {
#define OP(name, minIn, maxIn, minOut, maxOut, nAttrs, flags) name,
#include "../cpp/ops.def"
#undef OP
};
constexpr uint32_t kCount = sizeof(kWrappers) / sizeof(kWrappers[0]);

#ifdef ROTOR_CUDA_SIM
constexpr const char* kDeviceName = "cuda-sim";
#else
constexpr const char* kDeviceName = "cuda";
#endif
const Target kTarget = {kDeviceName, nullptr, ternaryBytes};

std::mutex devicesMutex;
std::map<int, std::unique_ptr<Device>>& devices = *new std::map<int, std::unique_ptr<Device>>;  // never destroyed: threads may still be using them

int attribute(cudaDeviceAttr which, int index) {
  int value = 0;
  need(cudaDeviceGetAttribute(&value, which, index), "cudaDeviceGetAttribute");
  return value;
}

int deviceCount() {
  int count = 0;
  const cudaError_t e = cudaGetDeviceCount(&count);
  if (e == cudaSuccess) return count;
  cudaGetLastError();
  if (e == cudaErrorNoDevice) return 0;
  int driver = 0;
  cudaDriverGetVersion(&driver);
  const std::string version = driver == 0 ? "none" : "one for CUDA " + std::to_string(driver / 1000) + "." + std::to_string(driver % 1000 / 10);
  throw OpError("DEVICE", "[cuda] expected an NVIDIA driver for CUDA " + std::to_string(CUDART_VERSION / 1000) + " or later, received " + version + " (" + cudaGetErrorString(e) + "). Install or update the driver, or use the cpu.");
}

std::unique_ptr<Device> openNew(int index) {
  const int count = deviceCount();
  if (count == 0) throw OpError("DEVICE", "[cuda] expected an NVIDIA GPU, received none. Use the cpu.");
  if (index >= count)
    throw OpError("DEVICE", "[cuda] expected a GPU from 0 to " + std::to_string(count - 1) + ", received " + std::to_string(index) + ".");
  auto device = std::make_unique<Device>();
  device->index = index;
  device->name = kDeviceName;
  if (index > 0) device->name += ":" + std::to_string(index);
  use(*device);
  Chip& chip = device->chip;
  chip.major = attribute(cudaDevAttrComputeCapabilityMajor, index);
  chip.minor = attribute(cudaDevAttrComputeCapabilityMinor, index);
  if (chip.major < 8)
    throw OpError("UNSUPPORTED", "[cuda] expected a GPU of compute capability 8.0 or later, received " + std::to_string(chip.major) + "." + std::to_string(chip.minor) + ". Use the cpu.");
  chip.multiprocessors = attribute(cudaDevAttrMultiProcessorCount, index);
  chip.sharedBytes = attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin, index);
  need(cudaStreamCreateWithFlags(&device->stream, cudaStreamNonBlocking), "cudaStreamCreate");
  // Freed memory stays with the process: tensors come and go.
  cudaMemPool_t pool;
  need(cudaDeviceGetDefaultMemPool(&pool, index), "cudaDeviceGetDefaultMemPool");
  uint64_t keep = UINT64_MAX;
  need(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &keep), "cudaMemPoolSetAttribute");
  void* cell = nullptr;
  need(cudaHostAlloc(&cell, sizeof(FaultCell), cudaHostAllocMapped), "cudaHostAlloc");
  device->fault = static_cast<FaultCell*>(cell);
  need(cudaHostGetDevicePointer(&cell, device->fault, 0), "cudaHostGetDevicePointer");
  device->deviceFault = static_cast<FaultCell*>(cell);
  clearFault(*device);
  return device;
}

bool open(int index, Device** out) {
  return guarded([&] {
    needHealthy();
    std::lock_guard<std::mutex> lock(devicesMutex);
    std::unique_ptr<Device>& device = devices[index];
    if (!device) device = openNew(index);
    *out = device.get();
  });
}

bool info(Device* device, DeviceInfo* out) {
  return guarded([&] {
    use(*device);
    cudaDeviceProp properties;
    need(cudaGetDeviceProperties(&properties, device->index), "cudaGetDeviceProperties");
    std::snprintf(out->name, sizeof out->name, "%.127s", properties.name);
    std::snprintf(out->architecture, sizeof out->architecture, "sm_%d%d", device->chip.major, device->chip.minor);
    out->multiprocessors = device->chip.multiprocessors;
    need(cudaDriverGetVersion(&out->driver), "cudaDriverGetVersion");
    need(cudaRuntimeGetVersion(&out->runtime), "cudaRuntimeGetVersion");
    size_t free = 0, total = 0;
    need(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    out->freeBytes = double(free);
    out->memoryBytes = double(total);
  });
}

bool supports(uint32_t opcode) { return opcode < kCount && kWrappers[opcode] != nullptr; }

bool alloc(Device* device, size_t bytes, void** memory) {
  return guarded([&] {
    use(*device);
    std::lock_guard<std::mutex> lock(device->mutex);
    const size_t room = bytes > 0 ? bytes : 1;
    const cudaError_t e = cudaMallocAsync(memory, room, device->stream);
    if (e == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      size_t free = 0, total = 0;
      need(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
      throw OpError("DEVICE", "[alloc] expected " + std::to_string(bytes) + " bytes on \"" + device->name + "\", received " + std::to_string(free) + " free of " + std::to_string(total) +
                                  ". Dispose tensors, use fewer slots or a shorter context, a cache of f16 or i8, or a smaller model.");
    }
    need(e, "alloc");
    need(cudaMemsetAsync(*memory, 0, room, device->stream), "alloc");
  });
}

bool release(Device* device, void* memory) {
  return guarded([&] {
    use(*device);
    std::lock_guard<std::mutex> lock(device->mutex);
    need(cudaFreeAsync(memory, device->stream), "free");
  });
}

bool transfer(Device* device, void* to, const void* from, size_t bytes, cudaMemcpyKind kind, const char* name) {
  return guarded([&] {
    use(*device);
    if (bytes == 0) return;
    std::lock_guard<std::mutex> lock(device->mutex);
    need(cudaMemcpyAsync(to, from, bytes, kind, device->stream), name);
    need(cudaStreamSynchronize(device->stream), name);
  });
}
bool upload(Device* device, void* to, const void* from, size_t bytes) { return transfer(device, to, from, bytes, cudaMemcpyHostToDevice, "upload"); }
bool download(Device* device, void* to, const void* from, size_t bytes) { return transfer(device, to, from, bytes, cudaMemcpyDeviceToHost, "download"); }
bool move(Device* device, void* to, const void* from, size_t bytes) { return transfer(device, to, from, bytes, cudaMemcpyDeviceToDevice, "move"); }

void growScratch(Device* device, size_t bytes) {
  if (bytes <= device->scratchBytes && device->scratch) return;
  if (device->scratch) need(cudaFreeAsync(device->scratch, device->stream), "scratch");
  device->scratch = nullptr;
  device->scratchBytes = bytes > (1u << 20) ? bytes : 1u << 20;
  void* memory = nullptr;
  need(cudaMallocAsync(&memory, device->scratchBytes, device->stream), "scratch");
  device->scratch = static_cast<char*>(memory);
}

bool run(Device* device, const DeviceCall* call) {
  return guarded([&] {
    use(*device);
    std::lock_guard<std::mutex> lock(device->mutex);
    growScratch(device, scratchOf(*device, *call));
    clearFault(*device);
    launch(*device, *call, 0, device->scratch);
    need(cudaStreamSynchronize(device->stream), opName(call->opcode));
    checkFault(*device, call);
  });
}

}  // namespace

const char* opName(uint32_t opcode) { return opcode < kCount ? kNames[opcode] : "?"; }

Wrapper wrapperOf(uint32_t opcode) {
  if (!supports(opcode))
    throw OpError("UNSUPPORTED", std::string("[") + opName(opcode) + "] expected an op that \"" + kDeviceName + "\" implements, received one that it does not. Move the tensors to the cpu with to(\"cpu\").");
  return kWrappers[opcode];
}

size_t scratchOf(const Device& device, const DeviceCall& call) {
  Launch measure(device.chip, {device.deviceFault, 0}, device.stream, nullptr);
  wrapperOf(call.opcode)(*call.args, measure);
  return measure.used();
}

void launch(const Device& device, const DeviceCall& call, unsigned index, char* scratch) {
  Launch now(device.chip, {device.deviceFault, index}, device.stream, scratch);
  wrapperOf(call.opcode)(*call.args, now);
  need(now.error(), opName(call.opcode));
}

void clearFault(const Device& device) { std::memset(device.fault, 0, sizeof(FaultCell)); }

void checkFault(const Device& device, const DeviceCall* calls) {
  const FaultCell fault = *device.fault;
  if (fault.call == 0) return;
  throw faultError(opName(calls[fault.call - 1].opcode), fault.value, fault.range ? -1 : fault.limit);
}

}  // namespace cuda
}  // namespace rotor

extern "C" __attribute__((visibility("default"))) const rotor::DeviceTable* rotor_device_table() {
  using namespace rotor::cuda;
  static const rotor::DeviceTable table = {rotor::kAbiVersion, &kTarget, errorText,     errorCode,   open,           info,        supports,     alloc,
                                           release,            upload,   download,      move,        run,            programCreate, programStep, programProfile,
                                           programFree,        readBandwidth};
  return &table;
}
