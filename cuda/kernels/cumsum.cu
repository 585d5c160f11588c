// cumsum: running sums along one dimension of an input of any strides, in double or modulo 2^32.
// data:  reads  x once (twice for lines beyond 4096)     writes y once
// map:   one warp a chunk of 4096 elements of a line, or one thread a chunk where neighbouring lines lie beside each other. The running
//        sum of a chunk is the CPU's, one element after the other; what came before the chunk is added to it
// bound: bytes of x and y for many lines, else the latency of 4096 additions; measured: not taken
#include "../../cpp/math/bits.h"
#include "../ptx.cuh"
#include "../reduce.cuh"

namespace rotor {
namespace cuda {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kChunk = 4096;

struct FloatSum {
  using Value = float;
  using Work = double;
  __device__ static float put(double v) { return canon(float(v)); }
};
struct WholeSum {
  using Value = int32_t;
  using Work = uint32_t;
  __device__ static int32_t put(uint32_t v) { return int32_t(v); }
};

// Where the lines of x and y are. Lines are numbered in row-major order of the other dimensions.
struct Lines {
  int others = 0;
  int64_t dim[kMaxDims] = {}, stride[kMaxDims] = {}, count = 1, n, along, inner = 1;
  Lines(const View& x, int d) : n(x.dims[d]), along(x.strides[d]) {
    for (int i = 0; i < x.ndim; ++i) {
      if (i == d) continue;
      if (i > d) inner *= x.dims[i];
      count *= x.dims[i];
      dim[others] = x.dims[i];
      stride[others++] = x.strides[i];
    }
  }
  __device__ int64_t from(int64_t line) const {
    int64_t at = 0;
    for (int d = others - 1; d >= 0; --d) {
      at += line % dim[d] * stride[d];
      line /= dim[d];
    }
    return at;
  }
  __device__ int64_t to(int64_t line) const { return line / inner * n * inner + line % inner; }
};

// Writes the running sums of each chunk to y, beginning at `before` unless that is null; or, if y is null, only their ends to `totals`.
// Both have an element for each line and chunk.
template <class OP, bool WARP>
__global__ void __launch_bounds__(kThreads) runningSums(const typename OP::Value* x, Lines lines, int64_t chunks, const typename OP::Work* before, typename OP::Work* totals, typename OP::Value* y) {
  dependencyWait();
  dependentsLaunch();
  using Value = typename OP::Value;
  using Work = typename OP::Work;
  const int64_t item = WARP ? firstItem() / kWarp : firstItem();
  if (item >= lines.count * chunks) return;
  // Neighbouring threads take neighbouring lines when each has its own.
  const int64_t line = WARP ? item / chunks : item % lines.count, chunk = WARP ? item % chunks : item / lines.count, slot = line * chunks + chunk;
  const int64_t begin = chunk * kChunk, end = begin + kChunk < lines.n ? begin + kChunk : lines.n;
  const Value* p = x + lines.from(line);
  Value* q = y == nullptr ? nullptr : y + lines.to(line);
  const Work start = before == nullptr ? Work(0) : before[slot];
  Work sum = 0;
  if (!WARP) {
    for (int64_t i = begin; i < end; ++i) {
      sum += Work(p[i * lines.along]);
      if (q != nullptr) q[i * lines.inner] = OP::put(start + sum);
    }
    if (q == nullptr) totals[slot] = sum;
    return;
  }
  const int lane = int(threadIdx.x) % kWarp;
  for (int64_t i = begin; i < end; i += kWarp) {
    const Value v = i + lane < end ? p[(i + lane) * lines.along] : Value(0);
    Work mine = 0;
#pragma unroll
    for (int l = 0; l < kWarp; ++l) {
      sum += Work(__shfl_sync(kAllLanes, v, l));
      if (l == lane) mine = sum;
    }
    if (q != nullptr && i + lane < end) q[(i + lane) * lines.inner] = OP::put(start + mine);
  }
  if (q == nullptr && lane == 0) totals[slot] = sum;
}

// Makes each line's totals of chunks the sums of those before.
template <class Work>
__global__ void __launch_bounds__(kThreads) sumsBefore(Work* totals, int64_t lines, int64_t chunks) {
  dependencyWait();
  dependentsLaunch();
  const int64_t line = firstItem();
  if (line >= lines) return;
  Work sum = 0;
  for (int64_t k = 0; k < chunks; ++k) {
    const Work v = totals[line * chunks + k];
    totals[line * chunks + k] = sum;
    sum += v;
  }
}

template <class OP>
void cumsumAs(const Args& a, Launch& launch) {
  using Value = typename OP::Value;
  using Work = typename OP::Work;
  const Lines lines(a.in[0], int(a.attrs[0]));
  const bool warp = lines.count < kWarp || lines.along == 1 || lines.inner == 1;
  const auto kernel = warp ? runningSums<OP, true> : runningSums<OP, false>;
  const auto grid = [](int64_t threads) { return Grid{dim3(unsigned(ceilDiv(threads, kThreads))), dim3(kThreads), 0, true}; };
  const int64_t chunks = ceilDiv(lines.n, kChunk);
  const Grid wide = grid(lines.count * chunks * (warp ? kWarp : 1));
  const Value* x = a.in[0].as<Value>();
  Value* y = a.out[0].as<Value>();
  Work* totals = chunks > 1 ? launch.scratch<Work>(lines.count * chunks) : nullptr;
  if (chunks > 1) {
    launch(wide, kernel, x, lines, chunks, nullptr, totals, nullptr);
    launch(grid(lines.count), sumsBefore<Work>, totals, lines.count, chunks);
  }
  launch(wide, kernel, x, lines, chunks, totals, nullptr, y);
}

}  // namespace

void cumsum(const Args& a, Launch& launch) {
  if (a.in[0].dtype == DType::f32) return cumsumAs<FloatSum>(a, launch);
  cumsumAs<WholeSum>(a, launch);
}

}  // namespace cuda
}  // namespace rotor
