// Causal attention over a cache of keys and values. Head h reads kv head h / (H / Hkv), and the heads of a group share each read.
// Score and value loops are shared by the fused op and the stepwise ones, so that both give the same bits.

namespace rotor {
namespace ROTOR_TARGET {

constexpr int64_t kScoreBlock = 64;  // positions of a unit of work: their keys stay in the cache for all rows of a group
constexpr int64_t kPrefetch = 16;    // positions ahead

// scores[h * stride + p] = (q_h . k_p) * scale for N heads and positions [b, e); each dot is that of simd.h.
template <class C, int N>
static void score_heads(const float* q, const CacheHead<C>& keys, int64_t size, int64_t b, int64_t e, float scale, float* scores, int64_t stride) {
  for (int64_t p = b; p < e; ++p) {
    const typename C::Raw* k = keys.data + p * size;
    for (int64_t i = 0; i < size; i += 64 / int64_t(sizeof *k)) __builtin_prefetch(k + kPrefetch * size + i);
    f32x16 acc[N];
    for (int h = 0; h < N; ++h) acc[h] = f32x16::set1(0.0f);
    int64_t i = 0;
    for (; i + kLanes <= size; i += kLanes) {
      const f32x16 ki = C::load(k + i);
      for (int h = 0; h < N; ++h) acc[h] = fma(f32x16::load(q + h * size + i), ki, acc[h]);
    }
    if (i < size) {
      const f32x16 ki = C::load(k + i, size - i);
      for (int h = 0; h < N; ++h) acc[h] = fma(load_n(q + h * size + i, size - i, 0.0f), ki, acc[h]);
    }
    const float factor = keys.scales ? keys.scales[p] * scale : scale;
    float sums[N];
    if constexpr (N == 4) reduce_add4(acc[0], acc[1], acc[2], acc[3], sums);
    else for (int h = 0; h < N; ++h) sums[h] = reduce_add(acc[h]);
    for (int h = 0; h < N; ++h) scores[h * stride + p] = sums[h] * factor;
  }
}

// A weighted sum of `count` values, in order, for N heads and sixteen elements from v, or the first `width` of them: into z, or added
// to it. `weights` has those of head h from h * kValueBlock. `ahead` is read next: it is fetched, sixteen elements a position.
template <class C, int N, bool Whole>
static void value_heads(const float* weights, const typename C::Raw* v, int64_t size, int64_t count, int64_t width, const typename C::Raw* ahead, float* z, bool add) {
  f32x16 acc[N];
  for (int h = 0; h < N; ++h) acc[h] = f32x16::set1(0.0f);
  for (int64_t p = 0; p < count; ++p) {
    __builtin_prefetch(ahead + p * kLanes);
    const f32x16 vi = Whole ? C::load(v + p * size) : C::load(v + p * size, width);
    for (int h = 0; h < N; ++h) acc[h] = fma(f32x16::set1(weights[h * kValueBlock + p]), vi, acc[h]);
  }
  for (int h = 0; h < N; ++h) {
    float* to = z + h * size;
    if (Whole) (add ? f32x16::load(to) + acc[h] : acc[h]).store(to);
    else store_n(to, width, add ? load_n(to, width, 0.0f) + acc[h] : acc[h]);
  }
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
  int64_t n;       // positions [0, n) are seen
  int64_t slot;
  const float* q;  // [H, E]
  float* scores;   // head h at scores + h * stride
  float* z;        // [H, E]
};

static int64_t longest(const AttentionRow* rows, int64_t count) {
  int64_t n = 0;
  for (int64_t r = 0; r < count; ++r) n = rows[r].n > n ? rows[r].n : n;
  return n;
}

// Scores of some rows over the positions they see. Work is cut by kv head and positions.
template <class C>
static void score_rows(const Worker& w, const AttentionRow* rows, int64_t count, const View& cache, const View& scales, int64_t heads, float scale, int64_t stride) {
  const int64_t kvHeads = cache.dims[1], size = cache.dims[3], group = heads / kvHeads;
  const int64_t blocks = (longest(rows, count) + kScoreBlock - 1) / kScoreBlock;
  int64_t u, end;
  for (w.range(kvHeads * blocks, 1, &u, &end); u < end; ++u) {
    const int64_t g = u / blocks, b = u % blocks * kScoreBlock;
    for (int64_t r = 0; r < count; ++r) {
      const AttentionRow& row = rows[r];
      const int64_t e = b + kScoreBlock < row.n ? b + kScoreBlock : row.n;
      const CacheHead<C> keys(cache, scales, row.slot, g);
      in_head_blocks<4>(group, [&](auto width, int64_t h) {
        score_heads<C, decltype(width)::value>(row.q + (g * group + h) * size, keys, size, b, e, scale, row.scores + (g * group + h) * stride, stride);
      });
    }
  }
}

// The part of a row's z that kv head g and positions [b, e) give, into z or added to it. `ahead` are the values to be read next.
template <class C>
static void value_block(const AttentionRow& row, const CacheHead<C>& values, int64_t g, int64_t group, int64_t size, int64_t b, int64_t e, const typename C::Raw* ahead, int64_t stride, float* z, bool add) {
  in_head_blocks<4>(group, [&](auto width, int64_t h) {
    constexpr int N = decltype(width)::value;
    float weights[N * kValueBlock];
    for (int j = 0; j < N; ++j) {
      const float* pattern = row.scores + (g * group + h + j) * stride;
      for (int64_t p = b; p < e; ++p) weights[j * kValueBlock + p - b] = values.scales ? pattern[p] * values.scales[p] : pattern[p];
    }
    float* to = z + (g * group + h) * size;
    int64_t i = 0;
    for (; i + kLanes <= size; i += kLanes)
      value_heads<C, N, true>(weights, values.data + b * size + i, size, e - b, kLanes, ahead + i * kValueBlock, to + i, add);
    if (i < size) value_heads<C, N, false>(weights, values.data + b * size + i, size, e - b, size - i, ahead + i * kValueBlock, to + i, add);
  });
}

// z of some rows from their patterns: sums over blocks of kValueBlock positions, added up in order. Work is cut by kv head and block;
// `parts` holds the sums of every block and row, [blocks, count, H, E].
template <class C>
static void value_rows(const Worker& w, const AttentionRow* rows, int64_t count, const View& cache, const View& scales, int64_t heads, int64_t stride, float* parts) {
  const int64_t kvHeads = cache.dims[1], size = cache.dims[3], group = heads / kvHeads, blocks = valueBlocks(longest(rows, count));
  int64_t u, end;
  for (w.range(kvHeads * blocks, 1, &u, &end); u < end; ++u) {
    const int64_t g = u / blocks, b = u % blocks * kValueBlock;
    for (int64_t r = 0; r < count; ++r) {
      const AttentionRow& row = rows[r];
      if (b >= row.n) continue;
      const int64_t e = b + kValueBlock < row.n ? b + kValueBlock : row.n;
      const CacheHead<C> values(cache, scales, row.slot, g);
      float* z = blocks == 1 ? row.z : parts + (u % blocks * count + r) * heads * size;
      value_block<C>(row, values, g, group, size, b, e, values.data + e * size, stride, z, false);
    }
  }
  if (blocks == 1) return;
  w.sync();
  for (w.range(count * heads, 1, &u, &end); u < end; ++u) {
    const AttentionRow& row = rows[u / heads];
    float* z = row.z + u % heads * size;
    for (int64_t b = 0; b < valueBlocks(row.n); ++b) {
      const float* part = parts + (b * count * heads + u) * size;
      for (int64_t i = 0; i < size; ++i) z[i] = b == 0 ? part[i] : z[i] + part[i];
    }
  }
}

static void attention(const Args& a, const Worker& w) {
  const View &q = a.in[0], &keys = a.in[1], &values = a.in[2], keyScales = scalesOf(a, 5), valueScales = scalesOf(a, 6);
  const int32_t *slots = a.in[3].as<int32_t>(), *pos = a.in[4].as<int32_t>();
  const int64_t heads = q.dims[1], size = heads * q.dims[2], stride = keys.dims[2], group = attentionGroup(q.dims[0], heads, stride);
  float* buffer = reinterpret_cast<float*>(a.scratch);
  float* parts = buffer + 2 * group * heads * stride;
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
    withCache(keys, [&](auto type) { score_rows<decltype(type)>(w, rows, count, keys, keyScales, heads, float(a.attrs[0]), stride); });
    w.sync();
    int64_t u, end;
    for (w.range(count * heads, 1, &u, &end); u < end; ++u) {
      float* row = rows[u / heads].scores + u % heads * stride;
      softmax_row(row, row, rows[u / heads].n);
    }
    w.sync();
    withCache(values, [&](auto type) { value_rows<decltype(type)>(w, rows, count, values, valueScales, heads, stride, parts); });
  }
}

static void attn_scores(const Args& a, const Worker& w) {
  const View &q = a.in[0], &keys = a.in[1], scales = scalesOf(a, 4);
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
      withCache(keys, [&](auto type) { score_rows<decltype(type)>(self, &one, 1, keys, scales, heads, float(a.attrs[0]), rows * length); });
    }
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t p = n; p < length; ++p) scores[h * rows * length + p] = -HUGE_VALF;
  }
}

static void attn_values(const Args& a, const Worker& w) {
  const View &pattern = a.in[0], &values = a.in[1], scales = scalesOf(a, 4);
  const int32_t *slots = a.in[2].as<int32_t>(), *pos = a.in[3].as<int32_t>();
  const int64_t heads = pattern.dims[0], rows = pattern.dims[1], length = pattern.dims[2], kvHeads = values.dims[1], size = values.dims[3];
  int64_t b, e;
  w.range(rows, 1, &b, &e);
  for (int64_t t = b; t < e; ++t) {
    float* z = a.out[0].as<float>() + t * heads * size;
    const int64_t n = !attends(a, values, slots[t], pos[t]) ? 0 : pos[t] < length ? int64_t(pos[t]) + 1 : length;
    if (n == 0) memset(z, 0, size_t(heads * size) * sizeof(float));
    const AttentionRow one = {n, slots[t], nullptr, pattern.as<float>() + t * length, z};
    withCache(values, [&](auto type) {
      using C = decltype(type);
      for (int64_t g = 0; g < kvHeads && n > 0; ++g) {
        const CacheHead<C> head(values, scales, slots[t], g);
        for (int64_t p = 0; p < n; p += kValueBlock) {
          const int64_t last = p + kValueBlock < n ? p + kValueBlock : n;
          value_block<C>(one, head, g, heads / kvHeads, size, p, last, head.data + last * size, rows * length, z, p > 0);
        }
      }
    });
  }
}

}  // namespace ROTOR_TARGET
}  // namespace rotor
