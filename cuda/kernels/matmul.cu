// matmul: y[.., M, N] = x[.., M, K] z[.., K, N] in float32, with any strides; each output one dot product with the CPU's bits.
// data:  reads  x (N/32 times from L2), z (M/32 times from L2), neighbouring elements by neighbouring threads whichever way an operand lies
//        writes y once
// map:   one block of 256 threads a tile of 32 x 32 outputs, a slice of 64 elements of K in shared memory (17 KB); see dot_tile.cuh
// bound: 16 reads of 16 bytes from shared memory for 256 fma a thread: half of the fma rate; small matrices by latency; measured: not taken
#include "../dot_tile.cuh"

namespace rotor {
namespace cuda {

void matmul(const Args& a, Launch& launch) {
  const View &x = a.in[0], &z = a.in[1], &y = a.out[0];
  const Operand<float> left{x.as<float>(), x.strides[x.ndim - 2], x.strides[x.ndim - 1], x.last(1)};
  const Operand<float> right{z.as<float>(), z.strides[z.ndim - 1], z.strides[z.ndim - 2], z.last(0)};
  Batches batches;
  int64_t all = 1;
  for (int d = 0; d < y.ndim - 2; ++d) {
    const int dx = d - (y.ndim - x.ndim), dz = d - (y.ndim - z.ndim);
    batches.dims[batches.n] = y.dims[d];
    batches.left[batches.n] = dx < 0 || x.dims[dx] == 1 ? 0 : x.strides[dx];
    batches.right[batches.n++] = dz < 0 || z.dims[dz] == 1 ? 0 : z.strides[dz];
    all *= y.dims[d];
  }
  launch(dotGrid(left.count, right.count, all), dotTiles<float, float>, left, right, y.as<float>(), x.last(0), batches);
}

}  // namespace cuda
}  // namespace rotor
