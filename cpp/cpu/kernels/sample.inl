// Drawing tokens from logits. A row's passes over the vocabulary are cut into chunks of fixed size, whose sums are added in order:
// the bits do not depend on the number of threads. Nothing is sorted: every filter keeps a prefix of the candidates in some order,
// and a prefix is found by weighted quickselect among the tokens near the top.
#include "../../math/philox.h"
#include "../../math/screen.h"

namespace rotor {
namespace ROTOR_TARGET {

constexpr int64_t kSampleChunk = 2048;

// What a row's first two passes find out about one chunk of tokens.
struct SampleChunk {
  double top, rawTop;  // largest logit after and before bias and penalties
  double sum, rawSum;  // of e^(logit - largest of the row)
  int64_t best;        // token of `top`, -1 if all are -inf
  int64_t bad;         // NaN or +inf seen
};
static_assert(sizeof(SampleChunk) == 48, "plan_sample_ counts on it");

struct Candidate {
  double key;     // orders the candidates: larger first, then the lower id
  double weight;  // unnormalised probability, above 0
  int32_t id, unused;
};
static_assert(sizeof(Candidate) == 24, "plan_sample_ counts on it");

struct SampleScratch {
  double *key, *weight;  // of every token: its logit, later (logit - largest) / temperature; e^key
  Candidate* candidates;
  SampleChunk* chunks;
};

// Doubles in vectors as wide as the target has: elementwise operations, so the bits are those of plain doubles.
#ifdef ROTOR_AVX2
constexpr int kDoubles = 4;
#else
constexpr int kDoubles = 2;
#endif
typedef double f64v __attribute__((vector_size(8 * kDoubles)));
typedef uint64_t u64v __attribute__((vector_size(8 * kDoubles)));

// y = e^x in sixteen lanes for x <= 0; 0 below -700. As f64_exp, with the Taylor series cut where it ends for |r| <= ln 2 / 2.
static inline void exp_lanes(const double* x, double* y) {
  constexpr double magic = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to an integer, kept in the low bits
  constexpr double c[] = {1.0 / 479001600.0, 1.0 / 39916800.0, 1.0 / 3628800.0, 1.0 / 362880.0, 1.0 / 40320.0, 1.0 / 5040.0,
                          1.0 / 720.0,       1.0 / 120.0,      1.0 / 24.0,      1.0 / 6.0,      0.5,           1.0,
                          1.0};
  const f64v low = f64v{} - 700.0;
  for (int g = 0; g < kLanes; g += kDoubles) {
    f64v v;
    memcpy(&v, x + g, sizeof v);
    const f64v t = v < low ? low : v;
    const f64v shifted = t * 1.4426950408889634 + magic, n = shifted - magic;
    const f64v r = (t - n * kLn2Hi) - n * kLn2Lo;
    f64v p = f64v{} + 1.0 / 6227020800.0;
    for (double ci : c) p = p * r + ci;
    const u64v exponent = ((u64v)shifted - 0x4338000000000000u + 1023u) << 52;
    p = v < low ? f64v{} : p * (f64v)exponent;
    memcpy(y + g, &p, sizeof p);
  }
}

static inline double fold_lanes(double* lane) {
  for (int w = 8; w >= 1; w /= 2)
    for (int l = 0; l < w; ++l) lane[l] += lane[l + w];
  return lane[0];
}

// First pass: biased, penalised logits of tokens [b, e) and their summary.
static void adjust_chunk(const float* logits, const float* bias, const int32_t* seen, const SampleParams& p, int64_t b, int64_t e, double* z, SampleChunk* chunk) {
  SampleChunk c = {-HUGE_VAL, -HUGE_VAL, 0.0, 0.0, -1, 0};
  for (int64_t i = b; i < e; ++i) {
    const double raw = logits[i];
    const double v = adjusted(raw, bias[i], seen[i], p);
    c.bad |= !(raw < HUGE_VAL) | !(v < HUGE_VAL);
    if (raw > c.rawTop) c.rawTop = raw;
    if (v > c.top) {
      c.top = v;
      c.best = i;
    }
    z[i] = v;
  }
  *chunk = c;
}

// Second pass over tokens [b, e): the sum of raw probabilities, and keys and weights unless the draw is greedy.
static void weigh_chunk(const float* logits, const SampleChunk& row, double temperature, int64_t b, int64_t e, const SampleScratch& s, SampleChunk* chunk) {
  double lane[kLanes] = {}, rawLane[kLanes] = {}, x[kLanes], y[kLanes];
  const auto block = [&](int64_t i, int n) {
    for (int l = 0; l < n; ++l) x[l] = double(logits[i + l]) - row.rawTop;
    for (int l = n; l < kLanes; ++l) x[l] = -HUGE_VAL;
    exp_lanes(x, y);
    for (int l = 0; l < kLanes; ++l) rawLane[l] += y[l];
    if (temperature == 0.0) return;
    for (int l = 0; l < n; ++l) x[l] = (s.key[i + l] - row.top) / temperature;
    exp_lanes(x, y);
    for (int l = 0; l < kLanes; ++l) lane[l] += y[l];
    memcpy(s.key + i, x, size_t(n) * sizeof(double));
    memcpy(s.weight + i, y, size_t(n) * sizeof(double));
  };
  int64_t i = b;
  for (; i + kLanes <= e; i += kLanes) block(i, kLanes);
  if (i < e) block(i, int(e - i));
  chunk->rawSum = fold_lanes(rawLane);
  chunk->sum = fold_lanes(lane);
}

static inline bool precedes(const Candidate& a, const Candidate& b) { return a.key > b.key || (a.key == b.key && a.id < b.id); }

static inline void swap_candidates(Candidate& a, Candidate& b) {
  const Candidate t = a;
  a = b;
  b = t;
}

// Moves the shortest prefix of the ordered candidates whose measures add up to `need` to the front and returns its length, at least
// 1; all of them when they do not add up. Its last candidate in order ends up at its end. Expected time O(n).
template <class Measure>
static int64_t take_prefix(Candidate* c, int64_t n, double need, Measure measure) {
  if (!(need > 1e-320)) need = 1e-320;
  int64_t lo = 0, hi = n;
  double before = 0.0;  // measure of [0, lo), below need
  uint32_t random = 1;
  while (hi - lo > 16) {
    random = random * 1664525u + 1013904223u;
    swap_candidates(c[lo + int64_t(random >> 8) % (hi - lo)], c[hi - 1]);
    const Candidate pivot = c[hi - 1];
    int64_t m = lo;
    double sum = 0.0;
    for (int64_t i = lo; i < hi - 1; ++i) {
      if (!precedes(c[i], pivot)) continue;
      swap_candidates(c[i], c[m]);
      sum += measure(c[m++]);
    }
    swap_candidates(c[m], c[hi - 1]);
    if (before + sum >= need) {
      hi = m;
    } else {
      before = before + sum + measure(pivot);
      lo = m + 1;
      if (before >= need) return lo;
    }
  }
  for (int64_t i = lo + 1; i < hi; ++i)
    for (int64_t j = i; j > lo && precedes(c[j], c[j - 1]); --j) swap_candidates(c[j], c[j - 1]);
  for (int64_t i = lo; i < hi; ++i) {
    before += measure(c[i]);
    if (before >= need) return i + 1;
  }
  return hi;
}

static inline double weight_of(const Candidate& c) { return c.weight; }

static double total_weight(const Candidate* c, int64_t n) {
  double sum = 0.0;
  for (int64_t i = 0; i < n; ++i) sum += c[i].weight;
  return sum;
}

// The tokens with a key of at least `low` and a weight, in order of their ids.
static int64_t gather_candidates(const SampleScratch& s, const SampleChunk& row, double temperature, int64_t vocab, double low) {
  int64_t n = 0;
  for (int64_t b = 0, k = 0; b < vocab; b += kSampleChunk, ++k) {
    if ((s.chunks[k].top - row.top) / temperature < low) continue;
    const int64_t e = b + kSampleChunk < vocab ? b + kSampleChunk : vocab;
    for (int64_t i = b; i < e; ++i)
      if (s.key[i] >= low && s.weight[i] > 0.0) s.candidates[n++] = {s.key[i], s.weight[i], int32_t(i), 0};
  }
  return n;
}

// Keeps the k candidates with the largest keys, back in order of their ids: what is computed from them must not depend on the rest.
static int64_t keep_top_k(const SampleScratch& s, const SampleChunk& row, const SampleParams& p, int64_t vocab, int64_t n) {
  Candidate* c = s.candidates;
  n = take_prefix(c, n, __builtin_floor(p.topK), [](const Candidate&) { return 1.0; });
  const Candidate last = c[n - 1];
  n = gather_candidates(s, row, p.temperature, vocab, last.key);
  int64_t kept = 0;
  for (int64_t i = 0; i < n; ++i)
    if (!precedes(last, c[i])) c[kept++] = c[i];
  return kept;
}

// Keeps the candidates whose information is nearest to the entropy, up to the probability `mass` (Meister et al. 2022).
static int64_t keep_typical(const SampleScratch& s, int64_t n, double mass) {
  Candidate* c = s.candidates;
  const double total = total_weight(c, n), logTotal = f64_log(total);
  double mean = 0.0;
  for (int64_t i = 0; i < n; ++i) mean += c[i].weight * c[i].key;
  const double entropy = logTotal - mean / total;
  for (int64_t i = 0; i < n; ++i) c[i].key = -__builtin_fabs((logTotal - c[i].key) - entropy);
  n = take_prefix(c, n, mass * total, weight_of);
  for (int64_t i = 0; i < n; ++i) c[i].key = s.key[c[i].id];
  return n;
}

static int64_t keep_min_p(Candidate* c, int64_t n, double minP) {
  double top = 0.0;
  for (int64_t i = 0; i < n; ++i) top = c[i].weight > top ? c[i].weight : top;
  int64_t kept = 0;
  for (int64_t i = 0; i < n; ++i)
    if (c[i].weight >= minP * top || c[i].weight == top) c[kept++] = c[i];
  return kept;
}

// Filters the tokens and draws one by the inverse of the cumulative distribution; u in (0, 1).
static int64_t draw(const SampleScratch& s, const SampleChunk& row, const SampleParams& p, int64_t vocab, double u) {
  const bool topK = p.topK >= 1.0 && p.topK < double(vocab), typical = p.typicalP < 1.0, topP = p.topP < 1.0, minP = p.minP > 0.0;
  Candidate* c = s.candidates;
  // Widen the range of candidates until what the filters keep must be inside.
  int64_t n = 0;
  for (double low = typical && !topK ? -1024.0 : -4.0;; low *= 2.0) {
    n = gather_candidates(s, row, p.temperature, vocab, low);
    if (low <= -1024.0) break;
    if (topK ? double(n) >= p.topK : topP ? total_weight(c, n) >= p.topP * row.sum : minP ? f64_exp(low) < p.minP : total_weight(c, n) >= u * row.sum) break;
  }
  if (topK) n = keep_top_k(s, row, p, vocab, n);
  if (typical) n = keep_typical(s, n, p.typicalP);
  if (topP) n = take_prefix(c, n, p.topP * (topK || typical ? total_weight(c, n) : row.sum), weight_of);
  if (minP) n = keep_min_p(c, n, p.minP);
  const double total = topK || typical || topP || minP ? total_weight(c, n) : row.sum;
  return c[take_prefix(c, n, u * total, weight_of) - 1].id;
}

// What the first pass found in the whole row; the sums stay 0.
static SampleChunk fold_tops(const SampleChunk* chunks, int64_t count) {
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

// A uniform double in (0, 1) with 52 random bits.
static double sample_uniform(const int32_t* seed, int32_t step) {
  const uint32_t counter[4] = {uint32_t(step), 0, 0, 0};
  uint32_t word[4];
  philox(counter, uint32_t(seed[0]), uint32_t(seed[1]), word);
  return (double(word[0] >> 6) * 67108864.0 + double(word[1] >> 6) + 0.5) * 0x1p-52;
}

static void sample_(const Args& a, const Worker& w) {
  const int64_t rows = a.in[0].dims[0], vocab = a.in[0].dims[1], chunks = (vocab + kSampleChunk - 1) / kSampleChunk;
  int32_t *token = a.in[1].as<int32_t>(), *pos = a.in[2].as<int32_t>(), *step = a.in[3].as<int32_t>();
  double* memory = reinterpret_cast<double*>(a.scratch);
  const SampleScratch s = {memory, memory + vocab, reinterpret_cast<Candidate*>(memory + 2 * vocab), reinterpret_cast<SampleChunk*>(memory + 5 * vocab)};
  int64_t first, last;
  w.range(chunks, 1, &first, &last);
  for (int64_t t = 0; t < rows; ++t) {
    if (pos[t] < 0) {
      if (w.index == 0) a.out[0].as<float>()[t] = 0.0f;
      continue;
    }
    const float *logits = a.in[0].as<float>() + t * vocab, *bias = a.in[7].as<float>() + t * vocab, *f = a.in[5].as<float>() + t * 8;
    int32_t* seen = a.in[6].as<int32_t>() + t * vocab;
    const SampleParams p = sampleParams(f);
    const auto end = [&](int64_t k) { return (k + 1) * kSampleChunk < vocab ? (k + 1) * kSampleChunk : vocab; };
    for (int64_t k = first; k < last; ++k) adjust_chunk(logits, bias, seen, p, k * kSampleChunk, end(k), s.key, &s.chunks[k]);
    w.sync();
    SampleChunk row = fold_tops(s.chunks, chunks);
    const bool sane = !row.bad && row.best >= 0 && p.temperature >= 0.0 && p.temperature < HUGE_VAL;
    if (sane)
      for (int64_t k = first; k < last; ++k) weigh_chunk(logits, row, p.temperature, k * kSampleChunk, end(k), s, &s.chunks[k]);
    w.sync();
    if (w.index == 0) {
      if (sane) {
        for (int64_t k = 0; k < chunks; ++k) {
          row.sum += s.chunks[k].sum;
          row.rawSum += s.chunks[k].rawSum;
        }
        const int64_t id = p.temperature == 0.0 ? row.best : draw(s, row, p, vocab, sample_uniform(a.in[4].as<int32_t>() + 2 * t, step[t]));
        a.out[0].as<float>()[t] = float((double(logits[id]) - row.rawTop) - f64_log(row.rawSum));
        token[t] = int32_t(id);
        step[t] = int32_t(uint32_t(step[t]) + 1u);
        pos[t] = int32_t(uint32_t(pos[t]) + 1u);
        if ((seen[id] & 0x3fffffff) != 0x3fffffff) ++seen[id];
      } else {
        token[t] = -1;
        a.out[0].as<float>()[t] = float(bits_f64(0x7ff8000000000000u));
      }
    }
    w.sync();  // the next row uses the same scratch
  }
}

}  // namespace ROTOR_TARGET
}  // namespace rotor
