// Causal attention over a cache of keys and values [slots, kv heads, positions, E]. Head h reads kv head h / (H / Hkv).
// Score and value loops are shared by the fused op and the stepwise ones, so that both give the same bits.

namespace rotor {
namespace ROTOR_TARGET {

constexpr int kHeadBlock = 4;       // heads that share one pass over keys or values
constexpr int64_t kScoreBlock = 64;  // positions of a unit of work
constexpr int64_t kPrefetch = 16;   // positions ahead

// Whether row t is active: position and slot inside the cache. An idle row (position -1) is no fault.
static bool attends(const Args& a, const View& cache, int32_t slot, int32_t pos) {
  if (pos == -1) return false;
  if (pos < 0 || pos >= cache.dims[2]) {
    a.fault->raise(pos, cache.dims[2]);
    return false;
  }
  if (slot < 0 || slot >= cache.dims[0]) {
    a.fault->raise(slot, cache.dims[0]);
    return false;
  }
  return true;
}

// scores[h * stride + p] = (q_h . k_p) * scale for N heads and positions [b, e); each dot is that of simd.h.
template <int N>
static void score_heads(const float* q, const float* keys, int64_t size, int64_t b, int64_t e, float scale, float* scores, int64_t stride) {
  for (int64_t p = b; p < e; ++p) {
    const float* k = keys + p * size;
    f32x16 acc[N];
    for (int h = 0; h < N; ++h) acc[h] = f32x16::set1(0.0f);
    int64_t i = 0;
    for (; i + kLanes <= size; i += kLanes) {
      const f32x16 ki = f32x16::load(k + i);
      for (int h = 0; h < N; ++h) acc[h] = fma(f32x16::load(q + h * size + i), ki, acc[h]);
    }
    if (i < size) {
      const f32x16 ki = load_n(k + i, size - i, 0.0f);
      for (int h = 0; h < N; ++h) acc[h] = fma(load_n(q + h * size + i, size - i, 0.0f), ki, acc[h]);
    }
    for (int h = 0; h < N; ++h) scores[h * stride + p] = reduce_add(acc[h]) * scale;
  }
}

// z[h * size + i] = sum over positions [0, n) of pattern[h * stride + p] * v_p[i], in order, for N heads and elements [i, i + 16).
template <int N>
static void value_heads(const float* pattern, int64_t stride, const float* values, int64_t size, int64_t n, int64_t i, float* z) {
  f32x16 acc[N];
  for (int h = 0; h < N; ++h) acc[h] = f32x16::set1(0.0f);
  const int64_t width = size - i < kLanes ? size - i : kLanes;
  for (int64_t p = 0; p < n; ++p) {
    const float* v = values + p * size + i;
    __builtin_prefetch(v + kPrefetch * size);
    const f32x16 vi = width == kLanes ? f32x16::load(v) : load_n(v, width, 0.0f);
    for (int h = 0; h < N; ++h) acc[h] = fma(f32x16::set1(pattern[h * stride + p]), vi, acc[h]);
  }
  for (int h = 0; h < N; ++h) store_n(z + h * size + i, width, acc[h]);
}

// Calls f<N>(first head) for `group` heads, N at a time.
template <class F>
static void in_head_blocks(int64_t group, F f) {
  int64_t h = 0;
  for (; h + kHeadBlock <= group; h += kHeadBlock) f(std::integral_constant<int, kHeadBlock>(), h);
  for (; h < group; ++h) f(std::integral_constant<int, 1>(), h);
}

// One row: scores of all heads over positions [0, n), head h at scores + h * stride. Work is cut by kv head and positions.
static void row_scores(const Worker& w, const float* q, const View& cache, int64_t slot, int64_t heads, int64_t n, float scale, float* scores, int64_t stride) {
  const int64_t kvHeads = cache.dims[1], positions = cache.dims[2], size = cache.dims[3], group = heads / kvHeads;
  const int64_t blocks = (n + kScoreBlock - 1) / kScoreBlock;
  int64_t b, e;
  w.range(kvHeads * blocks, 1, &b, &e);
  for (int64_t u = b; u < e; ++u) {
    const int64_t g = u / blocks, first = u % blocks * kScoreBlock, last = first + kScoreBlock < n ? first + kScoreBlock : n;
    const float* keys = cache.as<float>() + (slot * kvHeads + g) * positions * size;
    in_head_blocks(group, [&](auto width, int64_t h) {
      score_heads<decltype(width)::value>(q + (g * group + h) * size, keys, size, first, last, scale, scores + (g * group + h) * stride, stride);
    });
  }
}

// One row: z [heads, E] from patterns over positions [0, n). Work is cut by kv head and elements.
static void row_values(const Worker& w, const float* pattern, int64_t stride, const View& cache, int64_t slot, int64_t heads, int64_t n, float* z) {
  const int64_t kvHeads = cache.dims[1], positions = cache.dims[2], size = cache.dims[3], group = heads / kvHeads;
  const int64_t blocks = (size + kLanes - 1) / kLanes;
  int64_t b, e;
  w.range(kvHeads * blocks, 1, &b, &e);
  for (int64_t u = b; u < e; ++u) {
    const int64_t g = u / blocks, i = u % blocks * kLanes;
    const float* values = cache.as<float>() + (slot * kvHeads + g) * positions * size;
    in_head_blocks(group, [&](auto width, int64_t h) {
      value_heads<decltype(width)::value>(pattern + (g * group + h) * stride, stride, values, size, n, i, z + (g * group + h) * size);
    });
  }
}

static void attention(const Args& a, const Worker& w) {
  const View &q = a.in[0], &keys = a.in[1], &values = a.in[2];
  const int32_t *slots = a.in[3].as<int32_t>(), *pos = a.in[4].as<int32_t>();
  const int64_t rows = q.dims[0], heads = q.dims[1], row = heads * q.dims[2], stride = keys.dims[2];
  int64_t b, e;
  w.range(heads, 1, &b, &e);
  int active = 0;
  for (int64_t t = 0; t < rows; ++t) {
    float* z = a.out[0].as<float>() + t * row;
    if (!attends(a, keys, slots[t], pos[t])) {
      if (w.index == 0) memset(z, 0, size_t(row) * sizeof(float));
      continue;
    }
    // Rows take the two score buffers in turn: while one worker still reads a row's pattern, another may score the next row.
    float* scores = reinterpret_cast<float*>(a.scratch) + (active++ % 2) * heads * stride;
    const int64_t n = int64_t(pos[t]) + 1;
    row_scores(w, q.as<float>() + t * row, keys, slots[t], heads, n, float(a.attrs[0]), scores, stride);
    w.sync();
    for (int64_t h = b; h < e; ++h) softmax_row(scores + h * stride, scores + h * stride, n);
    w.sync();
    row_values(w, scores, stride, values, slots[t], heads, n, z);
  }
}

static void attn_scores(const Args& a, const Worker& w) {
  const View &q = a.in[0], &keys = a.in[1];
  const int32_t *slots = a.in[2].as<int32_t>(), *pos = a.in[3].as<int32_t>();
  const int64_t rows = q.dims[0], heads = q.dims[1], row = heads * q.dims[2], length = a.out[0].dims[2];
  const Worker self;
  int64_t b, e;
  w.range(rows, 1, &b, &e);
  for (int64_t t = b; t < e; ++t) {
    float* scores = a.out[0].as<float>() + t * length;  // [H, T, S]: heads are rows * length apart
    int64_t n = 0;
    if (attends(a, keys, slots[t], pos[t])) {
      n = pos[t] < length ? int64_t(pos[t]) + 1 : length;
      row_scores(self, q.as<float>() + t * row, keys, slots[t], heads, n, float(a.attrs[0]), scores, rows * length);
    }
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t p = n; p < length; ++p) scores[h * rows * length + p] = -HUGE_VALF;
  }
}

static void attn_values(const Args& a, const Worker& w) {
  const View &pattern = a.in[0], &values = a.in[1];
  const int32_t *slots = a.in[2].as<int32_t>(), *pos = a.in[3].as<int32_t>();
  const int64_t heads = pattern.dims[0], rows = pattern.dims[1], length = pattern.dims[2], row = heads * values.dims[3];
  const Worker self;
  int64_t b, e;
  w.range(rows, 1, &b, &e);
  for (int64_t t = b; t < e; ++t) {
    float* z = a.out[0].as<float>() + t * row;
    if (!attends(a, values, slots[t], pos[t])) {
      memset(z, 0, size_t(row) * sizeof(float));
      continue;
    }
    const int64_t n = pos[t] < length ? int64_t(pos[t]) + 1 : length;
    row_values(self, pattern.as<float>() + t * length, rows * length, values, slots[t], heads, n, z);
  }
}

// Rows in order, each worker its heads: of two rows at one position the later wins.
static void kv_append_(const Args& a, const Worker& w) {
  const View &cache = a.in[0], &x = a.in[1];
  const int32_t *slots = a.in[2].as<int32_t>(), *pos = a.in[3].as<int32_t>();
  const int64_t heads = cache.dims[1], positions = cache.dims[2], size = cache.dims[3];
  int64_t b, e;
  w.range(heads, 1, &b, &e);
  for (int64_t t = 0; t < x.dims[0]; ++t) {
    if (!attends(a, cache, slots[t], pos[t])) continue;
    for (int64_t h = b; h < e; ++h)
      memmove(cache.as<float>() + ((slots[t] * heads + h) * positions + pos[t]) * size, x.as<float>() + (t * heads + h) * size, size_t(size) * sizeof(float));
  }
}

}  // namespace ROTOR_TARGET
}  // namespace rotor
