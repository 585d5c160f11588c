// The output head for a sampler that looks at the best logits only: an int8 copy of the weight bounds every logit, and the rows
// that could still be among the best are computed from the weight itself, as `linear` does. See src/ops/screened-linear.ts.

namespace rotor {
namespace ROTOR_TARGET {

// One group of rows, with its part of every operand.
struct ScreenGroup {
  int64_t count, vocab, d;
  const float* x;
  const void* weight;
  bool bf16;
  const int8_t* codes;
  const float* bounds;
  const int32_t *pos, *seen;
  const float *params, *bias;
  float* y;
  int32_t* rescored;
  // Scratch, per row of the group.
  ScreenToken* token;
  uint8_t* digits;
  double *high, *low;  // [vocab]: upper bounds; lower bounds, later adjusted logits
  int32_t *candidates, *found;  // [vocab]: candidates of each worker from its first row on; [kScreenWorkers]: how many, before that of lower bounds
};

static void screenPrepare(const ScreenGroup& g, int64_t t) {
  ScreenToken& k = g.token[t];
  k.keep = wantedLogits(sampleParams(g.params + 8 * t), g.vocab);
  k.mode = g.pos[t] < 0 ? kIdle : k.keep > g.vocab / 8 ? kWhole : kScreen;
  k.bad = 0;
  if (k.mode != kScreen) return;
  screenDigits(g.x + t * g.d, g.d, g.digits + t * 2 * screenPadded(g.d), &k);
  if (k.bad) k.mode = kWhole;
}

// Bounds one logit. A rough bound is enough where it is below `keep` lower bounds already.
static inline void screenLogit(const ScreenGroup& g, const SampleParams& p, int64_t t, int64_t r, int32_t rough, double* heap, int64_t* held) {
  ScreenToken& k = g.token[t];
  const int64_t at = t * g.vocab + r;
  const float *bounds = g.bounds + 4 * r, bias = g.bias[at];
  const int32_t seen = g.seen[at];
  const LogitBound wide = boundRoughly(k, bounds, rough);
  double high = adjusted(wide.value + wide.spread, bias, seen, p);
  if (!(high < HUGE_VAL) || !(k.norm * double(bounds[2]) < 1e38)) {  // not a number, or a partial sum could overflow
    __atomic_store_n(&k.bad, int64_t(1), __ATOMIC_RELAXED);
    return;
  }
  if (*held < k.keep || !(high < heap[0])) {
    int32_t fine;
    screenRow<1>(g.codes + r * g.d, g.digits + (2 * t + 1) * screenPadded(g.d), 0, g.d, &fine);
    const LogitBound bound = boundLogit(k, bounds, int64_t(rough) * 128 + fine);
    high = adjusted(bound.value + bound.spread, bias, seen, p);
    offerLargest(heap, held, k.keep, adjusted(bound.value - bound.spread, bias, seen, p));
  }
  g.high[at] = high;
}

// What one worker has of the lower bounds: for each row of the group a heap of the largest, at the place of the worker's range.
struct ScreenHeaps {
  SampleParams params[kScreenTokens];
  int64_t begin, held[kScreenTokens];
};

// Bounds of the adjusted logits of rows [b, e) of the weight: the upper ones are kept, of the lower ones the `keep` largest.
static void screenBounds(const ScreenGroup& g, ScreenHeaps* heaps, int64_t b, int64_t e) {
  const int64_t stride = 2 * screenPadded(g.d);
  int32_t rough[kScreenTokens];
  int64_t screens = 0;
  for (int64_t t = 0; t < g.count; ++t) {
    if (g.token[t].mode != kWhole)
      for (int64_t r = b; r < e; ++r) g.y[t * g.vocab + r] = -HUGE_VALF;
    screens += g.token[t].mode == kScreen;
  }
  // All rows of digits, side by side, unless only few of them count.
  const bool together = 2 * screens > g.count;
  for (int64_t r = b; screens > 0 && r < e; ++r) {
    const int8_t* q = g.codes + r * g.d;
    int64_t t = 0;
    if (together) {
      for (; t + 8 <= g.count; t += 8) screenRow<8>(q, g.digits + t * stride, stride, g.d, rough + t);
      for (; t + 2 <= g.count; t += 2) screenRow<2>(q, g.digits + t * stride, stride, g.d, rough + t);
    }
    for (; t < g.count; ++t)
      if (g.token[t].mode == kScreen) screenRow<1>(q, g.digits + t * stride, stride, g.d, rough + t);
    for (t = 0; t < g.count; ++t)
      if (g.token[t].mode == kScreen)
        screenLogit(g, heaps->params[t], t, r, rough[t], g.low + t * g.vocab + heaps->begin, &heaps->held[t]);
  }
}

// The bounds of all rows. Workers help each other unless a heap could outgrow the place of its worker.
static void screenAll(const ScreenGroup& g, const Worker& w) {
  ScreenHeaps heaps = {};
  int64_t e, most = 0;
  w.range(g.vocab, 4, &heaps.begin, &e);
  for (int64_t t = 0; t < g.count; ++t) {
    heaps.params[t] = sampleParams(g.params + 8 * t);
    if (g.token[t].mode == kScreen && g.token[t].keep > most) most = g.token[t].keep;
  }
  if (most <= g.vocab / w.count - 8) w.share(g.vocab, 4, [&](int64_t b, int64_t to) { screenBounds(g, &heaps, b, to); });
  else screenBounds(g, &heaps, heaps.begin, e);
  for (int64_t t = 0; t < g.count; ++t) g.found[t * kScreenWorkers + w.index] = int32_t(heaps.held[t]);
}

// The keep-th largest lower bound, from the heaps of all workers.
static void screenCut(const ScreenGroup& g, const Worker& w, int64_t t) {
  ScreenToken& k = g.token[t];
  if (k.mode != kScreen) return;
  if (k.bad) {
    k.mode = kWhole;
    return;
  }
  double* v = g.low + t * g.vocab;
  int64_t n = 0;
  Worker other = w;
  for (other.index = 0; other.index < w.count; ++other.index) {
    int64_t b, e;
    other.range(g.vocab, 4, &b, &e);
    const int64_t held = g.found[t * kScreenWorkers + other.index];
    memmove(v + n, v + b, size_t(held) * sizeof(double));
    n += held;
  }
  k.cut = kthLargest(v, n, k.keep);
}

// Rows of this worker whose upper bound reaches the cut. A forbidden token is never one.
static void screenFind(const ScreenGroup& g, const Worker& w) {
  int64_t b, e;
  w.range(g.vocab, 4, &b, &e);
  for (int64_t t = 0; t < g.count; ++t) {
    if (g.token[t].mode != kScreen) continue;
    const double* high = g.high + t * g.vocab;
    const double cut = g.token[t].cut;
    int32_t* list = g.candidates + t * g.vocab + b;
    int64_t n = 0;
    for (int64_t r = b; r < e; ++r)
      if (high[r] >= cut && high[r] > -HUGE_VAL) list[n++] = int32_t(r);
    g.found[t * kScreenWorkers + w.index] = int32_t(n);
  }
}

// Calls each(ordinal, row) for the candidates of row t with ordinals [begin, end), in order.
template <class Each>
static void eachCandidate(const ScreenGroup& g, const Worker& w, int64_t t, int64_t begin, int64_t end, Each each) {
  Worker other = w;
  int64_t first = 0;
  for (other.index = 0; other.index < w.count; ++other.index) {
    int64_t b, e;
    other.range(g.vocab, 4, &b, &e);
    const int64_t n = g.found[t * kScreenWorkers + other.index];
    for (int64_t i = begin > first ? begin - first : 0; i < n && first + i < end; ++i) each(first + i, int64_t(g.candidates[t * g.vocab + b + i]));
    first += n;
  }
}

static int64_t candidateCount(const ScreenGroup& g, int workers, int64_t t) {
  int64_t n = 0;
  for (int i = 0; i < workers; ++i) n += g.found[t * kScreenWorkers + i];
  return n;
}

static inline bool screened(const ScreenGroup& g, const Worker& w, int64_t t) {
  return g.token[t].mode == kScreen && candidateCount(g, w.count, t) <= g.vocab / 8;
}

template <class W>
static void exactLogits(const ScreenGroup& g, const Worker& w) {
  const W* weight = static_cast<const W*>(g.weight);
  int64_t whole[kScreenTokens], n = 0;
  for (int64_t t = 0; t < g.count; ++t) {
    if (g.token[t].mode == kIdle) continue;
    if (!screened(g, w, t)) {
      whole[n++] = t;
      continue;
    }
    int64_t first, last;
    w.range(candidateCount(g, w.count, t), 1, &first, &last);
    const SampleParams p = sampleParams(g.params + 8 * t);
    eachCandidate(g, w, t, first, last, [&](int64_t i, int64_t r) {
      const int64_t at = t * g.vocab + r;
      linearBlock<1, 1>(g.x + t * g.d, weight + r * g.d, g.d, g.y + at, g.vocab);
      g.low[t * g.vocab + i] = adjusted(double(g.y[at]), g.bias[at], g.seen[at], p);
    });
  }
  w.share(n > 0 ? g.vocab : 0, 4, [&](int64_t b, int64_t e) {
    for (; b < e; b += 4)
      for (int64_t i = 0; i < n; ++i) {
        const float* x = g.x + whole[i] * g.d;
        float* y = g.y + whole[i] * g.vocab + b;
        if (b + 4 <= e) linearBlock<4, 1>(x, weight + b * g.d, g.d, y, g.vocab);
        else
          for (int64_t r = b; r < e; ++r) linearBlock<1, 1>(x, weight + r * g.d, g.d, y + r - b, g.vocab);
      }
  });
}

// Leaves the best logits of a row, and those that equal the last of them.
static void keepBest(const ScreenGroup& g, const Worker& w, int64_t t) {
  const ScreenToken& k = g.token[t];
  float* y = g.y + t * g.vocab;
  double *values = g.low + t * g.vocab, *adjustedLogits = g.high + t * g.vocab;
  if (k.mode == kIdle) {
    g.rescored[t] = 0;
    return;
  }
  if (screened(g, w, t)) {
    const int64_t n = candidateCount(g, w.count, t);
    g.rescored[t] = int32_t(n);
    memcpy(adjustedLogits, values, size_t(n) * sizeof(double));
    const double cut = kthLargest(values, n, k.keep);
    eachCandidate(g, w, t, 0, n, [&](int64_t i, int64_t r) {
      if (adjustedLogits[i] < cut) y[r] = -HUGE_VALF;
    });
    return;
  }
  g.rescored[t] = int32_t(g.vocab);
  if (k.keep >= g.vocab) return;
  const SampleParams p = sampleParams(g.params + 8 * t);
  bool sane = true;
  for (int64_t r = 0; r < g.vocab; ++r) {
    const int64_t at = t * g.vocab + r;
    values[r] = adjustedLogits[r] = adjusted(double(y[r]), g.bias[at], g.seen[at], p);
    sane &= y[r] < HUGE_VALF && values[r] < HUGE_VAL;
  }
  if (!sane) return;
  const double cut = kthLargest(values, g.vocab, k.keep);
  for (int64_t r = 0; r < g.vocab; ++r)
    if (adjustedLogits[r] < cut || !(adjustedLogits[r] > -HUGE_VAL)) y[r] = -HUGE_VALF;
}

static void screenRun(const ScreenGroup& g, const Worker& w) {
  for (int64_t t = w.index; t < g.count; t += w.count) screenPrepare(g, t);
  w.sync();
  screenAll(g, w);
  w.sync();
  for (int64_t t = w.index; t < g.count; t += w.count) screenCut(g, w, t);
  w.sync();
  screenFind(g, w);
  w.sync();
  if (g.bf16) exactLogits<uint16_t>(g, w);
  else exactLogits<float>(g, w);
  w.sync();
  for (int64_t t = w.index; t < g.count; t += w.count) keepBest(g, w, t);
  w.sync();  // the next group uses the same scratch
}

static void screened_linear(const Args& a, const Worker& w) {
  const int64_t tokens = a.in[0].dims[0], d = a.in[0].dims[1], vocab = a.in[1].dims[0];
  const int64_t most = tokens < kScreenTokens ? tokens : kScreenTokens;
  ScreenToken* token = reinterpret_cast<ScreenToken*>(a.scratch);
  double* high = reinterpret_cast<double*>(token + most);
  double* low = high + most * vocab;
  int32_t* candidates = reinterpret_cast<int32_t*>(low + most * vocab);
  int32_t* found = candidates + most * vocab;
  uint8_t* digits = reinterpret_cast<uint8_t*>(found + most * kScreenWorkers);
  for (int64_t t = 0; t < tokens; t += kScreenTokens)
    screenRun({tokens - t < kScreenTokens ? tokens - t : kScreenTokens, vocab, d, a.in[0].as<float>() + t * d, a.in[1].data,
               a.in[1].dtype == DType::bf16, a.in[2].as<int8_t>(), a.in[3].as<float>(), a.in[4].as<int32_t>() + t,
               a.in[6].as<int32_t>() + t * vocab, a.in[5].as<float>() + t * 8, a.in[7].as<float>() + t * vocab,
               a.out[0].as<float>() + t * vocab, a.out[1].as<int32_t>() + t, token, digits, high, low, candidates, found},
              w);
}

}  // namespace ROTOR_TARGET
}  // namespace rotor
