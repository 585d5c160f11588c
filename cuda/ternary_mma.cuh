// A ternary product with int8 mma.sync: what ternary_imma.cu (few tokens) and ternary_gemm.cu (many) launch in different shapes.
//
// Weights go from memory to registers and become codes c = w + 1 there; prepared activations go through shared memory, copied in the
// background. y = sum of c x - sum of x. Codes are bytes of 2-bit fields; with SETS = 4 a field is masked in place, and its sums, 4^f too
// large, are kept apart; with 2 and 1 fields are moved by 4 or 2 bits first and share sums. All of it is exact in int32 up to 65536 columns.
#pragma once
#include "ternary.cuh"

namespace rotor {
namespace cuda {

constexpr int kMmaWarps = 8;

// A block of 8 warps: TOKEN_WARPS along the tokens, the others along the rows; a warp has TILES row tiles and GROUPS groups of 8 tokens.
// DEPTH column tiles of weights are fetched ahead; STAGES buffers of STAGE_TILES column tiles of activations.
template <int TILES_, int GROUPS_, int TOKEN_WARPS_, int SETS_, int DEPTH_, int STAGE_TILES_, int STAGES_>
struct MmaShape {
  static constexpr int TILES = TILES_, GROUPS = GROUPS_, TOKEN_WARPS = TOKEN_WARPS_, SETS = SETS_, DEPTH = DEPTH_, STAGE_TILES = STAGE_TILES_, STAGES = STAGES_;
  static constexpr int BLOCK_TILES = kMmaWarps / TOKEN_WARPS * TILES;
  static constexpr int BLOCK_ROWS = BLOCK_TILES * kTileRows;
  static constexpr int BLOCK_GROUPS = TOKEN_WARPS * GROUPS;
  static constexpr int BLOCK_TOKENS = BLOCK_GROUPS * kGroup;
  static constexpr int TILE_BYTES = BLOCK_GROUPS * kGroupBytes;  // of activations
  static constexpr int SHARED = STAGES * STAGE_TILES * TILE_BYTES;
  static_assert(STAGE_TILES == 1 || STAGE_TILES % DEPTH == 0, "a stage begins with the unrolled loop");
  static_assert(STAGES >= 2, "one buffer is filled while another is read");
};

struct WarpPlanes {
  uint4 plus, zero;
};

// Field `f` of codes, in bytes that the sums of set `f % SETS` take.
template <int SETS>
__device__ __forceinline__ uint32_t field(uint32_t codes, int f) {
  return codes >> (f / SETS * SETS * 2) & 0x03030303u << (f % SETS * 2);
}

template <class S>
__device__ __forceinline__ void multiplyTile(int (&sum)[S::SETS][S::TILES][S::GROUPS][4], const WarpPlanes (&w)[S::TILES], const char* activations) {
  uint32_t even[S::TILES][4], odd[S::TILES][4];  // as fragments: a0..a3
#pragma unroll
  for (int i = 0; i < S::TILES; ++i) {
    const uint32_t plus[4] = {w[i].plus.x, w[i].plus.y, w[i].plus.z, w[i].plus.w}, zero[4] = {w[i].zero.x, w[i].zero.y, w[i].zero.z, w[i].zero.w};
#pragma unroll
    for (int j = 0; j < 4; ++j) even[i][j] = evenCodes(plus[j], zero[j]), odd[i][j] = oddCodes(plus[j], zero[j]);
  }
#pragma unroll
  for (int f = 0; f < 4; ++f) {
    uint32_t a[S::TILES][4], b[S::TILES][4];
#pragma unroll
    for (int i = 0; i < S::TILES; ++i)
#pragma unroll
      for (int j = 0; j < 4; ++j) a[i][j] = field<S::SETS>(even[i][j], f), b[i][j] = field<S::SETS>(odd[i][j], f);
#pragma unroll
    for (int g = 0; g < S::GROUPS; ++g) {
      const uint4 x = *reinterpret_cast<const uint4*>(activations + g * kGroupBytes + f * 512);
      const uint32_t first[2] = {x.x, x.y}, second[2] = {x.z, x.w};
#pragma unroll
      for (int i = 0; i < S::TILES; ++i) {
        mmaU8S8(sum[f % S::SETS][i][g], a[i], first);
        mmaU8S8(sum[f % S::SETS][i][g], b[i], second);
      }
    }
  }
}

// Where the sums of a block (rows, tokens, split) go: a split has a part of the column tiles. Splits add into `partial`.
__device__ __forceinline__ int* partialOf(const Product& p, const Prepared& a, int row, int token) { return a.partial + token * rowTiles(p.rows) * kTileRows + row; }
__device__ __forceinline__ void take(const Product& p, const Prepared& a, int row, int token, int sum) {
  if (row >= p.rows || token >= p.tokens) return;
  if (gridDim.z == 1)
    emit(p, token, row, sum - a.sum[token], a.inverse[token]);
  else
    atomicAdd(partialOf(p, a, row, token), sum);
}
// After that, by all threads: the last split to arrive emits.
template <int BLOCK_ROWS, int BLOCK_TOKENS>
__device__ __forceinline__ void takeSplits(const Product& p, const Prepared& a) {
  if (gridDim.z == 1) return;
  int* last = shared<int>();
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) *last = atomicAdd(a.arrived + blockIdx.y * gridDim.x + blockIdx.x, 1u) == gridDim.z - 1;
  __syncthreads();
  if (!*last) return;
  __threadfence();
  for (int i = threadIdx.x; i < BLOCK_ROWS * BLOCK_TOKENS; i += blockDim.x) {
    const int row = blockIdx.x * BLOCK_ROWS + i % BLOCK_ROWS, token = blockIdx.y * BLOCK_TOKENS + i / BLOCK_ROWS;
    if (row >= p.rows || token >= p.tokens) continue;
    emit(p, token, row, *static_cast<volatile int*>(partialOf(p, a, row, token)) - a.sum[token], a.inverse[token]);
  }
}

template <class S>
__device__ __forceinline__ void mmaProduct(const Product& p, const Prepared& a) {
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp, tokenWarp = warp % S::TOKEN_WARPS;
  const int tiles = int(colTiles(p.cols)), splits = gridDim.z;
  const int begin = int(int64_t(tiles) * blockIdx.z / splits), end = int(int64_t(tiles) * (blockIdx.z + 1) / splits);
  const int firstTile = blockIdx.x * S::BLOCK_TILES + warp / S::TOKEN_WARPS * S::TILES, lastTile = int(rowTiles(p.rows)) - 1;
  const int firstGroup = blockIdx.y * S::BLOCK_GROUPS;
  char* stages = shared<char>();

  const char* from[S::TILES];  // a warp beyond the last rows reads the last ones
#pragma unroll
  for (int i = 0; i < S::TILES; ++i) from[i] = p.packed + int64_t(firstTile + i < lastTile ? firstTile + i : lastTile) * tiles * kTileBytes + lane * 16;
  WarpPlanes w[S::DEPTH][S::TILES];
  auto load = [&](int depth, int k) {
#pragma unroll
    for (int i = 0; i < S::TILES; ++i) {
      const char* at = from[i] + int64_t(k) * kTileBytes;
      w[depth][i] = {loadStreaming(at), loadStreaming(at + kPlaneBytes)};
    }
  };
#pragma unroll
  for (int d = 0; d < S::DEPTH; ++d)
    if (begin + d < end) load(d, begin + d);
  dependentsLaunch();
  dependencyWait();

  auto copyStage = [&](int stage) {
    char* to = stages + stage % S::STAGES * (S::STAGE_TILES * S::TILE_BYTES);
    for (int i = 0; i < S::STAGE_TILES; ++i) {
      const int k = begin + stage * S::STAGE_TILES + i;
      if (k >= end) break;
      const char* source = a.words + (int64_t(k) * (a.tokens / kGroup) + firstGroup) * kGroupBytes;
      for (int at = threadIdx.x * 16; at < S::TILE_BYTES; at += kMmaWarps * kWarp * 16) copyAsync16(to + i * S::TILE_BYTES + at, source + at);
    }
    copyAsyncCommit();
  };
  for (int s = 0; s < S::STAGES - 1; ++s) copyStage(s);

  int sum[S::SETS][S::TILES][S::GROUPS][4] = {};
  const int mine = tokenWarp * S::GROUPS * kGroupBytes + lane * 16;
  for (int k = begin; k < end; k += S::DEPTH) {
#pragma unroll
    for (int d = 0; d < S::DEPTH; ++d) {
      if (k + d >= end) break;
      const int done = k + d - begin, stage = done / S::STAGE_TILES;
      if ((S::STAGE_TILES == 1 || d == 0) && done % S::STAGE_TILES == 0) {
        copyAsyncWait<S::STAGES - 2>();
        __syncthreads();  // the stage is there for all, and nobody reads the one before
        copyStage(stage + S::STAGES - 1);
      }
      multiplyTile<S>(sum, w[d], stages + (stage % S::STAGES * S::STAGE_TILES + done % S::STAGE_TILES) * S::TILE_BYTES + mine);
      if (k + d + S::DEPTH < end) load(d, k + d + S::DEPTH);
    }
  }

#pragma unroll
  for (int i = 0; i < S::TILES; ++i)
#pragma unroll
    for (int g = 0; g < S::GROUPS; ++g)
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        int v = 0;
#pragma unroll
        for (int s = 0; s < S::SETS; ++s) v += sum[s][i][g][j] >> (2 * s);
        take(p, a, (firstTile + i) * kTileRows + j / 2 * 8 + lane / 4, (firstGroup + tokenWarp * S::GROUPS + g) * kGroup + lane % 4 * 2 + j % 2, v);
      }
  takeSplits<S::BLOCK_ROWS, S::BLOCK_TOKENS>(p, a);
}

// As many splits as make `blocks` blocks in all, of at least `least` column tiles each.
inline int64_t splitsFor(int64_t blocks, int64_t have, int64_t tiles, int64_t least) {
  const int64_t wanted = have > 0 ? blocks / have : 1, most = tiles / least;
  const int64_t splits = wanted < most ? wanted : most;
  return splits < 1 ? 1 : splits;
}

template <class S>
void launchMma(const Product& p, Launch& launch, int64_t blocks, int64_t leastTiles, void (*kernel)(Product, Prepared), Order order = Order::fragments) {
  const int64_t rows = ceilDiv(rowTiles(p.rows), S::BLOCK_TILES), tokens = ceilDiv(p.tokens, S::BLOCK_TOKENS);
  const int64_t splits = splitsFor(blocks, rows * tokens, colTiles(p.cols), leastTiles);
  const bool shared = splits > 1;
  const Prepared a = prepareActivations(p, launch, order, S::BLOCK_TOKENS, shared ? rowTiles(p.rows) * kTileRows : 0, shared ? rows * tokens : 0);
  launch({dim3(unsigned(rows), unsigned(tokens), unsigned(splits)), dim3(kMmaWarps * kWarp), S::SHARED, true}, kernel, p, a);
}

}  // namespace cuda
}  // namespace rotor
