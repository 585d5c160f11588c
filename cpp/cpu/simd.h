// Sixteen float lanes, written three times (plain arrays, AVX2, AVX-512). Every float kernel is written once against this
// type, so that all targets do the same operations in the same order and give the same bits.
// A file of cpu/targets/ defines ROTOR_AVX2, and ROTOR_AVX512 besides, where its instructions are there; ROTOR_SIM where they are
// emulated. ROTOR_TARGET names the namespace of the target.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#include "../math/half.h"
#include "../math/lanes.h"
#if defined(ROTOR_SIM)
#include "sim/avx512.h"
#include "sim/tiles.h"
#elif defined(ROTOR_AVX2)
#include <immintrin.h>
#endif

namespace rotor {
namespace ROTOR_TARGET {

constexpr int kLanes = 16;

#if defined(ROTOR_AVX512)

struct f32x16 {
  __m512 v;
  static f32x16 load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static f32x16 set1(float x) { return {_mm512_set1_ps(x)}; }
  static f32x16 load_bf16(const uint16_t* p) {
    const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i*)p));
    return {_mm512_castsi512_ps(_mm512_slli_epi32(wide, 16))};
  }
  static f32x16 load_f16(const uint16_t* p) { return {_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i*)p))}; }
  static f32x16 load_i8(const int8_t* p) { return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i*)p)))}; }
  void store_f16(uint16_t* p) const { _mm256_storeu_si256((__m256i*)p, _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT)); }
  void store(float* p) const { _mm512_storeu_ps(p, v); }
};
static inline f32x16 operator+(f32x16 a, f32x16 b) { return {_mm512_add_ps(a.v, b.v)}; }
static inline f32x16 operator-(f32x16 a, f32x16 b) { return {_mm512_sub_ps(a.v, b.v)}; }
static inline f32x16 operator*(f32x16 a, f32x16 b) { return {_mm512_mul_ps(a.v, b.v)}; }
static inline f32x16 operator/(f32x16 a, f32x16 b) { return {_mm512_div_ps(a.v, b.v)}; }
// As in the AVX2 form below, each of these.
static inline f32x16 fma(f32x16 a, f32x16 b, f32x16 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
static inline f32x16 max(f32x16 a, f32x16 b) { return {_mm512_max_ps(a.v, b.v)}; }
static inline f32x16 min(f32x16 a, f32x16 b) { return {_mm512_min_ps(a.v, b.v)}; }
static inline f32x16 round(f32x16 a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
static inline f32x16 abs(f32x16 a) {
  return {_mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(a.v), _mm512_set1_epi32(0x7fffffff)))};
}
static inline f32x16 scale2(f32x16 a, f32x16 n) {
  const __m512i power = _mm512_slli_epi32(_mm512_add_epi32(_mm512_cvtps_epi32(n.v), _mm512_set1_epi32(127)), 23);
  return {_mm512_mul_ps(a.v, _mm512_castsi512_ps(power))};
}
static inline f32x16 select_lt(f32x16 x, f32x16 y, f32x16 a, f32x16 b) {
  return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(x.v, y.v, _CMP_LT_OQ), b.v, a.v)};
}

#elif defined(ROTOR_AVX2)

struct f32x16 {
  __m256 lo, hi;
  static f32x16 load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  static f32x16 set1(float v) { return {_mm256_set1_ps(v), _mm256_set1_ps(v)}; }
  static f32x16 load_bf16(const uint16_t* p) {
    const __m256i a = _mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i*)p)), 16);
    const __m256i b = _mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i*)(p + 8))), 16);
    return {_mm256_castsi256_ps(a), _mm256_castsi256_ps(b)};
  }
  static f32x16 load_f16(const uint16_t* p) {
    return {_mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)p)), _mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)(p + 8)))};
  }
  static f32x16 load_i8(const int8_t* p) {
    return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)p))), _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)(p + 8))))};
  }
  // As f32_f16.
  void store_f16(uint16_t* p) const {
    _mm_storeu_si128((__m128i*)p, _mm256_cvtps_ph(lo, _MM_FROUND_TO_NEAREST_INT));
    _mm_storeu_si128((__m128i*)(p + 8), _mm256_cvtps_ph(hi, _MM_FROUND_TO_NEAREST_INT));
  }
  void store(float* p) const {
    _mm256_storeu_ps(p, lo);
    _mm256_storeu_ps(p + 8, hi);
  }
};
static inline f32x16 operator+(f32x16 a, f32x16 b) { return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)}; }
static inline f32x16 operator-(f32x16 a, f32x16 b) { return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)}; }
static inline f32x16 operator*(f32x16 a, f32x16 b) { return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)}; }
static inline f32x16 operator/(f32x16 a, f32x16 b) { return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)}; }
// a * b + c, rounded once.
static inline f32x16 fma(f32x16 a, f32x16 b, f32x16 c) {
  return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
// a > b ? a : b and a < b ? a : b per lane: the second operand wins on NaN.
static inline f32x16 max(f32x16 a, f32x16 b) { return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)}; }
static inline f32x16 min(f32x16 a, f32x16 b) { return {_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)}; }
// Nearest integer, ties to even.
static inline f32x16 round(f32x16 a) {
  constexpr int mode = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  return {_mm256_round_ps(a.lo, mode), _mm256_round_ps(a.hi, mode)};
}
static inline f32x16 abs(f32x16 a) {
  const __m256 m = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
  return {_mm256_and_ps(a.lo, m), _mm256_and_ps(a.hi, m)};
}
// a * 2^n for integral n in [-126, 127].
static inline f32x16 scale2(f32x16 a, f32x16 n) {
  const __m256i bias = _mm256_set1_epi32(127);
  const __m256i l = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n.lo), bias), 23);
  const __m256i h = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n.hi), bias), 23);
  return {_mm256_mul_ps(a.lo, _mm256_castsi256_ps(l)), _mm256_mul_ps(a.hi, _mm256_castsi256_ps(h))};
}
// x < y ? a : b per lane.
static inline f32x16 select_lt(f32x16 x, f32x16 y, f32x16 a, f32x16 b) {
  return {_mm256_blendv_ps(b.lo, a.lo, _mm256_cmp_ps(x.lo, y.lo, _CMP_LT_OQ)),
          _mm256_blendv_ps(b.hi, a.hi, _mm256_cmp_ps(x.hi, y.hi, _CMP_LT_OQ))};
}

#else

struct f32x16 {
  float v[kLanes];
  static f32x16 load(const float* p) {
    f32x16 r;
    memcpy(r.v, p, sizeof r.v);
    return r;
  }
  static f32x16 set1(float x) {
    f32x16 r;
    for (float& e : r.v) e = x;
    return r;
  }
  static f32x16 load_bf16(const uint16_t* p) {
    f32x16 r;
    for (int i = 0; i < kLanes; ++i) r.v[i] = bf16_f32(p[i]);
    return r;
  }
  static f32x16 load_f16(const uint16_t* p) {
    f32x16 r;
    for (int i = 0; i < kLanes; ++i) r.v[i] = f16_f32(p[i]);
    return r;
  }
  static f32x16 load_i8(const int8_t* p) {
    f32x16 r;
    for (int i = 0; i < kLanes; ++i) r.v[i] = float(p[i]);
    return r;
  }
  void store_f16(uint16_t* p) const {
    for (int i = 0; i < kLanes; ++i) p[i] = f32_f16(v[i]);
  }
  void store(float* p) const { memcpy(p, v, sizeof v); }
};
#define ROTOR_LANES(expr)                    \
  f32x16 r;                                  \
  for (int i = 0; i < kLanes; ++i) r.v[i] = (expr); \
  return r
static inline f32x16 operator+(f32x16 a, f32x16 b) { ROTOR_LANES(a.v[i] + b.v[i]); }
static inline f32x16 operator-(f32x16 a, f32x16 b) { ROTOR_LANES(a.v[i] - b.v[i]); }
static inline f32x16 operator*(f32x16 a, f32x16 b) { ROTOR_LANES(a.v[i] * b.v[i]); }
static inline f32x16 operator/(f32x16 a, f32x16 b) { ROTOR_LANES(a.v[i] / b.v[i]); }
static inline f32x16 fma(f32x16 a, f32x16 b, f32x16 c) { ROTOR_LANES(__builtin_fmaf(a.v[i], b.v[i], c.v[i])); }
static inline f32x16 max(f32x16 a, f32x16 b) { ROTOR_LANES(a.v[i] > b.v[i] ? a.v[i] : b.v[i]); }
static inline f32x16 min(f32x16 a, f32x16 b) { ROTOR_LANES(a.v[i] < b.v[i] ? a.v[i] : b.v[i]); }
static inline f32x16 round(f32x16 a) { ROTOR_LANES(__builtin_nearbyintf(a.v[i])); }
static inline f32x16 abs(f32x16 a) { ROTOR_LANES(__builtin_fabsf(a.v[i])); }
static inline f32x16 scale2(f32x16 a, f32x16 n) {
  ROTOR_LANES(a.v[i] * bits_f32(uint32_t(int32_t(n.v[i]) + 127) << 23));
}
static inline f32x16 select_lt(f32x16 x, f32x16 y, f32x16 a, f32x16 b) {
  ROTOR_LANES(x.v[i] < y.v[i] ? a.v[i] : b.v[i]);
}
#undef ROTOR_LANES

#endif

#ifdef ROTOR_AVX2
static inline __m256i load256(const void* p) { return _mm256_loadu_si256((const __m256i*)p); }
#endif

// First n of 16 lanes from memory, the others `fill`. n in [0, 16].
static inline f32x16 load_n(const float* p, int64_t n, float fill) {
  float t[kLanes];
  for (int i = 0; i < kLanes; ++i) t[i] = i < n ? p[i] : fill;
  return f32x16::load(t);
}
static inline f32x16 load_bf16_n(const uint16_t* p, int64_t n) {
  uint16_t t[kLanes] = {};
  for (int i = 0; i < n; ++i) t[i] = p[i];
  return f32x16::load_bf16(t);
}
static inline void store_n(float* p, int64_t n, f32x16 v) {
  float t[kLanes];
  v.store(t);
  for (int i = 0; i < n; ++i) p[i] = t[i];
}

#if defined(ROTOR_AVX512)
static inline __m256 fold8(f32x16 a) {
  return _mm256_add_ps(_mm512_castps512_ps256(a.v), _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(a.v), 1)));
}
#elif defined(ROTOR_AVX2)
static inline __m256 fold8(f32x16 a) { return _mm256_add_ps(a.lo, a.hi); }
#endif

// The one fold of sixteen lanes: 8, 4, 2, 1.
static inline float reduce_add(f32x16 a) {
#ifdef ROTOR_AVX2
  const __m256 w8 = fold8(a);
  const __m128 w4 = _mm_add_ps(_mm256_castps256_ps128(w8), _mm256_extractf128_ps(w8, 1));
  const __m128 w2 = _mm_add_ps(w4, _mm_movehl_ps(w4, w4));
  return _mm_cvtss_f32(_mm_add_ss(w2, _mm_movehdup_ps(w2)));
#else
  float t[kLanes];
  a.store(t);
  for (int w = 8; w >= 1; w /= 2)
    for (int i = 0; i < w; ++i) t[i] = t[i] + t[i + w];
  return t[0];
#endif
}
// reduce_add of four at once, into y.
static inline void reduce_add4(f32x16 a, f32x16 b, f32x16 c, f32x16 d, float* y) {
#ifdef ROTOR_AVX2
  const __m256 a8 = fold8(a), b8 = fold8(b), c8 = fold8(c), d8 = fold8(d);
  const __m256 ab = _mm256_add_ps(_mm256_permute2f128_ps(a8, b8, 0x20), _mm256_permute2f128_ps(a8, b8, 0x31));
  const __m256 cd = _mm256_add_ps(_mm256_permute2f128_ps(c8, d8, 0x20), _mm256_permute2f128_ps(c8, d8, 0x31));
  const __m256 w2 = _mm256_add_ps(_mm256_shuffle_ps(ab, cd, 0x44), _mm256_shuffle_ps(ab, cd, 0xee));  // a0 a1 c0 c1 | b0 b1 d0 d1
  const __m256 w1 = _mm256_add_ps(w2, _mm256_movehdup_ps(w2));                                        // a . c . | b . d .
  _mm_storeu_ps(y, _mm_unpacklo_ps(_mm_shuffle_ps(_mm256_castps256_ps128(w1), _mm256_castps256_ps128(w1), 0x08), _mm_shuffle_ps(_mm256_extractf128_ps(w1, 1), _mm256_extractf128_ps(w1, 1), 0x08)));
#else
  y[0] = reduce_add(a);
  y[1] = reduce_add(b);
  y[2] = reduce_add(c);
  y[3] = reduce_add(d);
#endif
}
static inline float reduce_max(f32x16 a) {
  float t[kLanes];
  a.store(t);
  for (int w = 8; w >= 1; w /= 2)
    for (int i = 0; i < w; ++i) t[i] = t[i] > t[i + w] ? t[i] : t[i + w];
  return t[0];
}

static inline f32x16 exp(f32x16 x) { return expOf(x); }

// Dot product over n floats in the one fixed order.
static inline float dot(const float* a, const float* b, int64_t n) {
  f32x16 acc = f32x16::set1(0.0f);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) acc = fma(f32x16::load(a + i), f32x16::load(b + i), acc);
  if (i < n) acc = fma(load_n(a + i, n - i, 0.0f), load_n(b + i, n - i, 0.0f), acc);
  return reduce_add(acc);
}

}  // namespace ROTOR_TARGET
}  // namespace rotor
