// attention: z = softmax(q . keys * scale) values of each row over positions 0 to its own.   attn_scores, attn_values: its two halves.
// data:  reads  q [T,H,E] f32 and keys and values [slots,Hkv,P,E] f32, f16 or i8, of the positions seen, once for the heads of a tile
//        writes z [T,H,E] f32; between them scores [T,H,P] in scratch, which stay in L2 for a decode step
// map:   scores: a block 64 keys and a tile of rows, four threads a key; softmax: a block a row and head; values: a block 128 positions
//        and a tile of rows, a thread an element. Tiles have one row where every row may be of another slot (decode: positions are then
//        split over blocks, and the last block of a row adds up the sums in order), else four (prefill)
// bound: decode: bytes of keys and values, latency below ~1000 positions; prefill: 4 T n H E operations in f32; measured: not taken
#include "../attention.cuh"
#include "../exp.cuh"
#include "../reduce.cuh"

namespace rotor {
namespace cuda {
namespace {

constexpr int kRows = 4;  // of a tile in prefill
constexpr int kSoftmaxThreads = 256;
constexpr int kSoftmaxPart = 2048;  // positions in shared memory at a time
constexpr int64_t kScoreFloats = int64_t(1) << 26;  // most scores in scratch; more rows go in turns
constexpr int kMostSplits = 64;  // blocks that share the positions of a tile

template <class C, int R, bool WIDE>
__global__ void __launch_bounds__(kAttentionThreads, 2) scoreTile(AttentionCall c, const float* q, float scale, Pattern to) {
  dependentsLaunch();
  dependencyWait();
  const Tile<R> tile(c, true);
  const int size = int(c.cache.dims[3]), padded = paddedSize(size), stride = keyStride(padded);
  float* keys = shared<float>();
  float* queries = keys + kScorePositions * stride;
  if (int(blockIdx.z) * kScorePositions >= tile.most) return;
  for (int i = threadIdx.x; i < R * kTileHeads * padded; i += kAttentionThreads) {
    const int row = i / padded / kTileHeads, h = i / padded % kTileHeads, at = i % padded;
    const bool there = tile.first + row < c.rows && h < tile.heads && at < size;
    queries[i] = there ? q[((tile.first + row) * c.heads + tile.head + h) * size + at] : 0.0f;
  }
  const int key = threadIdx.x / 4, h = threadIdx.x % 4;
  for (int b = int(blockIdx.z) * kScorePositions; b < tile.most; b += int(gridDim.z) * kScorePositions) {
    for (uint32_t left = tile.seeing(b); left != 0;) {
      int slot = 0, end;
      const uint32_t rows = tile.takeSlot(&left, &slot, &end);
      const int64_t at = headAt(c.cache, slot, tile.kvHead) + b;
      __syncthreads();
      stageKeys<C, WIDE>(c.cache.as<typename C::Raw>() + at * size, end - b < kScorePositions ? end - b : kScorePositions, size, padded, stride, keys);
      __syncthreads();
#pragma unroll 1
      for (int r = 0; r < R; ++r) {
        if (!(rows >> r & 1)) continue;
        float sums[2];
        scoreTwo(queries + r * kTileHeads * padded, keys + key * stride, padded, kScorePositions / 2 * stride, sums);
        const int n = tile.seenBy(r);
        float* row = to.data + (tile.first + r) * to.row + (tile.head + h) * to.head;
#pragma unroll
        for (int j = 0; j < 2; ++j) {
          const int in = key + j * kScorePositions / 2, p = b + in;
          if (p < n && h < tile.heads) row[p] = sums[j] * (c.scales ? c.scales[at + in] * scale : scale);
        }
      }
    }
  }
}

// Makes e^(x - max x) of scores, their sum in sixteen lanes into totals [T,H], and zeros the counters of the kernel after it.
__global__ void __launch_bounds__(kSoftmaxThreads) softmaxScores(AttentionCall c, Pattern scores, float* totals, unsigned* counters, int64_t counts) {
  dependentsLaunch();
  dependencyWait();
  float* part = shared<float>();
  float* folds = part + kSoftmaxPart;
  const int64_t t = blockIdx.x, h = blockIdx.y;
  if (h == 0) for (int64_t i = t * kSoftmaxThreads + threadIdx.x; i < counts; i += gridDim.x * kSoftmaxThreads) counters[i] = 0;
  const int n = attends(c.cache, c.slots[t], c.pos[t], c.fault, false) ? c.pos[t] + 1 : 0;
  float* x = scores.data + t * scores.row + h * scores.head;
  float top = -HUGE_VALF;
  for (int p = threadIdx.x; p < n; p += kSoftmaxThreads) top = top > x[p] ? top : x[p];
  top = blockFold(top, Max(), folds);
  float sum = 0.0f;  // of lane threadIdx.x
  for (int b = 0; b < n; b += kSoftmaxPart) {
    const int count = n - b < kSoftmaxPart ? n - b : kSoftmaxPart;
    for (int p = threadIdx.x; p < count; p += kSoftmaxThreads) part[p] = x[b + p] = expLane(x[b + p] - top);
    __syncthreads();
    if (threadIdx.x < kLanes)
      for (int p = threadIdx.x; p < count; p += kLanes) sum += part[p];
    __syncthreads();
  }
  if (threadIdx.x >= kWarp) return;
  sum = fold<kLanes>(sum, Sum());
  if (threadIdx.x == 0) totals[t * c.heads + h] = sum;
}

// z of a tile from its pattern, divided by totals where there are any. Blocks that share a tile (gridDim.z > 1) leave the sum of each
// kValueBlock positions in parts [blocks, T, H, E].
template <class C, int R>
__global__ void __launch_bounds__(kAttentionThreads, 2) valueTile(AttentionCall c, Pattern pattern, const float* totals, float* z, float* parts, unsigned* counters, bool raises) {
  dependentsLaunch();
  dependencyWait();
  const Tile<R> tile(c, raises);
  const int size = int(c.cache.dims[3]);
  const int64_t all = c.rows * c.heads * size;
  float* weights = shared<float>();
  for (int b = int(blockIdx.z) * int(kValueBlock); b < tile.most; b += int(gridDim.z) * int(kValueBlock)) {
    for (uint32_t left = tile.seeing(b); left != 0;) {
      int slot = 0, end;
      const uint32_t rows = tile.takeSlot(&left, &slot, &end);
      const int64_t at = headAt(c.cache, slot, tile.kvHead) + b;
      const int count = end - b < int(kValueBlock) ? end - b : int(kValueBlock);
      int seen[R], common = count;
#pragma unroll
      for (int r = 0; r < R; ++r) {
        seen[r] = rows >> r & 1 ? (tile.n[r] - b < count ? tile.n[r] - b : count) : 0;
        common = (rows >> r & 1) && seen[r] < common ? seen[r] : common;
      }
      __syncthreads();
#pragma unroll
      for (int r = 0; r < R; ++r)
        for (int i = threadIdx.x; i < kTileHeads * count; i += kAttentionThreads) {
          const int h = i / count, p = i % count;
          const int64_t row = tile.first + r, head = tile.head + h;
          float w = 0.0f;
          if (h < tile.heads && p < seen[r]) {
            w = pattern.data[row * pattern.row + head * pattern.head + b + p];
            if (totals) w = w / totals[row * c.heads + head];
            if (c.scales) w = w * c.scales[at + p];
          }
          weights[(p * R + r) * kTileHeads + h] = w;
        }
      __syncthreads();
      for (int i = threadIdx.x; i < size; i += kAttentionThreads) {
        float acc[R][kTileHeads] = {};
        sumValues<C, R>(c.cache.as<typename C::Raw>() + at * size + i, size, count, common, seen, weights, acc);
#pragma unroll
        for (int r = 0; r < R; ++r)
#pragma unroll
          for (int h = 0; h < kTileHeads; ++h) {
            if (!(rows >> r & 1) || h >= tile.heads) continue;
            const int64_t to = ((tile.first + r) * c.heads + tile.head + h) * size + i;
            if (gridDim.z > 1) parts[b / kValueBlock * all + to] = acc[r][h];
            else z[to] = b == 0 ? acc[r][h] : z[to] + acc[r][h];
          }
      }
    }
  }
  if (gridDim.z > 1) {
    unsigned* last = shared<unsigned>();
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) *last = atomicAdd(&counters[blockIdx.x * gridDim.y + blockIdx.y], 1u) == gridDim.z - 1;
    __syncthreads();
    if (*last == 0) return;
    __threadfence();
  }
#pragma unroll 1
  for (int r = 0; r < R; ++r) {
    const int n = tile.seenBy(r);
    if (tile.first + r >= c.rows || (n > 0 && gridDim.z == 1)) continue;
    for (int i = threadIdx.x; i < tile.heads * size; i += kAttentionThreads) {
      const int64_t to = ((tile.first + r) * c.heads + tile.head) * size + i;
      float sum = 0.0f;
      for (int b = 0; b < n; b += int(kValueBlock)) {
        const float part = __ldcg(parts + b / kValueBlock * all + to);
        sum = b == 0 ? part : sum + part;
      }
      z[to] = sum;
    }
  }
}

__global__ void fillLowest(float* y, int64_t count) {
  dependentsLaunch();
  dependencyWait();
  for (int64_t i = firstItem(); i < count; i += itemStep()) y[i] = -HUGE_VALF;
}

// Calls f(element type of the cache).
template <class F>
void withCache(const View& cache, F f) {
  if (cache.dtype == DType::f32) f(CacheF32());
  else if (cache.dtype == DType::f16) f(CacheF16());
  else f(CacheI8());
}

int splits(int64_t positions, int64_t each) {
  const int64_t n = ceilDiv(positions, each);
  return int(n < 1 ? 1 : n < kMostSplits ? n : kMostSplits);
}

unsigned headTiles(const AttentionCall& c) { return unsigned(c.cache.dims[1] * ceilDiv(c.group(), kTileHeads)); }

// Whether each row may be of another slot: it then goes alone.
bool apart(const AttentionCall& c) { return c.rows <= c.cache.dims[0]; }

template <int R>
void scoreRows(const AttentionCall& c, const float* q, float scale, const Pattern& to, Launch& launch) {
  const int size = int(c.cache.dims[3]), padded = paddedSize(size);
  const bool wide = size % 16 == 0 && reinterpret_cast<uintptr_t>(c.cache.data) % 16 == 0;
  const size_t floats = size_t(kScorePositions * keyStride(padded) + R * kTileHeads * padded);
  const Grid grid{dim3(unsigned(ceilDiv(c.rows, R)), headTiles(c), unsigned(splits(c.length, kScorePositions))), dim3(kAttentionThreads), floats * sizeof(float), true};
  if (grid.shared > size_t(launch.chip.sharedBytes))
    throw OpError("SHAPE", "[attention] expected heads of a size whose keys fit the shared memory of a block, " + std::to_string(launch.chip.sharedBytes) + " bytes, received size " + std::to_string(size) + ".");
  withCache(c.cache, [&](auto type) {
    using C = decltype(type);
    launch(grid, wide ? scoreTile<C, R, true> : scoreTile<C, R, false>, c, q, scale, to);
  });
}

// `parts` and `counters` where positions are split.
template <int R>
void valueRows(const AttentionCall& c, const Pattern& pattern, const float* totals, float* z, float* parts, unsigned* counters, bool raises, Launch& launch) {
  const int blocks = parts ? splits(c.length, kValueBlock) : 1;
  const Grid grid{dim3(unsigned(ceilDiv(c.rows, R)), headTiles(c), unsigned(blocks)), dim3(kAttentionThreads), size_t(kValueBlock) * R * kTileHeads * sizeof(float), true};
  withCache(c.cache, [&](auto type) { launch(grid, valueTile<decltype(type), R>, c, pattern, totals, z, parts, counters, raises); });
}

}  // namespace

void attention(const Args& a, Launch& launch) {
  const View &q = a.in[0], &keys = a.in[1];
  const int64_t rows = q.dims[0], heads = q.dims[1], size = q.dims[2], positions = keys.dims[2];
  AttentionCall k{keys, a.nIn > 5 ? a.in[5].as<float>() : nullptr, a.in[3].as<int>(), a.in[4].as<int>(), rows, heads, positions, launch.fault};
  AttentionCall v = k;
  v.cache = a.in[2];
  v.scales = a.nIn > 6 ? a.in[6].as<float>() : nullptr;
  const bool alone = apart(k);
  int64_t turn = kScoreFloats / (heads * positions > 0 ? heads * positions : 1) / kRows * kRows;
  turn = turn < kRows ? kRows : turn < rows ? turn : rows;
  const int64_t counts = alone ? turn * headTiles(k) : 0;
  const Pattern scores{launch.scratch<float>(turn * heads * positions), heads * positions, positions};
  float* totals = launch.scratch<float>(turn * heads);
  const bool split = alone && positions > kValueBlock;
  float* parts = split ? launch.scratch<float>(valueBlocks(positions) * turn * heads * size) : nullptr;
  unsigned* counters = split ? launch.scratch<unsigned>(counts) : nullptr;
  for (int64_t t = 0; t < rows; t += turn) {
    k.rows = v.rows = rows - t < turn ? rows - t : turn;
    const float* x = q.as<float>() + t * heads * size;
    float* z = a.out[0].as<float>() + t * heads * size;
    if (alone) scoreRows<1>(k, x, float(a.attrs[0]), scores, launch);
    else scoreRows<kRows>(k, x, float(a.attrs[0]), scores, launch);
    const Grid grid{dim3(unsigned(k.rows), unsigned(heads)), dim3(kSoftmaxThreads), (kSoftmaxPart + kSoftmaxThreads / kWarp) * sizeof(float), true};
    launch(grid, softmaxScores, k, scores, totals, counters, split ? counts : 0);
    if (alone) valueRows<1>(v, scores, totals, z, parts, counters, false, launch);
    else valueRows<kRows>(v, scores, totals, z, nullptr, nullptr, false, launch);
    k.slots = v.slots += turn;
    k.pos = v.pos += turn;
  }
}

void attn_scores(const Args& a, Launch& launch) {
  const View &q = a.in[0], &y = a.out[0];
  const int64_t rows = q.dims[0], length = y.dims[2];
  const AttentionCall c{a.in[1], a.nIn > 4 ? a.in[4].as<float>() : nullptr, a.in[2].as<int>(), a.in[3].as<int>(), rows, q.dims[1], length, launch.fault};
  const Pattern to{y.as<float>(), length, rows * length};
  Grid grid = gridFor(y.size);
  grid.early = true;
  launch(grid, fillLowest, y.as<float>(), y.size);
  if (apart(c)) scoreRows<1>(c, q.as<float>(), float(a.attrs[0]), to, launch);
  else scoreRows<kRows>(c, q.as<float>(), float(a.attrs[0]), to, launch);
}

void attn_values(const Args& a, Launch& launch) {
  const View& pattern = a.in[0];
  const int64_t heads = pattern.dims[0], rows = pattern.dims[1], length = pattern.dims[2];
  const AttentionCall c{a.in[1], a.nIn > 4 ? a.in[4].as<float>() : nullptr, a.in[2].as<int>(), a.in[3].as<int>(), rows, heads, length, launch.fault};
  const Pattern weights{pattern.as<float>(), length, rows * length};
  if (apart(c)) valueRows<1>(c, weights, nullptr, a.out[0].as<float>(), nullptr, nullptr, true, launch);
  else valueRows<kRows>(c, weights, nullptr, a.out[0].as<float>(), nullptr, nullptr, true, launch);
}

}  // namespace cuda
}  // namespace rotor
