// What the kernels of attention share: tiles of rows, and the two products with the cache. Sums are those of the CPU's kernels, bit for
// bit: a score is a dot product in sixteen lanes, values are summed over blocks of kValueBlock positions, and the blocks in order.
// So a row's result depends on no other row, and not on which rows share a tile.
#pragma once
#include "../cpp/ops/attention.h"
#include "cache.cuh"
#include "ptx.cuh"

namespace rotor {
namespace cuda {

constexpr int kAttentionThreads = 128;
constexpr int kScorePositions = 64;  // whose keys a block holds in shared memory
constexpr int kTileHeads = 4;        // heads of one kv head that share each read

// Rows of a call, and the cache that they attend.
struct AttentionCall {
  View cache;
  const float* scales;  // of an int8 cache
  const int *slots, *pos;
  int64_t rows, heads;
  int64_t length;  // positions from here on are not asked for
  DeviceFault fault;
  int64_t group() const { return heads / cache.dims[1]; }
};

// Scores or weights: those of row t and head h from data + t * row + h * head on.
struct Pattern {
  float* data;
  int64_t row, head;
};

// Which R rows and up to kTileHeads heads a block works on: blockIdx.x counts tiles of rows, blockIdx.y tiles of heads.
template <int R>
struct Tile {
  int64_t first, kvHead, head;  // head: the first one
  int heads;
  int slot[R], n[R];  // n: positions seen; 0 for an idle row
  int most;

  __device__ __forceinline__ Tile(const AttentionCall& c, bool raises) {
    const int group = int(c.heads / c.cache.dims[1]), tiles = (group + kTileHeads - 1) / kTileHeads;
    kvHead = blockIdx.y / tiles;
    const int inGroup = int(blockIdx.y) % tiles * kTileHeads;
    head = kvHead * group + inGroup;
    heads = group - inGroup < kTileHeads ? group - inGroup : kTileHeads;
    first = int64_t(blockIdx.x) * R;
    most = 0;
    raises = raises && threadIdx.x == 0 && blockIdx.y == 0 && blockIdx.z == 0;
#pragma unroll
    for (int r = 0; r < R; ++r) {
      const int64_t t = first + r;
      n[r] = slot[r] = 0;
      if (t < c.rows && attends(c.cache, c.slots[t], c.pos[t], c.fault, raises)) {
        slot[r] = c.slots[t];
        n[r] = int(c.pos[t] < c.length ? c.pos[t] + 1 : c.length);
      }
      most = n[r] > most ? n[r] : most;
    }
  }
  // n[row], from registers.
  __device__ __forceinline__ int seenBy(int row) const {
    int v = 0;
#pragma unroll
    for (int r = 0; r < R; ++r) v = r == row ? n[r] : v;
    return v;
  }
  // Rows that see position `from`, as bits.
  __device__ __forceinline__ uint32_t seeing(int from) const {
    uint32_t rows = 0;
#pragma unroll
    for (int r = 0; r < R; ++r) rows |= n[r] > from ? 1u << r : 0u;
    return rows;
  }
  // Takes the rows of one slot off `left`; *end is the position after the last that they see.
  __device__ __forceinline__ uint32_t takeSlot(uint32_t* left, int* ofSlot, int* end) const {
    uint32_t taken = 0;
    *end = 0;
#pragma unroll
    for (int r = 0; r < R; ++r) {
      if (!(*left >> r & 1)) continue;
      if (taken == 0) *ofSlot = slot[r];
      if (slot[r] != *ofSlot) continue;
      taken |= 1u << r;
      *end = n[r] > *end ? n[r] : *end;
    }
    *left &= ~taken;
    return taken;
  }
};

// First element, and first scale, of the tile's kv head in a slot.
__device__ __forceinline__ int64_t headAt(const View& cache, int slot, int64_t kvHead) { return (slot * cache.dims[1] + kvHead) * cache.dims[2]; }

__host__ __device__ __forceinline__ int paddedSize(int64_t size) { return int((size + 15) / 16 * 16); }
// Floats between keys in shared memory: neighbours start half of the banks apart.
__host__ __device__ __forceinline__ int keyStride(int padded) { return padded % 32 == 0 ? padded + 16 : padded; }

__device__ __forceinline__ float4 load4(const float* p) { return *reinterpret_cast<const float4*>(p); }

// Keys [0, count) as floats into shared memory, zeros behind each. WIDE: heads are multiples of 16 elements, at 16-byte addresses.
template <class C, bool WIDE>
__device__ __forceinline__ void stageKeys(const typename C::Raw* from, int count, int size, int padded, int stride, float* to) {
  if constexpr (WIDE) {
    constexpr int kEach = 16 / int(sizeof(typename C::Raw));
    const int pieces = size / kEach;
    for (int i = threadIdx.x; i < count * pieces; i += kAttentionThreads) {
      const int p = i / pieces, at = i % pieces * kEach;
      float f[kEach];
      C::wide(*reinterpret_cast<const uint4*>(from + int64_t(p) * size + at), f);
#pragma unroll
      for (int j = 0; j < kEach; j += 4) *reinterpret_cast<float4*>(to + p * stride + at + j) = {f[j], f[j + 1], f[j + 2], f[j + 3]};
    }
  } else {
    for (int i = threadIdx.x; i < count * padded; i += kAttentionThreads) {
      const int p = i / padded, at = i % padded;
      to[p * stride + at] = at < size ? C::load(from + int64_t(p) * size + at) : 0.0f;
    }
  }
}

// Thread t of four neighbours has lanes 4t to 4t + 3 of four dot products, and gets the whole of product t: the fold 8, 4, 2, 1.
__device__ __forceinline__ float foldFour(const float (&acc)[kTileHeads][4]) {
  const bool high = threadIdx.x & 2, odd = threadIdx.x & 1;
  float two[2][4], one[4];
#pragma unroll
  for (int h = 0; h < 2; ++h)
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const float other = __shfl_xor_sync(kAllLanes, high ? acc[h][i] : acc[h + 2][i], 2);
      two[h][i] = (high ? acc[h + 2][i] : acc[h][i]) + other;
    }
#pragma unroll
  for (int i = 0; i < 4; ++i) one[i] = (odd ? two[1][i] : two[0][i]) + __shfl_xor_sync(kAllLanes, odd ? two[0][i] : two[1][i], 1);
  return (one[0] + one[2]) + (one[1] + one[3]);
}

// Scores of this thread's two keys with the heads of one row: product t of each.
__device__ __forceinline__ void scoreTwo(const float* q, const float* key, int padded, int apart, float (&sums)[2]) {
  float acc[2][kTileHeads][4] = {};
  const int lane = threadIdx.x % 4 * 4;
  for (int i = lane; i < padded; i += 16) {
    const float4 k[2] = {load4(key + i), load4(key + apart + i)};
#pragma unroll
    for (int h = 0; h < kTileHeads; ++h) {
      const float4 x = load4(q + h * padded + i);
#pragma unroll
      for (int j = 0; j < 2; ++j) {
        acc[j][h][0] = fmaf(x.x, k[j].x, acc[j][h][0]);
        acc[j][h][1] = fmaf(x.y, k[j].y, acc[j][h][1]);
        acc[j][h][2] = fmaf(x.z, k[j].z, acc[j][h][2]);
        acc[j][h][3] = fmaf(x.w, k[j].w, acc[j][h][3]);
      }
    }
  }
  sums[0] = foldFour(acc[0]);
  sums[1] = foldFour(acc[1]);
}

// Weighted sums of element i of values [0, count), for R rows of kTileHeads heads; weights[p * R * kTileHeads + r * kTileHeads + h].
// Row r takes the first seen[r] of them, all rows the first `common`.
template <class C, int R>
__device__ __forceinline__ void sumValues(const typename C::Raw* v, int size, int count, int common, const int (&seen)[R], const float* weights, float (&acc)[R][kTileHeads]) {
#pragma unroll(R == 1 ? 16 : 2)
  for (int p = 0; p < common; ++p) {
    const float x = C::load(v + int64_t(p) * size);
#pragma unroll
    for (int r = 0; r < R; ++r) {
      const float4 w = load4(weights + (p * R + r) * kTileHeads);
      acc[r][0] = fmaf(w.x, x, acc[r][0]);
      acc[r][1] = fmaf(w.y, x, acc[r][1]);
      acc[r][2] = fmaf(w.z, x, acc[r][2]);
      acc[r][3] = fmaf(w.w, x, acc[r][3]);
    }
  }
#pragma unroll 1
  for (int p = common; p < count; ++p) {
    const float x = C::load(v + int64_t(p) * size);
#pragma unroll
    for (int r = 0; r < R; ++r) {
      if (p >= seen[r]) continue;
      const float4 w = load4(weights + (p * R + r) * kTileHeads);
      acc[r][0] = fmaf(w.x, x, acc[r][0]);
      acc[r][1] = fmaf(w.y, x, acc[r][1]);
      acc[r][2] = fmaf(w.z, x, acc[r][2]);
      acc[r][3] = fmaf(w.w, x, acc[r][3]);
    }
  }
}

}  // namespace cuda
}  // namespace rotor
