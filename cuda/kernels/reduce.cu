// sum, mean, prod, max, min, any, all over any dimensions of an input of any strides.
// data:  reads  x once (HBM)     writes one element for each output
//        a reduction goes by chunks of 4096 elements in row-major order of the reduced dimensions: sixteen lanes and the CPU's fold in
//        each, then the same over the chunks' results until one is left. Up to 4096 elements the bits of sums are the CPU's.
// map:   sixteen threads a chunk, or one thread a chunk where neighbouring outputs lie beside each other and their elements do not
// bound: bytes of x for many outputs, else the latency of 256 steps a level; measured: not taken
#include "../../cpp/math/pointwise.h"
#include "../ptx.cuh"
#include "../reduce.cuh"

namespace rotor {
namespace cuda {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kChunk = 4096;

// The dimensions of an input in two groups, kept and reduced; reduced ones are joined where memory allows.
struct Split {
  int kept = 0, reduced = 0;
  int64_t keptDim[kMaxDims] = {}, keptStride[kMaxDims] = {}, dim[kMaxDims] = {}, stride[kMaxDims] = {}, outputs = 1, count = 1;

  Split(const View& x, unsigned mask) {
    for (int d = 0; d < x.ndim; ++d) {
      const int64_t n = x.dims[d], s = x.strides[d];
      if (!(mask >> d & 1)) {
        outputs *= n;
        keptDim[kept] = n;
        keptStride[kept++] = s;
        continue;
      }
      count *= n;
      if (n == 1) continue;
      if (reduced > 0 && stride[reduced - 1] == n * s) {
        dim[reduced - 1] *= n;
        stride[reduced - 1] = s;
      } else {
        dim[reduced] = n;
        stride[reduced++] = s;
      }
    }
  }
  // `count` numbers in a row for each output.
  Split(int64_t outputs, int64_t count) : kept(1), reduced(1), outputs(outputs), count(count) {
    keptDim[0] = outputs;
    keptStride[0] = count;
    dim[0] = count;
    stride[0] = 1;
  }
  // Where output `o` begins.
  __device__ int64_t base(int64_t o) const {
    int64_t at = 0;
    for (int d = kept - 1; d >= 0; --d) {
      at += o % keptDim[d] * keptStride[d];
      o /= keptDim[d];
    }
    return at;
  }
  // Element j of an output, from its base.
  __device__ int64_t offset(int64_t j) const {
    if (reduced <= 1) return j * stride[0];
    int64_t at = 0;
    for (int d = reduced - 1; d > 0; --d) {
      at += j % dim[d] * stride[d];
      j /= dim[d];
    }
    return at + j * stride[0];
  }
  // Whether elements of an output are evenly apart, and neighbouring outputs nearer to each other.
  bool across() const { return kept > 0 && reduced == 1 && keptDim[kept - 1] >= kWarp && keptStride[kept - 1] < stride[reduced - 1]; }
};

// Each op: the type it works in, and how. `first` changes nothing it is joined with.
template <class IN, class OUT, class WORK>
struct Types {
  using In = IN;
  using Out = OUT;
  using Work = WORK;
};
struct SumF32 : Types<float, float, double> {
  __device__ static double first() { return 0.0; }
  __device__ static double of(float v) { return v; }
  __device__ static double join(double a, double b) { return a + b; }
  __device__ static float finish(double v, int64_t) { return canon(float(v)); }
};
struct MeanF32 : SumF32 {
  __device__ static float finish(double v, int64_t n) { return canon(float(v / double(n))); }
};
struct SumI32 : Types<int32_t, int32_t, int64_t> {
  __device__ static int64_t first() { return 0; }
  __device__ static int64_t of(int32_t v) { return v; }
  __device__ static int64_t join(int64_t a, int64_t b) { return a + b; }
  __device__ static int32_t finish(int64_t v, int64_t) { return int32_t(uint32_t(uint64_t(v))); }
};
struct MeanI32 : SumI32 {
  using Out = float;
  __device__ static float finish(int64_t v, int64_t n) { return canon(float(double(v) / double(n))); }
};
struct ProdF32 : Types<float, float, double> {
  __device__ static double first() { return 1.0; }
  __device__ static double of(float v) { return v; }
  __device__ static double join(double a, double b) { return a * b; }
  __device__ static float finish(double v, int64_t) { return canon(float(v)); }
};
struct ProdI32 : Types<int32_t, int32_t, uint32_t> {
  __device__ static uint32_t first() { return 1; }
  __device__ static uint32_t of(int32_t v) { return uint32_t(v); }
  __device__ static uint32_t join(uint32_t a, uint32_t b) { return a * b; }
  __device__ static int32_t finish(uint32_t v, int64_t) { return int32_t(v); }
};
template <class T>
struct Extreme : Types<T, T, T> {
  __device__ static T of(T v) { return v; }
  __device__ static float finish(float v, int64_t) { return canon(v); }
  __device__ static int32_t finish(int32_t v, int64_t) { return v; }
};
struct MaxF32 : Extreme<float> {
  __device__ static float first() { return -HUGE_VALF; }
  __device__ static float join(float a, float b) { return maximumOf(a, b); }
};
struct MinF32 : Extreme<float> {
  __device__ static float first() { return HUGE_VALF; }
  __device__ static float join(float a, float b) { return minimumOf(a, b); }
};
struct MaxI32 : Extreme<int32_t> {
  __device__ static int32_t first() { return INT32_MIN; }
  __device__ static int32_t join(int32_t a, int32_t b) { return maximumOf(a, b); }
};
struct MinI32 : Extreme<int32_t> {
  __device__ static int32_t first() { return INT32_MAX; }
  __device__ static int32_t join(int32_t a, int32_t b) { return minimumOf(a, b); }
};
struct AnyOf : Types<uint8_t, uint8_t, int> {
  __device__ static int first() { return 0; }
  __device__ static int of(uint8_t v) { return v != 0; }
  __device__ static int join(int a, int b) { return a | b; }
  __device__ static uint8_t finish(int v, int64_t) { return uint8_t(v); }
};
struct AllOf : AnyOf {
  __device__ static int first() { return 1; }
  __device__ static int join(int a, int b) { return a & b; }
};

// A level above the first: what is read is already of the type worked in.
template <class OP>
struct Above : OP {
  using In = typename OP::Work;
  __device__ static In of(In v) { return v; }
};
// A level below the last: what is written is of the type worked in.
template <class OP>
struct Below : OP {
  using Out = typename OP::Work;
  __device__ static Out finish(Out v, int64_t) { return v; }
};
template <class OP>
struct Join {
  __device__ typename OP::Work operator()(typename OP::Work a, typename OP::Work b) const { return OP::join(a, b); }
};

// Lane l and lane l + WIDTH become lane l, down to one.
template <class OP, int WIDTH>
__device__ __forceinline__ void foldLanes(typename OP::Work (&lane)[kLanes]) {
#pragma unroll
  for (int l = 0; l < WIDTH; ++l) lane[l] = OP::join(lane[l], lane[l + WIDTH]);
  if constexpr (WIDTH > 1) foldLanes<OP, WIDTH / 2>(lane);
}

// y[output, chunk] from sixteen threads, or one, for each. `total` elements went into an output.
template <class OP, bool ACROSS>
__global__ void __launch_bounds__(kThreads, 1) reduceChunks(const typename OP::In* x, Split split, int64_t chunks, typename OP::Out* y, int64_t total) {
  dependencyWait();
  dependentsLaunch();
  using Work = typename OP::Work;
  constexpr int threads = ACROSS ? 1 : kLanes;
  const int64_t item = firstItem() / threads;
  const bool there = item < split.outputs * chunks;
  // Neighbouring threads take neighbouring outputs when each has its own.
  const int64_t o = !there ? 0 : ACROSS ? item % split.outputs : item / chunks, chunk = !there ? 0 : ACROSS ? item / split.outputs : item % chunks;
  const int64_t begin = chunk * kChunk, end = there ? (begin + kChunk < split.count ? begin + kChunk : split.count) : begin;
  const typename OP::In* p = x + split.base(o);
  if (ACROSS) {
    Work lane[kLanes];
#pragma unroll
    for (int l = 0; l < kLanes; ++l) lane[l] = OP::first();
    const int64_t step = split.stride[0];
    for (int64_t j = begin; j < end; j += kLanes) {
#pragma unroll
      for (int l = 0; l < kLanes; ++l)
        if (j + l < end) lane[l] = OP::join(lane[l], OP::of(p[(j + l) * step]));
    }
    foldLanes<OP, kLanes / 2>(lane);
    if (there) y[o * chunks + chunk] = OP::finish(lane[0], total);
    return;
  }
  Work sum = OP::first();
#pragma unroll 8
  for (int64_t j = begin + threadIdx.x % kLanes; j < end; j += kLanes) sum = OP::join(sum, OP::of(p[split.offset(j)]));
  sum = fold<kLanes>(sum, Join<OP>());
  if (there && threadIdx.x % kLanes == 0) y[item] = OP::finish(sum, total);
}

template <class OP>
void level(Launch& launch, const typename OP::In* x, const Split& split, int64_t chunks, typename OP::Out* y, int64_t total) {
  const int64_t items = split.outputs * chunks;
  const auto grid = [&](int64_t threads) { return Grid{dim3(unsigned(ceilDiv(threads, kThreads))), dim3(kThreads), 0, true}; };
  if (split.across()) return launch(grid(items), reduceChunks<OP, true>, x, split, chunks, y, total);
  launch(grid(items * kLanes), reduceChunks<OP, false>, x, split, chunks, y, total);
}

template <class OP>
void reduce(const Args& a, Launch& launch) {
  using Work = typename OP::Work;
  const Split split(a.in[0], unsigned(a.attrs[0]));
  const auto* x = a.in[0].as<typename OP::In>();
  auto* y = a.out[0].as<typename OP::Out>();
  int64_t chunks = split.count <= kChunk ? 1 : ceilDiv(split.count, kChunk);
  if (chunks == 1) return level<OP>(launch, x, split, 1, y, split.count);
  Work* from = launch.scratch<Work>(split.outputs * chunks);
  level<Below<OP>>(launch, x, split, chunks, from, split.count);
  while (chunks > kChunk) {
    const Split parts(split.outputs, chunks);
    chunks = ceilDiv(chunks, kChunk);
    Work* to = launch.scratch<Work>(split.outputs * chunks);
    level<Below<Above<OP>>>(launch, from, parts, chunks, to, split.count);
    from = to;
  }
  level<Above<OP>>(launch, from, Split(split.outputs, chunks), 1, y, split.count);
}

template <class F, class I>
void byType(const Args& a, Launch& launch) {
  if (a.in[0].dtype == DType::f32) return reduce<F>(a, launch);
  reduce<I>(a, launch);
}

}  // namespace

void sum(const Args& a, Launch& launch) { byType<SumF32, SumI32>(a, launch); }
void mean(const Args& a, Launch& launch) { byType<MeanF32, MeanI32>(a, launch); }
void prod(const Args& a, Launch& launch) { byType<ProdF32, ProdI32>(a, launch); }
void max(const Args& a, Launch& launch) { byType<MaxF32, MaxI32>(a, launch); }
void min(const Args& a, Launch& launch) { byType<MinF32, MinI32>(a, launch); }
void any(const Args& a, Launch& launch) { reduce<AnyOf>(a, launch); }
void all(const Args& a, Launch& launch) { reduce<AllOf>(a, launch); }

}  // namespace cuda
}  // namespace rotor
