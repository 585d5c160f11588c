// matmul: batched float32 product, every output one dot product in the CPU's order: element i of k goes to lane i mod 16 of sixteen
// sums, which are folded 8, 4, 2, 1.
// data:  reads x and z (strided, broadcast over batches) in tiles of 16 x 16, each element once per tile of the other; writes y once
// map:   a block of 256 threads a tile of 16 x 16 outputs, a thread an output with its sixteen sums in registers
// bound: 2 m n k operations through shared memory, two loads an fma: for whoever looks at a model, not its fast path; measured: not taken
#include "../ptx.cuh"
#include "../reduce.cuh"

namespace rotor {
namespace cuda {
namespace {

constexpr int kTile = 16;
static_assert(kTile == kLanes, "a tile along k holds one element of each lane");

struct Tiles {
  float x[kTile][kTile + 1], z[kTile][kTile + 1];
};

// Where matrix `batch` of an operand begins, its batch dimensions broadcast to those of y.
__device__ __forceinline__ int64_t batchOffset(const View& v, const View& y, int64_t batch) {
  int64_t at = 0;
  for (int d = y.ndim - 3; d >= 0; --d) {
    const int s = d - (y.ndim - v.ndim);
    if (s >= 0 && v.dims[s] != 1) at += batch % y.dims[d] * v.strides[s];
    batch /= y.dims[d];
  }
  return at;
}

__global__ void __launch_bounds__(kTile* kTile) matmulKernel(const __grid_constant__ View x, const __grid_constant__ View z, const __grid_constant__ View y, int64_t batches) {
  dependencyWait();
  Tiles& tiles = *shared<Tiles>();
  const int64_t m = y.last(1), n = y.last(0), k = x.last(0);
  const int64_t xRow = x.strides[x.ndim - 2], xStep = x.strides[x.ndim - 1], zStep = z.strides[z.ndim - 2], zColumn = z.strides[z.ndim - 1];
  const int row = int(threadIdx.x) / kTile, column = int(threadIdx.x) % kTile;
  const int64_t firstColumn = int64_t(blockIdx.x) * kTile, rowTiles = ceilDiv(m, kTile);
  for (int64_t tile = blockIdx.y; tile < rowTiles * batches; tile += gridDim.y) {
    const int64_t batch = tile / rowTiles, firstRow = tile % rowTiles * kTile;
    const float *p = x.as<float>() + batchOffset(x, y, batch), *q = z.as<float>() + batchOffset(z, y, batch);
    float sums[kLanes] = {};
    for (int64_t begin = 0; begin < k; begin += kTile) {
      const int64_t xk = begin + column, zk = begin + row;
      tiles.x[row][column] = firstRow + row < m && xk < k ? p[(firstRow + row) * xRow + xk * xStep] : 0.0f;
      tiles.z[row][column] = firstColumn + column < n && zk < k ? q[zk * zStep + (firstColumn + column) * zColumn] : 0.0f;
      __syncthreads();
#pragma unroll
      for (int l = 0; l < kLanes; ++l) sums[l] = fmaf(tiles.x[row][l], tiles.z[l][column], sums[l]);
      __syncthreads();
    }
#pragma unroll
    for (int width = kLanes / 2; width >= 1; width /= 2)
#pragma unroll
      for (int l = 0; l < width; ++l) sums[l] += sums[l + width];
    if (firstRow + row < m && firstColumn + column < n) y.as<float>()[(batch * m + firstRow + row) * n + firstColumn + column] = sums[0];
  }
}

}  // namespace

void matmul(const Args& a, Launch& launch) {
  const View& y = a.out[0];
  if (y.size == 0) return;
  const int64_t m = y.last(1), n = y.last(0), batches = y.size / (m * n);
  const int64_t tiles = ceilDiv(m, kTile) * batches;
  const Grid grid{dim3(unsigned(ceilDiv(n, kTile)), unsigned(tiles < 65535 ? tiles : 65535)), dim3(kTile * kTile), sizeof(Tiles), true};
  launch(grid, matmulKernel, a.in[0], a.in[1], y, batches);
}

}  // namespace cuda
}  // namespace rotor
