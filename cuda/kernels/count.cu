// bincount, histogram: how many elements fall into each bin; integer sums, so that their order does not matter.
// data:  reads x once; clears and adds to y [bins] (L2); at most 4096 bins are counted in shared memory first
// map:   a thread an element in strides of the grid, 256 to a block, 8 blocks to a multiprocessor
// bound: bytes of x, or the atomics where many elements share a bin; measured: not taken
#include "../elementwise.cuh"

namespace rotor {
namespace cuda {
namespace {

constexpr int64_t kLocalBins = 4096;  // so many are counted in shared memory first

__global__ void __launch_bounds__(256) clearKernel(int32_t* y, int64_t count) {
  afterOthers();
  for (int64_t i = firstItem(); i < count; i += itemStep()) y[i] = 0;
}

// The bin of an element, or -1.
struct OfId {
  const int32_t* ids;
  DeviceFault fault;
  __device__ __forceinline__ int64_t operator()(int64_t i, int64_t bins) const {
    const int64_t id = ids[i];
    if (id >= 0 && id < bins) return id;
    fault.raise(id, bins);
    return -1;
  }
};
struct OfValue {
  const float* x;
  double lo, hi;
  __device__ __forceinline__ int64_t operator()(int64_t i, int64_t bins) const {
    const double v = double(x[i]);
    if (!(v >= lo && v <= hi)) return -1;
    const int64_t bin = int64_t((v - lo) / (hi - lo) * double(bins));
    return bin < bins ? bin : bins - 1;
  }
};

template <class F>
__global__ void __launch_bounds__(256) countKernel(int64_t count, int32_t* y, int64_t bins, F binOf) {
  afterOthers();
  const bool local = bins <= kLocalBins;
  int32_t* const sums = local ? shared<int32_t>() : y;
  if (local) {
    for (int64_t b = threadIdx.x; b < bins; b += blockDim.x) sums[b] = 0;
    __syncthreads();
  }
  for (int64_t i = firstItem(); i < count; i += itemStep()) {
    const int64_t bin = binOf(i, bins);
    if (bin >= 0) atomicAdd(sums + bin, 1);
  }
  if (local) {
    __syncthreads();
    for (int64_t b = threadIdx.x; b < bins; b += blockDim.x)
      if (sums[b] != 0) atomicAdd(y + b, sums[b]);
  }
}

template <class F>
void countInto(const View& y, int64_t count, Launch& launch, F binOf) {
  launch(mapGrid(y.size), clearKernel, y.as<int32_t>(), y.size);
  Grid grid = mapGrid(count);
  const unsigned most = unsigned(launch.chip.multiprocessors) * 8;  // each block adds its sums once
  if (grid.blocks.x > most) grid.blocks.x = most;
  if (y.size <= kLocalBins) grid.shared = size_t(y.size) * sizeof(int32_t);
  launch(grid, countKernel<F>, count, y.as<int32_t>(), y.size, binOf);
}

}  // namespace

void bincount(const Args& a, Launch& launch) { countInto(a.out[0], a.in[0].size, launch, OfId{a.in[0].as<int32_t>(), launch.fault}); }
void histogram(const Args& a, Launch& launch) { countInto(a.out[0], a.in[0].size, launch, OfValue{a.in[0].as<float>(), a.attrs[1], a.attrs[2]}); }

}  // namespace cuda
}  // namespace rotor
