// AVX-512 on any x86-64 with AVX2, for tests: SIMDe in place of the compiler's header, and the few intrinsics that it lacks.
#pragma once
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/f16c.h>
#include <simde/x86/fma.h>

namespace rotor {
namespace sim {

template <class V, class Half>
static inline V join(Half low, Half high) {
  static_assert(sizeof(V) == 2 * sizeof(Half), "two halves");
  const Half both[2] = {low, high};
  V v;
  __builtin_memcpy(&v, both, sizeof v);
  return v;
}
template <class Half, class V>
static inline Half half(const V& v, int i) {
  Half h;
  __builtin_memcpy(&h, reinterpret_cast<const char*>(&v) + i * sizeof h, sizeof h);
  return h;
}

static inline __m512i srai_epi32(__m512i v, unsigned n) {
  const __m128i by = _mm_cvtsi32_si128(int(n));
  return join<__m512i>(_mm256_sra_epi32(half<__m256i>(v, 0), by), _mm256_sra_epi32(half<__m256i>(v, 1), by));
}
static inline __m512i cvtepu16_epi32(__m256i v) {
  return join<__m512i>(_mm256_cvtepu16_epi32(half<__m128i>(v, 0)), _mm256_cvtepu16_epi32(half<__m128i>(v, 1)));
}
static inline __m512i cvtepi8_epi32(__m128i v) {
  return join<__m512i>(_mm256_cvtepi8_epi32(v), _mm256_cvtepi8_epi32(_mm_srli_si128(v, 8)));
}
static inline __m512i cvtps_epi32(__m512 v) {
  return join<__m512i>(_mm256_cvtps_epi32(half<__m256>(v, 0)), _mm256_cvtps_epi32(half<__m256>(v, 1)));
}
static inline __m512 cvtepi32_ps(__m512i v) {
  return join<__m512>(_mm256_cvtepi32_ps(half<__m256i>(v, 0)), _mm256_cvtepi32_ps(half<__m256i>(v, 1)));
}
static inline __m512 cvtph_ps(__m256i v) { return join<__m512>(_mm256_cvtph_ps(half<__m128i>(v, 0)), _mm256_cvtph_ps(half<__m128i>(v, 1))); }
template <int Mode>
static inline __m256i cvtps_ph(__m512 v) {
  return join<__m256i>(_mm256_cvtps_ph(half<__m256>(v, 0), Mode), _mm256_cvtps_ph(half<__m256>(v, 1), Mode));
}

}  // namespace sim
}  // namespace rotor

#undef _mm512_srai_epi32
#undef _mm512_cvtepu16_epi32
#undef _mm512_cvtepi8_epi32
#undef _mm512_cvtps_epi32
#undef _mm512_cvtepi32_ps
#undef _mm512_cvtph_ps
#undef _mm512_cvtps_ph
#define _mm512_srai_epi32 rotor::sim::srai_epi32
#define _mm512_cvtepu16_epi32 rotor::sim::cvtepu16_epi32
#define _mm512_cvtepi8_epi32 rotor::sim::cvtepi8_epi32
#define _mm512_cvtps_epi32 rotor::sim::cvtps_epi32
#define _mm512_cvtepi32_ps rotor::sim::cvtepi32_ps
#define _mm512_cvtph_ps rotor::sim::cvtph_ps
#define _mm512_cvtps_ph(v, mode) rotor::sim::cvtps_ph<mode>(v)
