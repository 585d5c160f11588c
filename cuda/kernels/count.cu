// bincount, histogram: how many elements fall into each bin; integer sums, so that their order does not matter.
// data:  reads x once; clears and adds to y [bins] (L2)
// map:   a thread an element, 256 to a block
// bound: bytes of x, or the atomics where many elements share a bin; measured: not taken
#include "../ptx.cuh"
#include "../elementwise.cuh"

namespace rotor {
namespace cuda {
namespace {

__global__ void __launch_bounds__(256) clearKernel(int32_t* y, int64_t count) {
  dependencyWait();
  for (int64_t i = firstItem(); i < count; i += itemStep()) y[i] = 0;
}

__global__ void __launch_bounds__(256) bincountKernel(const int32_t* ids, int64_t count, int32_t* y, int64_t bins, DeviceFault fault) {
  dependencyWait();
  for (int64_t i = firstItem(); i < count; i += itemStep()) {
    const int64_t id = ids[i];
    if (id < 0 || id >= bins) fault.raise(id, bins);
    else atomicAdd(y + id, 1);
  }
}

__global__ void __launch_bounds__(256) histogramKernel(const float* x, int64_t count, int32_t* y, int64_t bins, double lo, double hi) {
  dependencyWait();
  for (int64_t i = firstItem(); i < count; i += itemStep()) {
    const double v = double(x[i]);
    if (!(v >= lo && v <= hi)) continue;
    const int64_t bin = int64_t((v - lo) / (hi - lo) * double(bins));
    atomicAdd(y + (bin < bins ? bin : bins - 1), 1);
  }
}

}  // namespace

void bincount(const Args& a, Launch& launch) {
  int32_t* y = a.out[0].as<int32_t>();
  launch(mapGrid(a.out[0].size), clearKernel, y, a.out[0].size);
  launch(mapGrid(a.in[0].size), bincountKernel, static_cast<const int32_t*>(a.in[0].as<int32_t>()), a.in[0].size, y, a.out[0].size, launch.fault);
}

void histogram(const Args& a, Launch& launch) {
  int32_t* y = a.out[0].as<int32_t>();
  launch(mapGrid(a.out[0].size), clearKernel, y, a.out[0].size);
  launch(mapGrid(a.in[0].size), histogramKernel, static_cast<const float*>(a.in[0].as<float>()), a.in[0].size, y, a.out[0].size, a.attrs[1], a.attrs[2]);
}

}  // namespace cuda
}  // namespace rotor
