// screened_linear: the logits that a sampler may draw, as `linear` has them, and minus infinity for the others.
// data:  reads  x [T,K] f32, codes [V,K] i8 and bounds [V,4] f32 once for every four rows, and of the weight [V,K] the rows that could be
//        among the best; the whole weight for rows that want all logits or have too many candidates
//        writes logits [T,V] f32, counts [T] i32; scratch: bounds of every logit, two doubles each, and lists of candidates
// map:   six launches for up to 64 rows, none of which waits for the host: digits of x (a block a row); bounds (a warp a row of codes);
//        the k-th lower bound (a block a row); candidates; their exact logits (a warp each); which of them to keep (a block a row).
//        Counters are integers, candidates are listed in any order and each writes its own logit: the result depends on no timing
// bound: codes, V * K bytes (328 MB on the 2B shape), half of the weight's; measured: not taken
#include "../../cpp/math/screen.h"
#include "../dot.cuh"
#include "../select.cuh"

namespace rotor {
namespace cuda {
namespace {

constexpr int kTokens = 64;   // rows of a turn
constexpr int kShare = 4;     // rows that share a read of the codes
constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarp;
constexpr int kSelectThreads = 512;

// One turn, with its part of every operand.
struct Screen {
  int64_t rows, vocab, cols, padded;
  const float* x;
  const void* weight;
  const int8_t* codes;
  const float* bounds;
  const int *pos, *seen;
  const float *params, *bias;
  float* y;
  int* rescored;
  // Scratch, per row.
  ScreenToken* token;
  uint8_t* digits;            // [2, padded]: high ones, low ones
  double *high, *low;         // [vocab] bounds of the adjusted logits; later `low` has those of the candidates
  unsigned long long* best;   // key of the largest lower bound
  int *bad, *found, *list;    // list: [vocab / 8]

  __device__ bool screened(int64_t t) const { return token[t].mode == kScreen && found[t] <= vocab / 8; }
  __device__ double adjust(int64_t t, int64_t r, double logit, const SampleParams& p) const { return adjusted(logit, bias[t * vocab + r], seen[t * vocab + r], p); }
};

// Splits a row into step * z and a rest, and z + 8192 into digits.
__global__ void __launch_bounds__(kThreads) splitRows(Screen s) {
  dependentsLaunch();
  dependencyWait();
  double* memory = shared<double>();
  const int64_t t = blockIdx.x;
  const float* x = s.x + t * s.cols;
  ScreenToken k = {};
  k.keep = wantedLogits(sampleParams(s.params + 8 * t), s.vocab);
  k.mode = s.pos[t] < 0 ? kIdle : k.keep > s.vocab / 8 ? kWhole : kScreen;
  double top = 0.0;
  bool finite = true;
  for (int64_t i = threadIdx.x; i < s.cols; i += kThreads) {
    const double v = ::fabs(double(x[i]));
    finite &= v < HUGE_VAL;
    top = v > top ? v : top;
  }
  top = blockFold(top, Max(), memory);
  if (!__syncthreads_and(finite) && k.mode == kScreen) k.mode = kWhole;
  k.step = top / kScreenTop;
  const double inverse = top > 0.0 ? kScreenTop / top : 0.0;
  double rest = 0.0, kept = 0.0, all = 0.0;
  if (k.mode == kScreen) {
    uint8_t* digits = s.digits + t * 2 * s.padded;
    for (int64_t i = threadIdx.x; i < s.padded; i += kThreads) {
      const double v = i < s.cols ? double(x[i]) : 0.0, z = (v * inverse + kMagicRound) - kMagicRound, y = k.step * z, r = v - y;
      rest += r * r;
      kept += y * y;
      all += v * v;
      const int u = int(z) + 8192;
      digits[i] = i < s.cols ? uint8_t(u >> 7) : 0;
      digits[s.padded + i] = i < s.cols ? uint8_t(u & 127) : 0;
    }
    rest = blockFold(rest, Sum(), memory);
    kept = blockFold(kept, Sum(), memory);
    all = blockFold(all, Sum(), memory);
  }
  if (threadIdx.x != 0) return;
  screenSpreads(&k, s.cols, all, rest, kept);
  s.token[t] = k;
  s.best[t] = 0;
  s.bad[t] = s.found[t] = 0;
}

// The bytes of a row of codes from i on, sixteen; zeros beyond its end.
template <bool WIDE>
__device__ __forceinline__ uint4 codes16(const int8_t* row, int64_t i, int64_t cols) {
  if (WIDE) return loadStreaming(row + i);
  uint32_t w[4] = {};
  for (int j = 0; j < 16 && i + j < cols; ++j) w[j / 4] |= uint32_t(uint8_t(row[i + j])) << 8 * (j % 4);
  return {w[0], w[1], w[2], w[3]};
}

__device__ __forceinline__ int dot16(const uint4& x, const uint4& codes, int sum) {
  return dp4aU8S8(x.w, codes.w, dp4aU8S8(x.z, codes.z, dp4aU8S8(x.y, codes.y, dp4aU8S8(x.x, codes.x, sum))));
}

// Bounds of the logits of kShare rows, by warps that each take rows of codes. Lane i does row i's arithmetic.
template <bool WIDE>
__global__ void __launch_bounds__(kThreads, 2) boundRows(Screen s) {
  dependentsLaunch();
  dependencyWait();
  const int64_t first = int64_t(blockIdx.x) * kShare;
  const int lane = threadIdx.x % kWarp;
  uint32_t live = 0;
  for (int i = 0; i < kShare; ++i)
    if (first + i < s.rows && s.token[first + i].mode == kScreen) live |= 1u << i;
  if (live == 0) return;
  const bool mine = lane < kShare && (live >> lane & 1);
  const int64_t t = first + (mine ? lane : 0);
  const ScreenToken k = s.token[t];
  const SampleParams p = sampleParams(s.params + 8 * t);
  unsigned long long best = 0;
  for (int64_t r = int64_t(blockIdx.y) * kWarps + threadIdx.x / kWarp; r < s.vocab; r += int64_t(gridDim.y) * kWarps) {
    int high[kShare] = {}, low[kShare] = {};
    for (int64_t i = lane * 16; i < s.cols; i += kWarp * 16) {
      const uint4 c = codes16<WIDE>(s.codes + r * s.cols, i, s.cols);
#pragma unroll
      for (int j = 0; j < kShare; ++j) {
        if (!(live >> j & 1)) continue;
        const uint8_t* digits = s.digits + (first + j) * 2 * s.padded + i;
        high[j] = dot16(*reinterpret_cast<const uint4*>(digits), c, high[j]);
        low[j] = dot16(*reinterpret_cast<const uint4*>(digits + s.padded), c, low[j]);
      }
    }
    int64_t sum = 0;
#pragma unroll
    for (int j = 0; j < kShare; ++j) {
      const int64_t both = int64_t(fold<kWarp>(high[j], Sum())) * 128 + fold<kWarp>(low[j], Sum());
      sum = j == lane ? both : sum;
    }
    if (!mine) continue;
    const float* bounds = s.bounds + 4 * r;
    const LogitBound b = boundLogit(k, bounds, sum);
    const double up = s.adjust(t, r, b.value + b.spread, p), down = s.adjust(t, r, b.value - b.spread, p);
    if (!(up < HUGE_VAL) || !(k.norm * double(bounds[2]) < 1e38)) {  // not a number, or a partial sum could overflow
      atomicOr(&s.bad[t], 1);
      continue;
    }
    s.high[t * s.vocab + r] = up;
    s.low[t * s.vocab + r] = down;
    const unsigned long long key = orderedKey(down);
    best = key > best ? key : best;
  }
  if (mine && best != 0) atomicMax(&s.best[t], best);
}

// Values that kthLargest looks at.
struct Stored {
  const double* values;
  __device__ double operator()(int64_t i) const { return values[i]; }
};
struct Adjusted {
  const Screen& s;
  int64_t t;
  SampleParams p;
  __device__ double operator()(int64_t r) const { return s.adjust(t, r, double(s.y[t * s.vocab + r]), p); }
};

// The keep-th largest lower bound of each row.
__global__ void __launch_bounds__(kSelectThreads) cutRows(Screen s) {
  dependentsLaunch();
  dependencyWait();
  const int64_t t = blockIdx.x;
  const ScreenToken& k = s.token[t];
  const bool bad = s.bad[t] != 0;
  if (k.mode != kScreen) return;
  double cut = 0.0;
  if (!bad) cut = k.keep == 1 ? keyedDouble(s.best[t]) : kthLargest(Stored{s.low + t * s.vocab}, s.vocab, k.keep, shared<unsigned>());
  __syncthreads();
  if (threadIdx.x != 0) return;
  s.token[t].cut = cut;
  if (bad) s.token[t].mode = kWhole;
}

// Lists the rows of the weight whose upper bound reaches the cut, and clears the logits. A forbidden token is never listed.
__global__ void __launch_bounds__(kThreads) findRows(Screen s) {
  dependentsLaunch();
  dependencyWait();
  const int64_t t = blockIdx.x, most = s.vocab / 8;
  const ScreenToken& k = s.token[t];
  if (k.mode == kWhole) return;
  for (int64_t r = int64_t(blockIdx.y) * kThreads + threadIdx.x; r < s.vocab; r += int64_t(gridDim.y) * kThreads) {
    s.y[t * s.vocab + r] = -HUGE_VALF;
    if (k.mode != kScreen) continue;
    const double high = s.high[t * s.vocab + r];
    if (!(high >= k.cut && high > -HUGE_VAL)) continue;
    const int at = atomicAdd(&s.found[t], 1);
    if (at < most) s.list[t * most + at] = int(r);
  }
}

// Exact logits: of the candidates, or of all rows of the weight.
template <class W, bool WIDE>
__global__ void __launch_bounds__(kThreads) exactRows(Screen s) {
  dependentsLaunch();
  dependencyWait();
  const int64_t t = blockIdx.x, most = s.vocab / 8;
  if (s.token[t].mode == kIdle) return;
  void* buffer = shared<char>() + threadIdx.x / kWarp * kDotBytes;
  const bool few = s.screened(t);
  const int64_t count = few ? s.found[t] : s.vocab;
  for (int64_t i = int64_t(blockIdx.y) * kWarps + threadIdx.x / kWarp; i < count; i += int64_t(gridDim.y) * kWarps) {
    const int64_t r = few ? s.list[t * most + i] : i;
    const float y = rowDot<WIDE>(s.x + t * s.cols, static_cast<const W*>(s.weight) + r * s.cols, s.cols, buffer);
    if (threadIdx.x % kWarp != 0) continue;
    s.y[t * s.vocab + r] = y;
    if (few) s.low[t * s.vocab + i] = s.adjust(t, r, double(y), sampleParams(s.params + 8 * t));
  }
}

// Leaves the best logits of a row, and those that equal the last of them.
__global__ void __launch_bounds__(kSelectThreads) keepRows(Screen s) {
  dependentsLaunch();
  dependencyWait();
  const int64_t t = blockIdx.x, most = s.vocab / 8;
  const ScreenToken& k = s.token[t];
  const bool few = s.screened(t);
  if (threadIdx.x == 0) s.rescored[t] = int(k.mode == kIdle ? 0 : few ? s.found[t] : s.vocab);
  if (k.mode == kIdle || (!few && k.keep >= s.vocab)) return;
  float* y = s.y + t * s.vocab;
  if (few) {
    const Stored values{s.low + t * s.vocab};
    const double cut = kthLargest(values, s.found[t], k.keep, shared<unsigned>());
    for (int64_t i = threadIdx.x; i < s.found[t]; i += kSelectThreads)
      if (values(i) < cut) y[s.list[t * most + i]] = -HUGE_VALF;
    return;
  }
  const Adjusted values{s, t, sampleParams(s.params + 8 * t)};
  bool sane = true;
  for (int64_t r = threadIdx.x; r < s.vocab; r += kSelectThreads) sane &= y[r] < HUGE_VALF && values(r) < HUGE_VAL;
  if (!__syncthreads_and(sane)) return;
  const double cut = kthLargest(values, s.vocab, k.keep, shared<unsigned>());
  for (int64_t r = threadIdx.x; r < s.vocab; r += kSelectThreads) {
    const double v = values(r);
    if (v < cut || !(v > -HUGE_VAL)) y[r] = -HUGE_VALF;
  }
}

bool aligned(const void* p) { return reinterpret_cast<uintptr_t>(p) % 16 == 0; }

template <class W>
void exact(const Screen& s, Launch& launch) {
  const unsigned blocks = unsigned(launch.chip.multiprocessors * 4);
  const bool wide = s.cols * int64_t(sizeof(W)) % 16 == 0 && aligned(s.weight);
  const Grid grid{dim3(unsigned(s.rows), blocks), dim3(kThreads), size_t(kWarps) * kDotBytes, true};
  launch(grid, wide ? exactRows<W, true> : exactRows<W, false>, s);
}

}  // namespace

void screened_linear(const Args& a, Launch& launch) {
  const int64_t tokens = a.in[0].dims[0], cols = a.in[0].dims[1], vocab = a.in[1].dims[0], most = tokens < kTokens ? tokens : kTokens;
  Screen s{};
  s.vocab = vocab;
  s.cols = cols;
  s.padded = ceilDiv(cols, 32) * 32;
  s.weight = a.in[1].data;
  s.codes = a.in[2].as<int8_t>();
  s.bounds = a.in[3].as<float>();
  s.token = launch.scratch<ScreenToken>(most);
  s.digits = launch.scratch<uint8_t>(most * 2 * s.padded);
  s.high = launch.scratch<double>(most * vocab);
  s.low = launch.scratch<double>(most * vocab);
  s.best = launch.scratch<unsigned long long>(most);
  s.bad = launch.scratch<int>(most);
  s.found = launch.scratch<int>(most);
  s.list = launch.scratch<int>(most * (vocab / 8));
  const unsigned blocks = unsigned(launch.chip.multiprocessors * 8);
  const bool wide = cols % 16 == 0 && aligned(s.codes);
  for (int64_t t = 0; t < tokens; t += kTokens) {
    s.rows = tokens - t < kTokens ? tokens - t : kTokens;
    s.x = a.in[0].as<float>() + t * cols;
    s.pos = a.in[4].as<int>() + t;
    s.params = a.in[5].as<float>() + t * 8;
    s.seen = a.in[6].as<int>() + t * vocab;
    s.bias = a.in[7].as<float>() + t * vocab;
    s.y = a.out[0].as<float>() + t * vocab;
    s.rescored = a.out[1].as<int>() + t;
    const unsigned rows = unsigned(s.rows);
    const auto blocksFor = [&](int64_t each) { return unsigned(ceilDiv(vocab, each) < blocks ? ceilDiv(vocab, each) : blocks); };
    launch(Grid{dim3(rows), dim3(kThreads), kWarps * sizeof(double), true}, splitRows, s);
    launch(Grid{dim3(unsigned(ceilDiv(rows, kShare)), blocksFor(kWarps)), dim3(kThreads), 0, true}, wide ? boundRows<true> : boundRows<false>, s);
    launch(Grid{dim3(rows), dim3(kSelectThreads), kSelectWords * sizeof(unsigned), true}, cutRows, s);
    launch(Grid{dim3(rows, blocksFor(kThreads)), dim3(kThreads), 0, true}, findRows, s);
    if (a.in[1].dtype == DType::bf16) exact<uint16_t>(s, launch);
    else exact<float>(s, launch);
    launch(Grid{dim3(rows), dim3(kSelectThreads), kSelectWords * sizeof(unsigned), true}, keepRows, s);
  }
}

}  // namespace cuda
}  // namespace rotor
