// Causal attention over a cache of keys and values [slots, kv heads, positions, E]. Head h reads kv head h / (H / Hkv).
// Score and value loops are shared by the fused op and the stepwise ones, so that both give the same bits.

namespace rotor {
namespace ROTOR_TARGET {

constexpr int64_t kPositionBlock = 64;  // positions of a unit of work: its keys or values stay in the cache for all rows of a group
constexpr int64_t kElementBlock = 64;   // elements of a value that a unit of work adds up
constexpr int64_t kPrefetch = 16;       // positions ahead

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

// Adds pattern[h * stride + p] * v_p[i...] for positions [b, e), in order, to z[h * size + i...] for N heads and C blocks of sixteen
// elements, the last of `width`. Values of the next positions are fetched ahead.
template <int N, int C>
static void value_heads(const float* pattern, int64_t stride, const float* values, int64_t size, int64_t b, int64_t e, int64_t i, int64_t width, float* z) {
  const auto part = [&](const float* p, int c) { return width == kLanes ? f32x16::load(p + c * kLanes) : load_n(p + c * kLanes, width, 0.0f); };
  f32x16 acc[N][C];
  for (int h = 0; h < N; ++h)
    for (int c = 0; c < C; ++c) acc[h][c] = b == 0 ? f32x16::set1(0.0f) : part(z + h * size + i, c);
  for (int64_t p = b; p < e; ++p) {
    const float* v = values + p * size + i;
    for (int c = 0; c < C; ++c) __builtin_prefetch(v + kPrefetch * size + c * kLanes);
    f32x16 vi[C];
    for (int c = 0; c < C; ++c) vi[c] = part(v, c);
    for (int h = 0; h < N; ++h) {
      const f32x16 weight = f32x16::set1(pattern[h * stride + p]);
      for (int c = 0; c < C; ++c) acc[h][c] = fma(weight, vi[c], acc[h][c]);
    }
  }
  for (int h = 0; h < N; ++h)
    for (int c = 0; c < C; ++c) store_n(z + h * size + i + c * kLanes, width, acc[h][c]);
}

// Calls f(constant N, first head) for `group` heads, N at a time.
template <int N, class F>
static void in_head_blocks(int64_t group, F f) {
  int64_t h = 0;
  for (; h + N <= group; h += N) f(std::integral_constant<int, N>(), h);
  for (; h < group; ++h) f(std::integral_constant<int, 1>(), h);
}

// One row of a call as the loops below see it.
struct AttentionRow {
  int64_t n;        // positions [0, n) are seen
  int64_t slot;
  const float* q;   // [H, E]
  float* scores;    // head h at scores + h * stride
  float* z;         // [H, E]
};

// Scores of some rows over the positions they see. Work is cut by kv head and positions.
static void score_rows(const Worker& w, const AttentionRow* rows, int64_t count, const View& cache, int64_t heads, float scale, int64_t stride) {
  const int64_t kvHeads = cache.dims[1], positions = cache.dims[2], size = cache.dims[3], group = heads / kvHeads;
  int64_t n = 0, u, end;
  for (int64_t r = 0; r < count; ++r) n = rows[r].n > n ? rows[r].n : n;
  const int64_t blocks = (n + kPositionBlock - 1) / kPositionBlock;
  for (w.range(kvHeads * blocks, 1, &u, &end); u < end; ++u) {
    const int64_t g = u / blocks, b = u % blocks * kPositionBlock;
    for (int64_t r = 0; r < count; ++r) {
      const AttentionRow& row = rows[r];
      const int64_t e = b + kPositionBlock < row.n ? b + kPositionBlock : row.n;
      const float* keys = cache.as<float>() + (row.slot * kvHeads + g) * positions * size;
      in_head_blocks<4>(group, [&](auto width, int64_t h) {
        score_heads<decltype(width)::value>(row.q + (g * group + h) * size, keys, size, b, e, scale, row.scores + (g * group + h) * stride, stride);
      });
    }
  }
}

// z of some rows from their patterns. Work is cut by kv head and elements.
static void value_rows(const Worker& w, const AttentionRow* rows, int64_t count, const View& cache, int64_t heads, int64_t stride) {
  const int64_t kvHeads = cache.dims[1], positions = cache.dims[2], size = cache.dims[3], group = heads / kvHeads;
  const int64_t blocks = (size + kElementBlock - 1) / kElementBlock;
  int64_t n = 0, u, end;
  for (int64_t r = 0; r < count; ++r) n = rows[r].n > n ? rows[r].n : n;
  for (w.range(kvHeads * blocks, 1, &u, &end); u < end; ++u) {
    const int64_t g = u / blocks, i = u % blocks * kElementBlock, last = i + kElementBlock < size ? i + kElementBlock : size;
    for (int64_t b = 0; b < n; b += kPositionBlock) {
      for (int64_t r = 0; r < count; ++r) {
        const AttentionRow& row = rows[r];
        const int64_t e = b + kPositionBlock < row.n ? b + kPositionBlock : row.n;
        if (b >= e) continue;
        const float* values = cache.as<float>() + (row.slot * kvHeads + g) * positions * size;
        in_head_blocks<2>(group, [&](auto width, int64_t h) {
          constexpr int N = decltype(width)::value;
          const float* pattern = row.scores + (g * group + h) * stride;
          float* z = row.z + (g * group + h) * size;
          int64_t j = i;
          for (; j + 2 * kLanes <= last; j += 2 * kLanes) value_heads<N, 2>(pattern, stride, values, size, b, e, j, kLanes, z);
          for (; j < last; j += kLanes) value_heads<N, 1>(pattern, stride, values, size, b, e, j, last - j < kLanes ? last - j : kLanes, z);
        });
      }
    }
  }
}

static void attention(const Args& a, const Worker& w) {
  const View &q = a.in[0], &keys = a.in[1], &values = a.in[2];
  const int32_t *slots = a.in[3].as<int32_t>(), *pos = a.in[4].as<int32_t>();
  const int64_t heads = q.dims[1], size = heads * q.dims[2], stride = keys.dims[2], group = attentionGroup(q.dims[0], heads, stride);
  float* buffer = reinterpret_cast<float*>(a.scratch);
  AttentionRow rows[8];
  // Groups take the two halves of the scratch in turn: while one worker still reads the patterns of a group, another may score the next.
  for (int64_t first = 0, turn = 0; first < q.dims[0]; first += group, turn ^= 1) {
    int64_t count = 0;
    for (int64_t t = first; t < first + group && t < q.dims[0]; ++t) {
      float* z = a.out[0].as<float>() + t * size;
      if (attends(a, keys, slots[t], pos[t])) {
        rows[count] = {int64_t(pos[t]) + 1, slots[t], q.as<float>() + t * size, buffer + (turn * group + count) * heads * stride, z};
        ++count;
      } else if (w.index == 0) {
        memset(z, 0, size_t(size) * sizeof(float));
      }
    }
    if (count == 0) continue;
    score_rows(w, rows, count, keys, heads, float(a.attrs[0]), stride);
    w.sync();
    int64_t u, end;
    for (w.range(count * heads, 1, &u, &end); u < end; ++u) {
      float* row = rows[u / heads].scores + u % heads * stride;
      softmax_row(row, row, rows[u / heads].n);
    }
    w.sync();
    value_rows(w, rows, count, values, heads, stride);
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
      const AttentionRow one = {n, slots[t], q.as<float>() + t * row, scores, nullptr};
      score_rows(self, &one, 1, keys, heads, float(a.attrs[0]), rows * length);
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
    const AttentionRow one = {n, slots[t], nullptr, pattern.as<float>() + t * length, z};
    if (n == 0) memset(z, 0, size_t(row) * sizeof(float));
    value_rows(self, &one, 1, values, heads, rows * length);
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
