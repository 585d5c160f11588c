// ternaryB1: a ternary product of 1 to 4 tokens on the binary tensor cores. With the eight bit planes of a token's codes as the eight
// columns of an mma, y = sum over planes j of coef_j (2 pop(plus & b_j) + pop(zero & b_j)) - sum(x), coef = 1..64, -128: exact.
// data:  reads  the packed tiles (HBM, once, streaming; 16 bytes a lane are an A fragment as they are), x [T,K] i8 (L2, every block)
//        writes T x rows results
// map:   a warp a piece of STEPS column tiles of 16 rows, SPLITS warps share 16 rows and add up in shared memory, a block up to 16 warps
//        all loads of a warp's first piece are issued before the wait for earlier kernels
// bound: bytes = rows * K / 4; HBM-bound: 3 instructions for 16 bytes a lane; measured: not taken
#include "../ternary.cuh"

namespace rotor {
namespace cuda {
namespace {

constexpr int kMaxWarps = 16;

// Column tiles are cut into pieces of STEPS; the last piece begins early enough to be whole, and where it overlaps the piece before, its
// activations are zeros. Slot s of the activations in shared memory belongs to step s % STEPS of piece s / STEPS.
struct Pieces {
  int tiles, count, steps, splits, rowTiles, rowTilesOfBlock;
  __device__ int overlap() const { return count * steps - tiles; }
  __device__ int firstTile(int piece) const { return piece == count - 1 ? tiles - steps : piece * steps; }
  __device__ int slot(int tile) const { return tile < (count - 1) * steps ? tile : tile + overlap(); }
};

struct Planes {
  uint4 plus, zero;
};

__device__ __forceinline__ void popcounts(int (&sum)[4], const uint4& plane, const uint2& bits) {
  const uint32_t a[4] = {plane.x, plane.y, plane.z, plane.w}, b[2] = {bits.x, bits.y};
  mmaB1(sum, a, b);
}

// Bit planes of the activations of all tokens in shared memory, as B fragments. Returns this thread's part of each token's sum.
template <int TOKENS>
__device__ __forceinline__ void sliceActivations(const Product& p, const Pieces& pieces, uint32_t* bits, int (&sum)[TOKENS]) {
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp, warps = blockDim.x / kWarp;
  const int slots = pieces.count * pieces.steps;
  for (int chunk = warp; chunk < pieces.tiles * kTileWords; chunk += warps) {
    const int column = chunk * 32 + lane, word = chunk % kTileWords;
    uint32_t* at = bits + (pieces.slot(chunk / kTileWords) * 32 + (lane % 8) * 4 + word / 2) * 2 + word % 2;
#pragma unroll
    for (int t = 0; t < TOKENS; ++t) {
      const int code = column < p.cols && t < p.tokens ? p.x[int64_t(t) * p.cols + column] : 0;
      sum[t] += code;
      uint32_t mine = 0;
#pragma unroll
      for (int j = 0; j < 8; ++j) {
        const uint32_t plane = __ballot_sync(kAllLanes, code >> j & 1);
        if (lane == j) mine = plane;
      }
      if (lane < 8) at[t * slots * 64] = mine;
    }
  }
  for (int t = 0; t < TOKENS; ++t)
    for (int i = threadIdx.x; i < pieces.overlap() * 64; i += blockDim.x) bits[(t * slots + (pieces.count - 1) * pieces.steps) * 64 + i] = 0;
}

template <int TOKENS, int STEPS>
__global__ void __launch_bounds__(kMaxWarps* kWarp, STEPS + TOKENS <= 3 ? 2 : 1) b1Product(Product p, Pieces pieces) {
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp, warps = blockDim.x / kWarp;
  const int rows = pieces.rowTilesOfBlock * kTileRows, firstRow = blockIdx.x * rows;
  const int localTile = warp / pieces.splits, split = warp % pieces.splits, slots = pieces.count * STEPS;
  const int rowTile = blockIdx.x * pieces.rowTilesOfBlock + localTile;
  uint32_t* bits = shared<uint32_t>();
  int* results = reinterpret_cast<int*>(bits + TOKENS * slots * 64);  // [TOKENS][rows]
  int* warpSums = results + TOKENS * rows;                            // [warps][TOKENS]

  // A block of the last rows has warps without work; they read the last tiles too, and nobody reads their results.
  const char* tiles = p.packed + int64_t(rowTile < pieces.rowTiles ? rowTile : pieces.rowTiles - 1) * pieces.tiles * kTileBytes + lane * 16;
  Planes w[STEPS];
  auto load = [&](int piece) {
    const char* from = tiles + int64_t(pieces.firstTile(piece)) * kTileBytes;
#pragma unroll
    for (int i = 0; i < STEPS; ++i) w[i] = {loadStreaming(from + i * kTileBytes), loadStreaming(from + i * kTileBytes + kPlaneBytes)};
  };
  load(split);
  dependentsLaunch();
  dependencyWait();

  int sum[TOKENS] = {};
  sliceActivations<TOKENS>(p, pieces, bits, sum);
#pragma unroll
  for (int t = 0; t < TOKENS; ++t) {
    for (int n = kWarp / 2; n >= 1; n /= 2) sum[t] += __shfl_xor_sync(kAllLanes, sum[t], n);
    if (lane == 0) warpSums[warp * TOKENS + t] = sum[t];
  }
  for (int i = threadIdx.x; i < TOKENS * rows; i += blockDim.x) results[i] = 0;
  __syncthreads();

  int plus[TOKENS][4] = {}, zero[TOKENS][4] = {};
  for (int piece = split;;) {
    const uint2* b = reinterpret_cast<const uint2*>(bits) + piece * STEPS * 32 + lane;
#pragma unroll
    for (int i = 0; i < STEPS; ++i) {
#pragma unroll
      for (int t = 0; t < TOKENS; ++t) {
        const uint2 planes = b[(t * slots + i) * 32];
        popcounts(plus[t], w[i].plus, planes);
        popcounts(zero[t], w[i].zero, planes);
      }
    }
    piece += pieces.splits;
    if (piece >= pieces.count) break;
    load(piece);
  }

  // Lane 4 g + t has planes 2t and 2t + 1 of rows g and g + 8.
  const int low = 1 << (lane % 4 * 2), high = lane % 4 == 3 ? -128 : 2 * low;
#pragma unroll
  for (int t = 0; t < TOKENS; ++t)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      int v = low * (2 * plus[t][2 * half] + zero[t][2 * half]) + high * (2 * plus[t][2 * half + 1] + zero[t][2 * half + 1]);
      v += __shfl_xor_sync(kAllLanes, v, 1);
      v += __shfl_xor_sync(kAllLanes, v, 2);
      if (lane % 4 == half) atomicAdd(results + t * rows + localTile * kTileRows + half * 8 + lane / 4, v);
    }
  __syncthreads();

  for (int i = threadIdx.x; i < TOKENS * rows; i += blockDim.x) {
    const int token = i / rows, row = firstRow + i % rows;
    if (token >= p.tokens || row >= p.rows) continue;
    int v = results[i];
    for (int k = 0; k < warps; ++k) v -= warpSums[k * TOKENS + token];
    emit(p, token, row, v, inverseScale(p, token));
  }
}

template <int TOKENS, int STEPS>
void launchAs(const Product& p, const Pieces& pieces, Launch& launch) {
  const int warps = pieces.rowTilesOfBlock * pieces.splits;
  const size_t words = size_t(TOKENS) * (size_t(pieces.count) * STEPS * 64 + pieces.rowTilesOfBlock * kTileRows + warps);
  launch({dim3(unsigned(ceilDiv(pieces.rowTiles, pieces.rowTilesOfBlock))), dim3(unsigned(warps * kWarp)), words * 4, true}, b1Product<TOKENS, STEPS>, p, pieces);
}

// More would not fit in the registers.
constexpr int maxSteps(int tokens) { return tokens > 2 ? 5 : 8; }

template <int TOKENS>
void launchSteps(const Product& p, const Pieces& pieces, Launch& launch) {
  switch (pieces.steps) {
    case 1: return launchAs<TOKENS, 1>(p, pieces, launch);
    case 2: return launchAs<TOKENS, 2>(p, pieces, launch);
    case 3: return launchAs<TOKENS, 3>(p, pieces, launch);
    case 5: return launchAs<TOKENS, 5>(p, pieces, launch);
    default: return launchAs<TOKENS, maxSteps(TOKENS)>(p, pieces, launch);
  }
}

// The fewest steps a warp with which all weights are in flight at once, 32 warps a multiprocessor, and little is read twice.
int chooseSteps(int tokens, int tiles, int rowTiles, int multiprocessors) {
  int best = 1;
  for (const int steps : {1, 2, 3, 5, 8}) {
    const int pieces = int(ceilDiv(tiles, steps));
    if (steps > tiles || steps > maxSteps(tokens) || (pieces * steps - tiles) * 8 > tiles) continue;
    best = steps;
    if (int64_t(rowTiles) * (pieces < kMaxWarps ? pieces : kMaxWarps) <= 32 * multiprocessors && pieces <= kMaxWarps) break;
  }
  return best;
}

}  // namespace

int64_t b1SharedBytes(int64_t tokens, int64_t cols) {
  const int64_t padded = tokens > 2 ? 4 : tokens;
  return padded * ((colTiles(cols) + 7) * 256 + kMaxWarps * (kTileRows + 1) * 4);
}

void ternaryB1(const Product& p, Launch& launch) {
  Pieces pieces;
  pieces.tiles = int(colTiles(p.cols));
  pieces.rowTiles = int(rowTiles(p.rows));
  pieces.steps = chooseSteps(p.tokens, pieces.tiles, pieces.rowTiles, launch.chip.multiprocessors);
  pieces.count = int(ceilDiv(pieces.tiles, pieces.steps));
  pieces.splits = pieces.count < kMaxWarps ? pieces.count : kMaxWarps;
  const int share = int(ceilDiv(pieces.rowTiles, launch.chip.multiprocessors)), room = kMaxWarps / pieces.splits;
  pieces.rowTilesOfBlock = share < room ? share : room;
  if (p.tokens == 1) return launchSteps<1>(p, pieces, launch);
  if (p.tokens == 2) return launchSteps<2>(p, pieces, launch);
  launchSteps<4>(p, pieces, launch);
}

}  // namespace cuda
}  // namespace rotor
