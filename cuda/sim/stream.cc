// Streams, events, graphs, copies and launches.
#include <chrono>
#include <set>

#include "device.h"

using namespace rotor::cuda::sim;

// Something that a stream does. A captured one is kept and done again at every launch of the graph.
using Work = std::function<bool()>;

struct CUgraph_st {
  std::vector<Work> nodes;
};
struct CUgraphExec_st {
  std::vector<Work> nodes;
};
struct CUstream_st {
  CUgraph_st* capture = nullptr;
  bool broken = false;  // the capture met something that cannot be captured
};
struct CUevent_st {
  std::chrono::steady_clock::time_point at;
  bool recorded = false;
};

namespace {

std::set<cudaStream_t>& streams() {
  static std::set<cudaStream_t>& all = *new std::set<cudaStream_t>;  // never destroyed
  return all;
}
thread_local int captures = 0;

bool known(cudaStream_t stream) { return !stream || streams().count(stream) > 0; }

// Does it now, or captures it.
cudaError_t perform(cudaStream_t stream, Call& call, Work work) {
  if (!call.ok()) return call.end(call.error());
  if (!known(stream)) return call.end(cudaErrorInvalidResourceHandle);
  if (stream && stream->capture) {
    stream->capture->nodes.push_back(std::move(work));
    return cudaSuccess;
  }
  return call.end(work() ? cudaSuccess : cudaErrorLaunchFailure);
}

// What the host may not ask of a stream that is being captured.
bool refused(cudaStream_t stream) {
  if (!stream || !stream->capture) return false;
  stream->broken = true;
  return true;
}

cudaError_t synchronise(cudaStream_t stream) {
  Call call(Call::anywhere);
  if (!known(stream)) return call.end(cudaErrorInvalidResourceHandle);
  if (refused(stream)) return call.end(cudaErrorStreamCaptureUnsupported);
  call.flush();
  return call.end(call.error());
}

bool flushNow() {
  Call call(Call::anywhere);
  return call.flush();
}

}  // namespace

namespace rotor {
namespace cuda {
namespace sim {

bool capturing() { return captures > 0; }

void forgetStreams() {
  for (cudaStream_t stream : streams()) {
    delete stream->capture;
    delete stream;
  }
  streams().clear();
  captures = 0;
}

cudaError_t submit(const cudaLaunchConfig_t& c, const void* function, std::function<void()> body) {
  Call call(Call::anywhere);
  if (!call.ok()) return call.error();
  const uint64_t threads = uint64_t(c.blockDim.x) * c.blockDim.y * c.blockDim.z;
  const bool grid = c.gridDim.x > 0 && c.gridDim.y > 0 && c.gridDim.z > 0 && c.gridDim.x <= 0x7fffffffu && c.gridDim.y <= 65535 && c.gridDim.z <= 65535;
  if (!grid || threads == 0 || threads > 1024 || c.blockDim.z > 64) return call.end(cudaErrorInvalidConfiguration);
  if (c.dynamicSmemBytes > sharedLimit(function)) return call.end(cudaErrorInvalidValue);
  Kernel kernel;
  kernel.function = function;
  kernel.body = std::move(body);
  kernel.grid = c.gridDim;
  kernel.block = c.blockDim;
  kernel.shared = c.dynamicSmemBytes;
  for (unsigned i = 0; i < c.numAttrs; ++i)
    if (c.attrs[i].id == cudaLaunchAttributeProgrammaticStreamSerialization && c.attrs[i].val.programmaticStreamSerializationAllowed) kernel.early = true;
  return perform(c.stream, call, [kernel] { return enqueue(kernel); });
}

}  // namespace sim
}  // namespace cuda
}  // namespace rotor

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  Call call(Call::anywhere);
  if (bytes == 0) return call.error();
  const bool toDevice = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool fromDevice = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (call.ok() && ((toDevice && !isDevice(to, bytes)) || (fromDevice && !isDevice(from, bytes)))) return call.end(cudaErrorInvalidValue);
  return perform(stream, call, [=] {
    if (!flushNow()) return false;
    std::memmove(to, from, bytes);
    return true;
  });
}
cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) { return cudaMemcpyAsync(to, from, bytes, kind, nullptr); }

cudaError_t cudaMemsetAsync(void* memory, int value, size_t bytes, cudaStream_t stream) {
  Call call(Call::anywhere);
  if (bytes == 0) return call.error();
  if (call.ok() && !isDevice(memory, bytes)) return call.end(cudaErrorInvalidValue);
  return perform(stream, call, [=] {
    if (!flushNow()) return false;
    std::memset(memory, value, bytes);
    return true;
  });
}
cudaError_t cudaMemset(void* memory, int value, size_t bytes) { return cudaMemsetAsync(memory, value, bytes, nullptr); }

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  Call call(Call::anywhere);
  if (!call.ok()) return call.error();
  *stream = new CUstream_st;
  streams().insert(*stream);
  return cudaSuccess;
}
cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithFlags(stream, cudaStreamDefault); }
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  Call call(Call::anywhere);
  if (!stream || streams().erase(stream) == 0) return call.end(cudaErrorInvalidResourceHandle);
  call.flush();
  delete stream->capture;
  delete stream;
  return call.error();
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) { return synchronise(stream); }
cudaError_t cudaDeviceSynchronize() { return synchronise(nullptr); }
cudaError_t cudaStreamQuery(cudaStream_t stream) { return synchronise(stream); }
cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned) {
  Call call(Call::anywhere);
  return call.error();  // all streams run in one order
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  Call call(Call::anywhere);
  if (!call.ok()) return call.error();
  *event = new CUevent_st;
  return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, cudaEventDefault); }
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  if (!event) return cudaErrorInvalidResourceHandle;
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  Call call(Call::anywhere);
  if (!event) return call.end(cudaErrorInvalidResourceHandle);
  return perform(stream, call, [=] {
    if (!flushNow()) return false;
    event->at = std::chrono::steady_clock::now();
    event->recorded = true;
    return true;
  });
}
cudaError_t cudaEventSynchronize(cudaEvent_t) { return synchronise(nullptr); }
cudaError_t cudaEventQuery(cudaEvent_t) { return synchronise(nullptr); }
cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t from, cudaEvent_t to) {
  Call call(Call::anywhere);
  if (!from || !to || !from->recorded || !to->recorded) return call.end(cudaErrorInvalidResourceHandle);
  *ms = std::chrono::duration<float, std::milli>(to->at - from->at).count();
  return call.error();
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  Call call(Call::anywhere);
  if (!call.ok()) return call.error();
  if (!stream || !known(stream) || stream->capture) return call.end(cudaErrorInvalidValue);
  stream->capture = new CUgraph_st;
  stream->broken = false;
  ++captures;
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  Call call(Call::anywhere);
  if (!stream || !known(stream) || !stream->capture) return call.end(cudaErrorInvalidValue);
  *graph = stream->capture;
  stream->capture = nullptr;
  --captures;
  if (!stream->broken) return call.error();
  delete *graph;
  *graph = nullptr;
  return call.end(cudaErrorStreamCaptureInvalidated);
}
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  Call call(Call::anywhere);
  *status = !stream || !stream->capture ? cudaStreamCaptureStatusNone : stream->broken ? cudaStreamCaptureStatusInvalidated : cudaStreamCaptureStatusActive;
  return call.error();
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  Call call(Call::anywhere);
  if (!call.ok()) return call.error();
  if (!graph) return call.end(cudaErrorInvalidValue);
  *exec = new CUgraphExec_st{graph->nodes};
  return cudaSuccess;
}
cudaError_t cudaGraphUpload(cudaGraphExec_t exec, cudaStream_t) { return exec ? cudaSuccess : cudaErrorInvalidValue; }
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  Call call(Call::anywhere);
  if (!call.ok()) return call.error();
  if (!exec || !known(stream)) return call.end(cudaErrorInvalidValue);
  for (const Work& node : exec->nodes)
    if (!node()) return call.end(cudaErrorLaunchFailure);
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  Call call(Call::anywhere);
  call.flush();
  delete exec;
  return call.error();
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
