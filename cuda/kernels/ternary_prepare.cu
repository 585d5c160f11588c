// prepareActivations: int8 codes in the order of the tensor cores (cuda/layout.h), the sum of each token's codes, the inverse of its scale,
// and zeros for sums that several blocks share.
// data:  reads  x [T,K] i8 (L2)     writes the same bytes padded, sum [T] i32, inverse [T] f64, zeros
// map:   one block a padded token, 256 threads, 32 columns a thread at a time
// bound: bytes = 2 T K + zeros; latency-bound for few tokens; measured: not taken
#include "../ternary.cuh"

namespace rotor {
namespace cuda {
namespace {

constexpr int kThreads = 256;

struct Room {
  char* words;
  int* sum;
  double* inverse;
  int* zeros;
  int64_t zeroCount;
};

// 4 columns, zeros beyond the last.
__device__ __forceinline__ uint32_t columns(const int8_t* row, int cols, int at) {
  uint32_t v = 0;
  for (int b = 0; b < 4; ++b) v |= (at + b < cols ? uint32_t(uint8_t(row[at + b])) : 0u) << (8 * b);
  return v;
}

// ALIGNED: rows begin and end at multiples of 32 bytes.
template <Order ORDER, bool ALIGNED>
__global__ void __launch_bounds__(kThreads) prepare(Product p, Room room) {
  int* sums = shared<int>();
  dependentsLaunch();
  dependencyWait();
  const int token = blockIdx.x, tokens = gridDim.x;
  const int8_t* row = p.x + int64_t(token) * p.cols;
  int sum = 0;
  for (int piece = threadIdx.x; piece < int(colTiles(p.cols)) * kTileWords; piece += kThreads) {
    uint32_t in[8] = {};
    const int column = piece * 32;
    if (token < p.tokens) {
      if (ALIGNED) {
        if (column < p.cols) {
          const uint4* from = reinterpret_cast<const uint4*>(row + column);
          const uint4 a = from[0], b = from[1];
          in[0] = a.x, in[1] = a.y, in[2] = a.z, in[3] = a.w, in[4] = b.x, in[5] = b.y, in[6] = b.z, in[7] = b.w;
        }
      } else {
#pragma unroll
        for (int i = 0; i < 8; ++i) in[i] = columns(row, p.cols, column + 4 * i);
      }
    }
#pragma unroll
    for (int q = 0; q < kProducts; ++q) {
      // Byte b of product q is column 8 b + q.
      uint32_t word = 0;
#pragma unroll
      for (int b = 0; b < 4; ++b) word |= (in[2 * b + q / 4] >> (8 * (q % 4)) & 0xff) << (8 * b);
      sum = dp4aU8S8(0x01010101u, word, sum);
      const int tile = piece / kTileWords, part = piece % kTileWords;
      const int64_t at = ORDER == Order::fragments ? fragmentWord(tile, tokens / kGroup, token, part, q) : swizzledWord(tile, tokens, token, part, q);
      *reinterpret_cast<uint32_t*>(room.words + at) = word;
    }
  }
  for (int n = kWarp / 2; n >= 1; n /= 2) sum += __shfl_xor_sync(kAllLanes, sum, n);
  if (threadIdx.x % kWarp == 0) sums[threadIdx.x / kWarp] = sum;
  __syncthreads();
  if (threadIdx.x == 0) {
    sum = 0;
    for (int i = 0; i < kThreads / kWarp; ++i) sum += sums[i];
    room.sum[token] = sum;
    room.inverse[token] = token < p.tokens ? inverseScale(p, token) : 0.0;
  }
  for (int64_t i = firstItem(); i < room.zeroCount; i += itemStep()) room.zeros[i] = 0;
}

}  // namespace

Prepared prepareActivations(const Product& p, Launch& launch, Order order, int tokenStep, int64_t partialRows, int64_t arrived) {
  const int64_t tokens = ceilDiv(p.tokens, tokenStep) * tokenStep;
  Room room;
  room.words = launch.scratch<char>(tokens * colTiles(p.cols) * kTileCols);
  room.sum = launch.scratch<int>(tokens);
  room.inverse = launch.scratch<double>(tokens);
  room.zeroCount = tokens * partialRows + arrived;
  room.zeros = launch.scratch<int>(room.zeroCount);
  const bool aligned = p.cols % 32 == 0 && reinterpret_cast<uintptr_t>(p.x) % 16 == 0;
  const Grid grid{dim3(unsigned(tokens)), dim3(kThreads), kThreads / kWarp * sizeof(int), true};
  if (order == Order::fragments)
    launch(grid, aligned ? prepare<Order::fragments, true> : prepare<Order::fragments, false>, p, room);
  else
    launch(grid, aligned ? prepare<Order::swizzled, true> : prepare<Order::swizzled, false>, p, room);
  return {room.words, room.sum, room.inverse, int(tokens), room.zeros, reinterpret_cast<unsigned*>(room.zeros + tokens * partialRows)};
}

}  // namespace cuda
}  // namespace rotor
