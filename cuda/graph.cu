// A captured program: its calls as one CUDA graph.
#include <vector>

#include "device.cuh"

namespace rotor {

struct DeviceProgram {
  Device* device = nullptr;
  std::vector<DeviceCall> calls;
  char* scratch = nullptr;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t exec = nullptr;
};

namespace cuda {
namespace {

void record(DeviceProgram& p) {
  const Device& device = *p.device;
  need(cudaStreamBeginCapture(device.stream, cudaStreamCaptureModeThreadLocal), "capture");
  try {
    for (size_t i = 0; i < p.calls.size(); ++i) launch(device, p.calls[i], unsigned(i), p.scratch);
  } catch (...) {
    cudaStreamEndCapture(device.stream, &p.graph);  // leaves capture mode
    throw;
  }
  need(cudaStreamEndCapture(device.stream, &p.graph), "capture");
  need(cudaGraphInstantiate(&p.exec, p.graph, 0), "capture");
}

}  // namespace

bool programCreate(Device* device, const DeviceCall* calls, size_t count, DeviceProgram** out) {
  DeviceProgram* p = new DeviceProgram;
  p->device = device;
  p->calls.assign(calls, calls + count);
  const bool ok = guarded([&] {
    use(*device);
    std::lock_guard<std::mutex> lock(device->mutex);
    size_t scratch = 256;
    for (const DeviceCall& call : p->calls) {
      const size_t bytes = scratchOf(*device, call);
      if (bytes > scratch) scratch = bytes;
    }
    void* memory = nullptr;
    need(cudaMallocAsync(&memory, scratch, device->stream), "capture");
    p->scratch = static_cast<char*>(memory);
    need(cudaStreamSynchronize(device->stream), "capture");
    record(*p);
    *out = p;
  });
  if (!ok) programFree(p);
  return ok;
}

bool programStep(DeviceProgram* p) {
  return guarded([&] {
    Device& device = *p->device;
    use(device);
    std::lock_guard<std::mutex> lock(device.mutex);
    clearFault(device);
    need(cudaGraphLaunch(p->exec, device.stream), "step");
    need(cudaStreamSynchronize(device.stream), "step");
    checkFault(device, p->calls.data());
  });
}

bool programProfile(DeviceProgram* p, double* us) {
  std::vector<cudaEvent_t> events(p->calls.size() + 1);
  const bool ok = guarded([&] {
    Device& device = *p->device;
    use(device);
    std::lock_guard<std::mutex> lock(device.mutex);
    clearFault(device);
    for (cudaEvent_t& event : events) need(cudaEventCreate(&event), "profile");
    need(cudaEventRecord(events[0], device.stream), "profile");
    for (size_t i = 0; i < p->calls.size(); ++i) {
      launch(device, p->calls[i], unsigned(i), p->scratch);
      need(cudaEventRecord(events[i + 1], device.stream), "profile");
    }
    need(cudaStreamSynchronize(device.stream), "profile");
    for (size_t i = 0; i < p->calls.size(); ++i) {
      float ms = 0;
      need(cudaEventElapsedTime(&ms, events[i], events[i + 1]), "profile");
      us[i] = double(ms) * 1000;
    }
    checkFault(device, p->calls.data());
  });
  for (cudaEvent_t event : events)
    if (event) cudaEventDestroy(event);
  return ok;
}

void programFree(DeviceProgram* p) {
  guarded([&] {
    std::lock_guard<std::mutex> lock(p->device->mutex);
    if (p->exec) cudaGraphExecDestroy(p->exec);
    if (p->graph) cudaGraphDestroy(p->graph);
    if (p->scratch) cudaFreeAsync(p->scratch, p->device->stream);
  });
  delete p;
}

}  // namespace cuda
}  // namespace rotor
