// The sampler's arithmetic, and the draw among the candidates of a row by one block. The rules are those of cpp/cpu/kernels/sample.inl:
// every filter keeps a prefix of the candidates in some order. A prefix is found by narrowing a range of the order until what is left
// fits in shared memory, where it is sorted and summed. Sums have a fixed order; those that the CPU takes one after the other differ
// from its by roundings of doubles.
#pragma once
#include "../cpp/math/f64.h"
#include "../cpp/math/philox.h"
#include "reduce.cuh"

namespace rotor {
namespace cuda {

constexpr int64_t kSampleChunk = 2048;
constexpr int kDrawThreads = 512;
constexpr int kDrawSorted = 2 * kDrawThreads;

// What the first pass finds out about a chunk of tokens; the sums are those of a whole row.
struct SampleChunk {
  double top, rawTop;  // largest logit after and before bias and penalties
  double sum, rawSum;  // of e^(logit - largest of the row)
  int64_t best;        // token of `top`, -1 if all are -inf
  int64_t bad;         // NaN or +inf seen
};

struct SampleRows {
  int64_t vocab;
  const float *logits, *bias, *params;
  const int32_t* seed;
  int32_t *seen, *token, *pos, *step;
  float* logprob;
};

// y = e^x for x <= 0; 0 below -700. One lane of exp_lanes on the CPU.
__device__ __forceinline__ double sampleExp(double x) {
  constexpr double magic = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to an integer, kept in the low bits
  constexpr double c[] = {1.0 / 479001600.0, 1.0 / 39916800.0, 1.0 / 3628800.0, 1.0 / 362880.0, 1.0 / 40320.0, 1.0 / 5040.0,
                          1.0 / 720.0,       1.0 / 120.0,      1.0 / 24.0,      1.0 / 6.0,      0.5,           1.0,
                          1.0};
  const double t = x < -700.0 ? -700.0 : x;
  const double shifted = t * 1.4426950408889634 + magic, n = shifted - magic;
  const double r = (t - n * kLn2Hi) - n * kLn2Lo;
  double p = 1.0 / 6227020800.0;
#pragma unroll
  for (double ci : c) p = p * r + ci;
  const uint64_t exponent = (f64_bits(shifted) - 0x4338000000000000u + 1023u) << 52;
  return x < -700.0 ? 0.0 : p * bits_f64(exponent);
}

// A uniform double in (0, 1) with 52 random bits.
__device__ __forceinline__ double sampleUniform(const int32_t* seed, int32_t step) {
  const uint32_t counter[4] = {uint32_t(step), 0, 0, 0};
  uint32_t word[4];
  philox(counter, uint32_t(seed[0]), uint32_t(seed[1]), word);
  return (double(word[0] >> 6) * 67108864.0 + double(word[1] >> 6) + 0.5) * 0x1p-52;
}

// One row: its logits as the sampler goes by them.
struct SampleRow {
  const float *logits, *bias;
  const int32_t* seen;
  int64_t vocab;
  double temperature, topK, topP, minP, typicalP, repetition, presence, frequency;

  __device__ __forceinline__ SampleRow(const SampleRows& rows, int64_t t)
      : logits(rows.logits + t * rows.vocab), bias(rows.bias + t * rows.vocab), seen(rows.seen + t * rows.vocab), vocab(rows.vocab) {
    const float* p = rows.params + t * 8;
    temperature = p[0], topK = p[1], topP = p[2], minP = p[3], typicalP = p[4], repetition = p[5], presence = p[6], frequency = p[7];
  }
  __device__ __forceinline__ double adjusted(int64_t i) const {
    double z = double(logits[i]) + double(bias[i]);
    const int32_t mark = seen[i];
    if ((mark & 0x7fffffff) == 0) return z;
    const int32_t count = mark & 0x3fffffff;
    if (repetition != 1.0) z = z < 0.0 ? z * repetition : z / repetition;
    if (count > 0) z = z - presence - frequency * double(count);
    return z;
  }
  // Orders the tokens: larger first, then the lower id.
  __device__ __forceinline__ double key(int64_t i, double top) const { return (adjusted(i) - top) / temperature; }
  __device__ __forceinline__ bool sane(const SampleChunk& all) const {
    return !all.bad && all.best >= 0 && temperature >= 0.0 && temperature < HUGE_VAL;
  }
};

// What the first pass found in the whole row.
__device__ __forceinline__ SampleChunk foldTops(const SampleChunk* chunks, int64_t count) {
  SampleChunk row = {-HUGE_VAL, -HUGE_VAL, 0.0, 0.0, -1, 0};
  for (int64_t k = 0; k < count; ++k) {
    const SampleChunk& c = chunks[k];
    if (c.top > row.top) {
      row.top = c.top;
      row.best = c.best;
    }
    if (c.rawTop > row.rawTop) row.rawTop = c.rawTop;
    row.bad |= c.bad;
  }
  return row;
}

// Candidates in order of their ids, room for `capacity` of them a row.
struct Candidates {
  double *key, *weight;
  int32_t* id;
  int64_t capacity;
  __device__ Candidates of(int64_t t) const { return {key + t * capacity, weight + t * capacity, id + t * capacity, capacity}; }
};

// Orders as integers, the first one lowest. Keys are at most 0.
struct ByKey {
  const double* key;
  __device__ __forceinline__ uint64_t operator()(int64_t i) const { return f64_bits(0.0 - key[i]); }
};
// Information nearest to the entropy first (Meister et al. 2022).
struct ByInformation {
  const double* key;
  double logTotal, entropy;
  __device__ __forceinline__ uint64_t operator()(int64_t i) const { return f64_bits(::fabs((logTotal - key[i]) - entropy)); }
};

// The last candidate of a prefix: those of a lower order belong to it, and those of its order up to its place.
struct Edge {
  uint64_t order;
  int64_t place;
};

struct DrawMemory {
  uint64_t order[kDrawSorted];
  int32_t place[kDrawSorted];
  uint64_t fold[kWarp];
  double totals[kWarp];
  int counts[kWarp];
};
constexpr size_t kDrawShared = sizeof(DrawMemory);

// The draw of one row; every thread of the block calls the same functions.
struct Draw {
  const SampleRow& row;
  const SampleChunk& all;
  const SampleChunk* tops;
  Candidates c;
  DrawMemory& memory;
  int64_t n = 0;

  __device__ Draw(const SampleRow& r, const SampleChunk& a, const SampleChunk* t, const Candidates& list)
      : row(r), all(a), tops(t), c(list), memory(*shared<DrawMemory>()) {}

  template <class T, class F>
  __device__ T across(T v, F f) {
    return blockFold(v, f, reinterpret_cast<T*>(memory.fold));
  }

  // How many threads before this one keep something; `total`: how many in the block do.
  __device__ int placeOf(bool keep, int* total) {
    const unsigned mask = __ballot_sync(kAllLanes, keep);
    const int warp = int(threadIdx.x) / kWarp, lane = int(threadIdx.x) % kWarp;
    if (lane == 0) memory.counts[warp] = __popc(mask);
    __syncthreads();
    int before = 0, sum = 0;
    for (int w = 0; w < kDrawThreads / kWarp; ++w) {
      if (w < warp) before += memory.counts[w];
      sum += memory.counts[w];
    }
    __syncthreads();
    *total = sum;
    return before + __popc(mask & ((1u << lane) - 1u));
  }

  // The tokens with a key of at least `low` and a weight.
  __device__ void gather(double low) {
    n = 0;
    for (int64_t b = 0, k = 0; b < row.vocab; b += kSampleChunk, ++k) {
      if ((tops[k].top - all.top) / row.temperature < low) continue;
      const int64_t e = b + kSampleChunk < row.vocab ? b + kSampleChunk : row.vocab;
      for (int64_t start = b; start < e; start += kDrawThreads) {
        const int64_t i = start + threadIdx.x;
        const double key = i < e ? row.key(i, all.top) : -HUGE_VAL;
        const double weight = key >= low ? sampleExp(key) : 0.0;
        store(weight > 0.0, key, weight, int32_t(i));
      }
    }
    __syncthreads();
  }

  __device__ void store(bool keep, double key, double weight, int32_t id) {
    int total;
    const int64_t to = n + placeOf(keep, &total);
    if (keep) {
      c.key[to] = key;
      c.weight[to] = weight;
      c.id[to] = id;
    }
    n += total;
  }

  // Keeps the candidates of which f(place) is true.
  template <class F>
  __device__ void keepIf(F f) {
    const int64_t count = n;
    n = 0;
    for (int64_t start = 0; start < count; start += kDrawThreads) {
      const int64_t i = start + threadIdx.x;
      const bool there = i < count;
      const bool keep = there && f(i);
      const double key = there ? c.key[i] : 0.0, weight = there ? c.weight[i] : 0.0;
      store(keep, key, weight, there ? c.id[i] : 0);  // everybody has read before anybody writes
    }
    __syncthreads();
  }

  __device__ double totalWeight() {
    double sum = 0.0;
    for (int64_t i = threadIdx.x; i < n; i += kDrawThreads) sum += c.weight[i];
    return across(sum, Sum());
  }

  // The end of the shortest prefix whose weights (or number, if `counting`) add up to `need`, of at least one candidate; of all of
  // them when they do not add up.
  template <class Order>
  __device__ Edge prefix(Order order, double need, bool counting) {
    if (!(need > 1e-320)) need = 1e-320;
    uint64_t lo = ~uint64_t(0), hi = 0, tied = 0;
    for (int64_t i = threadIdx.x; i < n; i += kDrawThreads) {
      const uint64_t o = order(i);
      lo = o < lo ? o : lo;
      hi = o > hi ? o : hi;
    }
    lo = across(lo, Min());
    hi = across(hi, Max());
    bool byPlace = false;  // all that are left are tied: [lo, hi] are places
    int64_t left = n;
    double before = 0.0;  // of what comes before lo, below need
    while (left > kDrawSorted) {
      if (lo == hi) {
        byPlace = true;
        tied = lo;
        lo = ~uint64_t(0);
        hi = 0;
        for (int64_t i = threadIdx.x; i < n; i += kDrawThreads) {
          if (order(i) != tied) continue;
          lo = uint64_t(i) < lo ? uint64_t(i) : lo;
          hi = uint64_t(i);
        }
        lo = across(lo, Min());
        hi = across(hi, Max());
      }
      const uint64_t mid = lo + (hi - lo) / 2;
      uint64_t below = 0, above = ~uint64_t(0);
      double sum = 0.0;
      int count = 0;
      for (int64_t i = threadIdx.x; i < n; i += kDrawThreads) {
        uint64_t o = order(i);
        if (byPlace) {
          if (o != tied) continue;
          o = uint64_t(i);
        }
        if (o < lo || o > hi) continue;
        if (o > mid) {
          above = o < above ? o : above;
          continue;
        }
        below = o > below ? o : below;
        sum += counting ? 1.0 : c.weight[i];
        ++count;
      }
      sum = across(sum, Sum());
      count = across(count, Sum());
      below = across(below, Max());
      above = across(above, Min());
      if (before + sum >= need) {
        hi = below;
        left = count;
      } else {
        before = before + sum;
        lo = above;
        left -= count;
      }
    }
    // What is left, sorted.
    int m = 0;
    for (int64_t start = 0; start < n; start += kDrawThreads) {
      const int64_t i = start + threadIdx.x;
      const uint64_t o = i < n ? order(i) : 0;
      const uint64_t at = byPlace ? uint64_t(i) : o;
      const bool keep = i < n && (!byPlace || o == tied) && at >= lo && at <= hi;
      int total;
      const int to = m + placeOf(keep, &total);
      if (keep) {
        memory.order[to] = o;
        memory.place[to] = int32_t(i);
      }
      m += total;
    }
    sortLeft(m);
    // Each thread sums two of them.
    const int first = 2 * int(threadIdx.x), warp = int(threadIdx.x) / kWarp, lane = int(threadIdx.x) % kWarp;
    double measure[2];
    for (int j = 0; j < 2; ++j) measure[j] = first + j >= m ? 0.0 : counting ? 1.0 : c.weight[memory.place[first + j]];
    double upTo = measure[0] + measure[1];
#pragma unroll
    for (int step = 1; step < kWarp; step *= 2) {
      const double v = __shfl_up_sync(kAllLanes, upTo, step);
      if (lane >= step) upTo = v + upTo;
    }
    if (lane == kWarp - 1) memory.totals[warp] = upTo;
    const double sooner = __shfl_up_sync(kAllLanes, upTo, 1);
    __syncthreads();
    double sum = before;
    for (int w = 0; w < warp; ++w) sum += memory.totals[w];
    if (lane > 0) sum += sooner;
    int found = m - 1;
    for (int j = 1; j >= 0; --j)
      if (first + j < m && (j == 0 ? sum + measure[0] : sum + measure[0] + measure[1]) >= need) found = first + j;
    found = across(found, Min());
    const Edge edge = {memory.order[found], memory.place[found]};
    __syncthreads();  // the memory may be used again
    return edge;
  }

  // Sorts the first m of memory.order and memory.place by (order, place): a bitonic network.
  __device__ void sortLeft(int m) {
    int size = 2;
    while (size < m) size *= 2;
    for (int i = m + int(threadIdx.x); i < size; i += kDrawThreads) {
      memory.order[i] = ~uint64_t(0);
      memory.place[i] = INT32_MAX;
    }
    __syncthreads();
    const int i = int(threadIdx.x);
    for (int run = 2; run <= size; run *= 2) {
      for (int step = run / 2; step >= 1; step /= 2) {
        if (i < size / 2) {
          const int a = i / step * 2 * step + i % step, b = a + step;
          const uint64_t p = memory.order[a], q = memory.order[b];
          const int32_t s = memory.place[a], t = memory.place[b];
          const bool after = p > q || (p == q && s > t), up = (a & run) == 0;
          if (after == up) {
            memory.order[a] = q;
            memory.order[b] = p;
            memory.place[a] = t;
            memory.place[b] = s;
          }
        }
        __syncthreads();
      }
    }
  }

  template <class Order>
  struct Within {
    Order order;
    Edge edge;
    __device__ bool operator()(int64_t i) const {
      const uint64_t o = order(i);
      return o < edge.order || (o == edge.order && i <= edge.place);
    }
  };
  template <class Order>
  __device__ void keepPrefix(Order order, double need, bool counting) {
    const Edge edge = prefix(order, need, counting);
    keepIf(Within<Order>{order, edge});
  }

  __device__ void keepTypical(double mass) {
    const double total = totalWeight(), logTotal = f64_log(total);
    double mean = 0.0;
    for (int64_t i = threadIdx.x; i < n; i += kDrawThreads) mean += c.weight[i] * c.key[i];
    mean = across(mean, Sum());
    keepPrefix(ByInformation{c.key, logTotal, logTotal - mean / total}, mass * total, false);
  }

  struct Heavy {
    const double* weight;
    double least, top;
    __device__ bool operator()(int64_t i) const { return weight[i] >= least || weight[i] == top; }
  };
  __device__ void keepMinP(double minP) {
    double top = 0.0;
    for (int64_t i = threadIdx.x; i < n; i += kDrawThreads) top = c.weight[i] > top ? c.weight[i] : top;
    top = across(top, Max());
    keepIf(Heavy{c.weight, minP * top, top});
  }

  // Filters the tokens and draws one by the inverse of the cumulative distribution; u in (0, 1).
  __device__ int64_t token(double u) {
    const bool topK = row.topK >= 1.0 && row.topK < double(row.vocab), typical = row.typicalP < 1.0, topP = row.topP < 1.0, minP = row.minP > 0.0;
    // Widen the range of candidates until what the filters keep must be inside.
    for (double low = typical && !topK ? -1024.0 : -4.0;; low *= 2.0) {
      gather(low);
      if (low <= -1024.0) break;
      if (topK ? double(n) >= row.topK : topP ? totalWeight() >= row.topP * all.sum : minP ? f64_exp(low) < row.minP : totalWeight() >= u * all.sum) break;
    }
    const ByKey byKey{c.key};
    if (topK) keepPrefix(byKey, ::floor(row.topK), true);
    if (typical) keepTypical(row.typicalP);
    if (topP) keepPrefix(byKey, row.topP * (topK || typical ? totalWeight() : all.sum), false);
    if (minP) keepMinP(row.minP);
    const double total = topK || typical || topP || minP ? totalWeight() : all.sum;
    return c.id[prefix(byKey, u * total, false).place];
  }
};

}  // namespace cuda
}  // namespace rotor
