// Dense products with stored weights (the output head), and the activation quantiser.

namespace rotor {
namespace ROTOR_TARGET {

static inline f32x16 weight16(const float* p) { return f32x16::load(p); }
static inline f32x16 weight16(const uint16_t* p) { return f32x16::load_bf16(p); }
static inline f32x16 weight16_n(const float* p, int64_t n) { return load_n(p, n, 0.0f); }
static inline f32x16 weight16_n(const uint16_t* p, int64_t n) { return load_bf16_n(p, n); }

// R weight rows times X rows of activations. Each product is the one dot of simd.h; running several side by side only hides latency.
template <int R, int X, class W>
static inline void linearBlock(const float* x, const W* weight, int64_t k, float* y, int64_t n) {
  f32x16 acc[R][X];
  for (int r = 0; r < R; ++r)
    for (int t = 0; t < X; ++t) acc[r][t] = f32x16::set1(0.0f);
  int64_t i = 0;
  for (; i + kLanes <= k; i += kLanes) {
    f32x16 v[X];
    for (int t = 0; t < X; ++t) v[t] = f32x16::load(x + t * k + i);
    for (int r = 0; r < R; ++r) {
      const W* p = weight + r * k + i;
      if (X == 1) __builtin_prefetch(p + 1024 / sizeof(W));
      const f32x16 u = weight16(p);
      for (int t = 0; t < X; ++t) acc[r][t] = fma(v[t], u, acc[r][t]);
    }
  }
  if (i < k)
    for (int r = 0; r < R; ++r) {
      const f32x16 u = weight16_n(weight + r * k + i, k - i);
      for (int t = 0; t < X; ++t) acc[r][t] = fma(load_n(x + t * k + i, k - i, 0.0f), u, acc[r][t]);
    }
  for (int r = 0; r < R; ++r)
    for (int t = 0; t < X; ++t) y[t * n + r] = reduce_add(acc[r][t]);
}

template <int R, class W>
static void linearRows(const float* x, const W* weight, int64_t tokens, int64_t k, float* y, int64_t n) {
  int64_t t = 0;
  if (tokens == 1) return linearBlock<R, 1>(x, weight, k, y, n);
  for (; t + 2 <= tokens; t += 2) {
    linearBlock<(R > 1 ? R / 2 : 1), 2>(x + t * k, weight, k, y + t * n, n);
    if (R > 1) linearBlock<(R > 1 ? R / 2 : 1), 2>(x + t * k, weight + R / 2 * k, k, y + t * n + R / 2, n);
  }
  if (t < tokens) linearBlock<R, 1>(x + t * k, weight, k, y + t * n, n);
}

template <class W>
static void linearAs(const Args& a, const Worker& w) {
  const int64_t tokens = a.in[0].dims[0], k = a.in[0].dims[1], n = a.in[1].dims[0];
  const float* x = a.in[0].as<float>();
  const W* weight = a.in[1].as<W>();
  float* y = a.out[0].as<float>();
  w.share(n, 4, [&](int64_t b, int64_t e) {
    for (; b + 4 <= e; b += 4) linearRows<4>(x, weight + b * k, tokens, k, y + b, n);
    for (; b < e; ++b) linearRows<1>(x, weight + b * k, tokens, k, y + b, n);
  });
}

static void linear(const Args& a, const Worker& w) {
  if (a.in[0].dims[0] == 0) return;
  if (a.in[1].dtype == DType::bf16) return linearAs<uint16_t>(a, w);
  linearAs<float>(a, w);
}

// Codes of one row; double keeps x * s exact enough that every target rounds alike.
static void quantizeRow(const float* x, int64_t k, int8_t* q, float* scale) {
  uint32_t top = 0;  // |x| as bits: ordered like the values, and NaN is above infinity
  for (int64_t i = 0; i < k; ++i) {
    uint32_t u;
    memcpy(&u, x + i, 4);
    u &= 0x7fffffffu;
    top = u > top ? u : top;
  }
  if (top >= 0x7f800000u) {
    memset(q, 0, size_t(k));
    *scale = bits_f32(0x7fc00000u);
    return;
  }
  const float m = bits_f32(top);
  const double s = 127.0 / double(m > 1e-5f ? m : 1e-5f);
  int64_t i = 0;
#ifdef ROTOR_AVX2
  // |x| * s is at most 127 and a rounding, so no clamp is needed.
  const __m256d vs = _mm256_set1_pd(s);
  for (; i + 8 <= k; i += 8) {
    const __m256 v = _mm256_loadu_ps(x + i);
    const __m128i lo = _mm256_cvtpd_epi32(_mm256_mul_pd(_mm256_cvtps_pd(_mm256_castps256_ps128(v)), vs));
    const __m128i hi = _mm256_cvtpd_epi32(_mm256_mul_pd(_mm256_cvtps_pd(_mm256_extractf128_ps(v, 1)), vs));
    const __m128i w = _mm_packs_epi32(lo, hi);
    _mm_storel_epi64((__m128i*)(q + i), _mm_packs_epi16(w, w));
  }
#endif
  for (; i < k; ++i) {
    const double r = __builtin_nearbyint(double(x[i]) * s);
    q[i] = int8_t(r < -128 ? -128 : r > 127 ? 127 : r);
  }
  *scale = float(s);
}

static void quantize_act(const Args& a, const Worker& w) {
  const int64_t k = a.in[0].dims[1];
  int64_t b, e;
  w.range(a.in[0].dims[0], 1, &b, &e);
  for (; b < e; ++b) quantizeRow(a.in[0].as<float>() + b * k, k, a.out[0].as<int8_t>() + b * k, a.out[1].as<float>() + b);
}

}  // namespace ROTOR_TARGET
}  // namespace rotor
