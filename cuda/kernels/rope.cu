// rope: turns the pairs (i, i + E/2) of every head by the angle of the row's position; idle rows (position -1) give zeros.
// data:  reads x [T, H, E] once, a row of cos and sin [E/2] for each row of x (L2); writes y [T, H, E] once
// map:   a thread a pair, 256 to a block
// bound: bytes = 8 T H E; measured: not taken
#include "../elementwise.cuh"

namespace rotor {
namespace cuda {
namespace {

// Two products and a sum, each rounded, as on the CPU.
__global__ void __launch_bounds__(256) ropeKernel(const float* x, const int32_t* pos, const float* cosines, const float* sines, float* y, int64_t pairs, int64_t heads, int64_t half,
                                                  int64_t positions, DeviceFault fault) {
  afterOthers();
  for (int64_t i = firstItem(); i < pairs; i += itemStep()) {
    const int64_t head = i / half, e = i % half, p = pos[head / heads], low = head * 2 * half + e, high = low + half;
    if (p < 0 || p >= positions) {
      if (p != -1) fault.raise(p, positions);
      y[low] = y[high] = 0.0f;
      continue;
    }
    const float c = cosines[p * half + e], s = sines[p * half + e], x0 = x[low], x1 = x[high];
    y[low] = x0 * c - x1 * s;
    y[high] = x1 * c + x0 * s;
  }
}

}  // namespace

void rope(const Args& a, Launch& launch) {
  const View& x = a.in[0];
  const int64_t half = x.dims[2] / 2, pairs = x.dims[0] * x.dims[1] * half;
  launch(mapGrid(pairs), ropeKernel, static_cast<const float*>(x.as<float>()), static_cast<const int32_t*>(a.in[1].as<int32_t>()), static_cast<const float*>(a.in[2].as<float>()),
         static_cast<const float*>(a.in[3].as<float>()), a.out[0].as<float>(), pairs, x.dims[1], half, a.in[2].dims[0], launch.fault);
}

}  // namespace cuda
}  // namespace rotor
