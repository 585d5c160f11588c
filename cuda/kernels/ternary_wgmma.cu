// ternaryWgmma: a ternary product of many tokens with int8 wgmma (sm_90a). Codes are made in registers, which wgmma takes as they are.
// data:  reads  the packed tiles (L2 but for the first block of tokens), prepared activations (L2, through shared memory, swizzled)
//        writes T x rows results
// map:   blocks of 128 rows x 128 tokens, two groups of four warps, a warp a row tile and all tokens; 3 buffers of 256 columns
//        the columns are split where the blocks are fewer than the multiprocessors
// bound: operations = 2 T rows K; bound by the tensor cores; measured: not taken
#include "../ternary_mma.cuh"

namespace rotor {
namespace cuda {
namespace {

struct Shape {
  static constexpr int BLOCK_TILES = kMmaWarps, BLOCK_TOKENS = 128;
  static constexpr int HALF_BYTES = BLOCK_TOKENS * 128;  // products 0..3 or 4..7 of a column tile
  static constexpr int STAGES = 3, STAGE_BYTES = 2 * HALF_BYTES, SHARED = STAGES * STAGE_BYTES;
};

#ifdef ROTOR_HAVE_WGMMA
// The A fragments of the eight products of a tile.
__device__ __forceinline__ void expand(const WarpPlanes& w, uint32_t (&codes)[kProducts][4]) {
  const uint32_t plus[4] = {w.plus.x, w.plus.y, w.plus.z, w.plus.w}, zero[4] = {w.zero.x, w.zero.y, w.zero.z, w.zero.w};
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    const uint32_t even = evenCodes(plus[j], zero[j]), odd = oddCodes(plus[j], zero[j]);
#pragma unroll
    for (int f = 0; f < 4; ++f) codes[2 * f][j] = field<1>(even, f), codes[2 * f + 1][j] = field<1>(odd, f);
  }
}
#endif

__global__ void __launch_bounds__(kMmaWarps* kWarp, 2) wgmmaProduct(Product p, Prepared a) {
#ifdef ROTOR_HAVE_WGMMA
  const int lane = threadIdx.x % kWarp, tiles = int(colTiles(p.cols)), splits = gridDim.z;
  const int begin = int(int64_t(tiles) * blockIdx.z / splits), end = int(int64_t(tiles) * (blockIdx.z + 1) / splits);
  const int rowTile = blockIdx.x * Shape::BLOCK_TILES + threadIdx.x / kWarp, lastTile = int(rowTiles(p.rows)) - 1;
  char* stages = shared<char>();

  // A warp beyond the last rows reads the last ones.
  const char* from = p.packed + int64_t(rowTile < lastTile ? rowTile : lastTile) * tiles * kTileBytes + lane * 16;
  auto load = [&](int k) -> WarpPlanes {
    const char* at = from + int64_t(k) * kTileBytes;
    return {loadStreaming(at), loadStreaming(at + kPlaneBytes)};
  };
  WarpPlanes w[2] = {};
#pragma unroll
  for (int d = 0; d < 2; ++d)
    if (begin + d < end) w[d] = load(begin + d);
  dependentsLaunch();
  dependencyWait();

  auto copyStage = [&](int stage) {
    if (begin + stage < end) {
      char* to = stages + stage % Shape::STAGES * Shape::STAGE_BYTES;
      for (int half = 0; half < 2; ++half) {
        const char* source = a.words + (int64_t(begin + stage) * 2 + half) * a.tokens * 128 + blockIdx.y * Shape::HALF_BYTES;
        for (int at = threadIdx.x * 16; at < Shape::HALF_BYTES; at += kMmaWarps * kWarp * 16) copyAsync16(to + half * Shape::HALF_BYTES + at, source + at);
      }
    }
    copyAsyncCommit();
  };
  copyStage(0);
  copyStage(1);

  int sum[64] = {};
  for (int k = begin; k < end; k += 2) {
#pragma unroll
    for (int d = 0; d < 2; ++d) {
      if (k + d >= end) break;
      const int stage = k + d - begin;
      uint32_t codes[kProducts][4];
      expand(w[d], codes);
      if (k + d + 2 < end) w[d] = load(k + d + 2);
      copyAsyncWait<1>();
      sharedWritesToWgmma();
      __syncthreads();  // the stage is there for all, and all products of the stage before are done
      copyStage(stage + 2);
      const char* matrix = stages + stage % Shape::STAGES * Shape::STAGE_BYTES;
#pragma unroll
      for (int q = 0; q < kProducts; ++q) wgmmaOperand(codes[q]);
      wgmmaFence();
#pragma unroll
      for (int q = 0; q < kProducts; ++q) wgmmaU8S8(sum, codes[q], swizzledMatrix(matrix + q / 4 * Shape::HALF_BYTES, q % 4));
      wgmmaCommit();
      wgmmaWait<0>();  // codes of the next tile must not be made before: the other block of the multiprocessor fills the time
    }
  }

#pragma unroll
  for (int i = 0; i < 64; ++i)
    take(p, a, rowTile * kTileRows + i % 4 / 2 * 8 + lane / 4, blockIdx.y * Shape::BLOCK_TOKENS + i / 4 * 8 + lane % 4 * 2 + i % 2, sum[i]);
  takeSplits<Shape::BLOCK_TILES * kTileRows, Shape::BLOCK_TOKENS>(p, a);
#else
  __trap();  // the library was built without sm_90a
#endif
}

}  // namespace

void ternaryWgmma(const Product& p, Launch& launch) {
  launchMma<Shape>(p, launch, launch.chip.multiprocessors, 4, wgmmaProduct, Order::swizzled);
}

}  // namespace cuda
}  // namespace rotor
