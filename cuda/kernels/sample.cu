// sample_: draws the next token of every row and moves the row on, by the rules and in the order of sums of cpp/cpu/kernels/sample.inl.
// data:  reads  logits, bias f32, seen i32 [T,V] (HBM once, then L2), parameters     writes token, pos, step, one count, log probability
//        scratch: a summary of each 2048 tokens; the candidates of each row (key, weight, id), all tokens at worst
// map:   two passes of one block of 256 threads for each 2048 tokens: the largest logits, then the sums of exponentials; last one block of
//        512 threads a row draws among the candidates (sample.cuh); for temperature 0 one thread has all it needs
// bound: latency of three launches at T=1; bytes = T * 12 V, twice; measured: not taken
#include "../ptx.cuh"
#include "../sample.cuh"

namespace rotor {
namespace cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kEach = int(kSampleChunk) / kThreads;  // tokens of a thread

// First pass: the summary of a chunk.
__global__ void __launch_bounds__(kThreads) sampleTops(SampleRows rows, SampleChunk* chunks) {
  dependencyWait();
  dependentsLaunch();
  const int64_t t = blockIdx.y;
  if (rows.pos[t] < 0) return;
  double* const memory = shared<double>();
  const SampleRow row(rows, t);
  const int64_t begin = int64_t(blockIdx.x) * kSampleChunk;
  double top = -HUGE_VAL, rawTop = -HUGE_VAL;
  int64_t best = INT64_MAX;
  int bad = 0;
  for (int j = 0; j < kEach; ++j) {
    const int64_t i = begin + j * kThreads + threadIdx.x;
    if (i >= rows.vocab) break;
    const double raw = row.logits[i], v = row.adjusted(i);
    bad |= !(raw < HUGE_VAL) | !(v < HUGE_VAL);
    if (raw > rawTop) rawTop = raw;
    if (v > top) {
      top = v;
      best = i;
    }
  }
  const double mine = top;
  top = blockFold(top, Max(), memory);
  best = blockFold(mine == top ? best : INT64_MAX, Min(), reinterpret_cast<int64_t*>(memory));
  rawTop = blockFold(rawTop, Max(), memory);
  bad = blockFold(bad, Max(), reinterpret_cast<int*>(memory));
  if (threadIdx.x == 0) chunks[t * gridDim.x + blockIdx.x] = {top, rawTop, 0.0, 0.0, best == INT64_MAX ? -1 : best, bad};
}

// Second pass: the sums of a chunk in sixteen lanes and a fold, of all logits and, unless the draw is greedy, of those drawn from.
__global__ void __launch_bounds__(kThreads) sampleSums(SampleRows rows, const SampleChunk* tops, double* sums) {
  dependencyWait();
  dependentsLaunch();
  const int64_t t = blockIdx.y, chunks = gridDim.x;
  if (rows.pos[t] < 0) return;
  double* const values = shared<double>();  // [2][kSampleChunk]
  const SampleRow row(rows, t);
  const SampleChunk all = foldTops(tops + t * chunks, chunks);
  if (!row.sane(all)) return;
  const int64_t begin = int64_t(blockIdx.x) * kSampleChunk;
  for (int j = 0; j < kEach; ++j) {
    const int at = j * kThreads + int(threadIdx.x);
    const int64_t i = begin + at;
    const bool there = i < rows.vocab;
    values[at] = there ? sampleExp(double(row.logits[i]) - all.rawTop) : 0.0;
    values[kSampleChunk + at] = there && row.temperature != 0.0 ? sampleExp(row.key(i, all.top)) : 0.0;
  }
  __syncthreads();
  if (threadIdx.x >= kWarp) return;
  const double* from = values + (threadIdx.x < kLanes ? 0 : kSampleChunk) + threadIdx.x % kLanes;
  double sum = 0.0;
#pragma unroll 8
  for (int j = 0; j < int(kSampleChunk); j += kLanes) sum += from[j];
  sum = fold<kLanes>(sum, Sum());
  if (threadIdx.x % kLanes == 0) sums[2 * (t * chunks + blockIdx.x) + threadIdx.x / kLanes] = sum;
}

__global__ void __launch_bounds__(kDrawThreads, 1) sampleDraw(SampleRows rows, const SampleChunk* tops, const double* sums, int64_t chunks, Candidates candidates) {
  dependencyWait();
  dependentsLaunch();
  const int64_t t = blockIdx.x;
  if (rows.pos[t] < 0) {
    if (threadIdx.x == 0) rows.logprob[t] = 0.0f;
    return;
  }
  const SampleRow row(rows, t);
  SampleChunk all = foldTops(tops + t * chunks, chunks);
  if (!row.sane(all)) {
    if (threadIdx.x == 0) {
      rows.token[t] = -1;
      rows.logprob[t] = __uint_as_float(0x7fc00000u);
    }
    return;
  }
  for (int64_t k = 0; k < chunks; ++k) {
    all.rawSum += sums[2 * (t * chunks + k)];
    all.sum += sums[2 * (t * chunks + k) + 1];
  }
  int64_t id = all.best;
  if (row.temperature != 0.0) {
    Draw draw(row, all, tops + t * chunks, candidates.of(t));
    id = draw.token(sampleUniform(rows.seed + 2 * t, rows.step[t]));
  }
  if (threadIdx.x != 0) return;
  rows.logprob[t] = float((double(row.logits[id]) - all.rawTop) - f64_log(all.rawSum));
  rows.token[t] = int32_t(id);
  rows.step[t] = int32_t(uint32_t(rows.step[t]) + 1u);
  rows.pos[t] = int32_t(uint32_t(rows.pos[t]) + 1u);
  int32_t& seen = rows.seen[t * rows.vocab + id];
  if ((seen & 0x3fffffff) != 0x3fffffff) ++seen;
}

}  // namespace

void sample_(const Args& a, Launch& launch) {
  const int64_t count = a.in[0].dims[0], vocab = a.in[0].dims[1], chunks = ceilDiv(vocab, kSampleChunk);
  const SampleRows rows{vocab,
                        a.in[0].as<float>(), a.in[7].as<float>(), a.in[5].as<float>(), a.in[4].as<int32_t>(),
                        a.in[6].as<int32_t>(), a.in[1].as<int32_t>(), a.in[2].as<int32_t>(), a.in[3].as<int32_t>(), a.out[0].as<float>()};
  SampleChunk* tops = launch.scratch<SampleChunk>(count * chunks);
  double* sums = launch.scratch<double>(2 * count * chunks);
  const Candidates candidates{launch.scratch<double>(count * vocab), launch.scratch<double>(count * vocab), launch.scratch<int32_t>(count * vocab), vocab};
  const dim3 blocks{unsigned(chunks), unsigned(count), 1};
  launch(Grid{blocks, dim3(kThreads), kThreads / kWarp * sizeof(double), true}, sampleTops, rows, tops);
  launch(Grid{blocks, dim3(kThreads), 2 * kSampleChunk * sizeof(double), true}, sampleSums, rows, tops, sums);
  launch(Grid{dim3(unsigned(count)), dim3(kDrawThreads), kDrawShared, true}, sampleDraw, rows, tops, sums, chunks, candidates);
}

}  // namespace cuda
}  // namespace rotor
