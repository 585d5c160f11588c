// ternaryDp4a: a ternary product with dot products of four bytes, for any number of tokens. The plainest kernel: what others are compared with.
// Weights become codes c = w + 1 in 2-bit fields that are masked in place, y = a0 + a1 / 4 + a2 / 16 + a3 / 64 - sum(x), exact.
// data:  reads  the packed tiles (HBM, once a token; L2 afterwards), prepared activations (L1)     writes T x rows results
// map:   a warp for 16 rows and one token, a lane for rows g and g + 8 and 64 columns of a tile, 8 warps a block
// bound: bytes = rows * K / 4 for one token; measured: not taken
#include "../ternary.cuh"

namespace rotor {
namespace cuda {
namespace {

constexpr int kWarps = 8;

// Adds 32 columns of a row; x are the products of their activations.
__device__ __forceinline__ void dots(int (&sum)[4], uint32_t plus, uint32_t zero, const uint32_t (&x)[kProducts]) {
  const uint32_t even = evenCodes(plus, zero), odd = oddCodes(plus, zero);
#pragma unroll
  for (int f = 0; f < 4; ++f) {
    const uint32_t mask = 0x03030303u << (2 * f);
    sum[f] = dp4aU8S8(even & mask, x[2 * f], sum[f]);
    sum[f] = dp4aU8S8(odd & mask, x[2 * f + 1], sum[f]);
  }
}

__global__ void __launch_bounds__(kWarps* kWarp) dp4aProduct(Product p, Prepared a, int tiles) {
  const int lane = threadIdx.x % kWarp, g = lane / 4, t = lane % 4, token = blockIdx.y;
  const int rowTile = blockIdx.x * kWarps + threadIdx.x / kWarp;
  dependentsLaunch();
  dependencyWait();
  if (rowTile * kTileRows >= p.rows) return;
  const char* w = p.packed + int64_t(rowTile) * tiles * kTileBytes + lane * 16;
  const int64_t step = int64_t(a.tokens) * kTileCols;
  const char* x = a.words + token / kGroup * kGroupBytes + (token % kGroup * 4 + t) * 16;
  int low[4] = {}, high[4] = {};  // of rows g and g + 8, by field
  for (int k = 0; k < tiles; ++k) {
    const uint4 plus = loadStreaming(w + int64_t(k) * kTileBytes), zero = loadStreaming(w + int64_t(k) * kTileBytes + kPlaneBytes);
    uint32_t first[kProducts], second[kProducts];  // activations of columns 64 t ..+31 and of the next 32
#pragma unroll
    for (int i = 0; i < kProducts / 2; ++i) {
      const uint4 v = *reinterpret_cast<const uint4*>(x + k * step + i * 512);
      first[2 * i] = v.x, second[2 * i] = v.y, first[2 * i + 1] = v.z, second[2 * i + 1] = v.w;
    }
    dots(low, plus.x, zero.x, first);
    dots(low, plus.z, zero.z, second);
    dots(high, plus.y, zero.y, first);
    dots(high, plus.w, zero.w, second);
  }
  int v[2] = {low[0] + (low[1] >> 2) + (low[2] >> 4) + (low[3] >> 6), high[0] + (high[1] >> 2) + (high[2] >> 4) + (high[3] >> 6)};
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    v[half] += __shfl_xor_sync(kAllLanes, v[half], 1);
    v[half] += __shfl_xor_sync(kAllLanes, v[half], 2);
    const int row = rowTile * kTileRows + half * 8 + g;
    if (t == half && row < p.rows) emit(p, token, row, v[half] - a.sum[token], a.inverse[token]);
  }
}

}  // namespace

void ternaryDp4a(const Product& p, Launch& launch) {
  const Prepared a = prepareActivations(p, launch, Order::fragments, kGroup, 0, 0);
  launch({dim3(unsigned(ceilDiv(rowTiles(p.rows), kWarps)), unsigned(p.tokens)), dim3(kWarps * kWarp), 0, true}, dp4aProduct, p, a, int(colTiles(p.cols)));
}

}  // namespace cuda
}  // namespace rotor
