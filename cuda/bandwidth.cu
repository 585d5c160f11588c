// read_bandwidth: how fast this GPU reads its memory, the floor of every kernel that reads weights once.
// data:  reads n 16-byte words (HBM, once, streaming), writes one word that is never needed
// map:   four blocks of 512 threads on each multiprocessor, grid-stride
// bound: bytes = 16 n; measured: not taken
#include "device.cuh"
#include "ptx.cuh"

namespace rotor {
namespace cuda {
namespace {

__global__ void __launch_bounds__(512) readAll(const uint4* words, int64_t count, uint32_t* sink) {
  uint32_t mixed = 0;
  for (int64_t i = firstItem(); i < count; i += itemStep()) {
    const uint4 v = loadStreaming(words + i);
    mixed ^= v.x ^ v.y ^ v.z ^ v.w;
  }
  if (mixed == 0x9e3779b9u) *sink = mixed;  // so that the reads are not dropped
}

}  // namespace

bool readBandwidth(Device* device, size_t bytes, int repeats, double* samples) {
  void* memory = nullptr;
  cudaEvent_t begin = nullptr, end = nullptr;
  const bool ok = guarded([&] {
    use(*device);
    std::lock_guard<std::mutex> lock(device->mutex);
    need(cudaMallocAsync(&memory, bytes + sizeof(uint4), device->stream), "readBandwidth");
    need(cudaMemsetAsync(memory, 0, bytes + sizeof(uint4), device->stream), "readBandwidth");
    need(cudaEventCreate(&begin), "readBandwidth");
    need(cudaEventCreate(&end), "readBandwidth");
    const int64_t count = int64_t(bytes / sizeof(uint4));
    Launch launch(device->chip, {device->deviceFault, 0}, device->stream, static_cast<char*>(memory));
    for (int i = -1; i < repeats; ++i) {  // the first one warms up
      need(cudaEventRecord(begin, device->stream), "readBandwidth");
      launch(Grid{dim3(unsigned(device->chip.multiprocessors * 4)), dim3(512)}, readAll, static_cast<const uint4*>(memory), count, reinterpret_cast<uint32_t*>(static_cast<char*>(memory) + count * 16));
      need(launch.error(), "readBandwidth");
      need(cudaEventRecord(end, device->stream), "readBandwidth");
      need(cudaStreamSynchronize(device->stream), "readBandwidth");
      float ms = 0;
      need(cudaEventElapsedTime(&ms, begin, end), "readBandwidth");
      if (i >= 0) samples[i] = double(count * 16) / (double(ms) / 1000);
    }
  });
  if (begin) cudaEventDestroy(begin);
  if (end) cudaEventDestroy(end);
  if (memory) cudaFreeAsync(memory, device->stream);
  return ok;
}

}  // namespace cuda
}  // namespace rotor
