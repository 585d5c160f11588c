// The int8 copy of an output head, and the bounds that a product with it gives for each logit. src/ops/screen.ts derives them.
// All of it is double arithmetic in a written order, so that every target re-scores the same rows.
#include "../../math/screen.h"

namespace rotor {
namespace ROTOR_TARGET {

// Eight running sums and their fold: one order on every target, and wide enough to fill vectors.
static inline double fold8(double* lane) {
  for (int n = 4; n >= 1; n /= 2)
    for (int i = 0; i < n; ++i) lane[i] += lane[i + n];
  return lane[0];
}

// Sums of a row on its way to codes, eight lanes each.
struct CodeSums {
  double rest[8], all[8];
  int32_t codes[8];
};

// Codes of eight weights; with a constant n of 8 these loops become vectors.
template <class W>
static inline void quantize8(const W* p, int n, double step, double inverse, int8_t* q, CodeSums* sums) {
  double v[8], c[8];
  int32_t code[8];
  for (int l = 0; l < n; ++l) v[l] = widen(p[l]);
  for (int l = 0; l < n; ++l) c[l] = (v[l] * inverse + kMagicRound) - kMagicRound;
  for (int l = 0; l < n; ++l) c[l] = c[l] < -127.0 ? -127.0 : c[l];
  for (int l = 0; l < n; ++l) c[l] = c[l] > 127.0 ? 127.0 : c[l];
  for (int l = 0; l < n; ++l) code[l] = int32_t(c[l]);
  for (int l = 0; l < n; ++l) q[l] = int8_t(code[l]);
  for (int l = 0; l < n; ++l) sums->codes[l] += code[l];
  for (int l = 0; l < n; ++l) sums->all[l] += v[l] * v[l];
  for (int l = 0; l < n; ++l) v[l] -= step * c[l];
  for (int l = 0; l < n; ++l) sums->rest[l] += v[l] * v[l];
}

template <class W>
static void quantizeRow8(const W* p, int64_t d, int8_t* q, float* bounds) {
  uint32_t bits = 0;  // |w| as float bits: ordered like the values, NaN above infinity
  for (int64_t i = 0; i < d; ++i) {
    const uint32_t u = f32_bits(float(widen(p[i]))) & 0x7fffffffu;
    bits = u > bits ? u : bits;
  }
  if (bits >= 0x7f800000u) {
    memset(q, 0, size_t(d));
    bounds[0] = bounds[3] = 0.0f;
    bounds[1] = bounds[2] = HUGE_VALF;
    return;
  }
  const float scale = float(double(bits_f32(bits)) / 127.0);
  const double step = double(scale), inverse = step > 0.0 ? 1.0 / step : 0.0;
  CodeSums sums = {};
  int64_t i = 0;
  for (; i + 8 <= d; i += 8) quantize8(p + i, 8, step, inverse, q + i, &sums);
  quantize8(p + i, int(d - i), step, inverse, q + i, &sums);
  int32_t total = 0;
  for (int32_t sum : sums.codes) total += sum;
  bounds[0] = scale;
  bounds[1] = roundUp32(__builtin_sqrt(fold8(sums.rest)) * kScreenSlack);
  bounds[2] = roundUp32(__builtin_sqrt(fold8(sums.all)) * kScreenSlack);
  bounds[3] = float(total);  // exact: below 2^24
}

static void quantize_rows(const Args& a, const Worker& w) {
  const int64_t d = a.in[0].dims[1];
  int64_t b, e;
  w.range(a.in[0].dims[0], 1, &b, &e);
  for (; b < e; ++b) {
    int8_t* q = a.out[0].as<int8_t>() + b * d;
    float* bounds = a.out[1].as<float>() + 4 * b;
    if (a.in[0].dtype == DType::bf16) quantizeRow8(a.in[0].as<uint16_t>() + b * d, d, q, bounds);
    else quantizeRow8(a.in[0].as<float>() + b * d, d, q, bounds);
  }
}

// Splits a row of activations into step * z and a rest, and z + 8192 into digits: all high ones, then all low ones.
static void screenDigits(const float* x, int64_t d, uint8_t* digits, ScreenToken* t) {
  double top = 0.0;
  bool finite = true;
  for (int64_t i = 0; i < d; ++i) {
    const double v = __builtin_fabs(double(x[i]));
    finite &= v < HUGE_VAL;
    top = v > top ? v : top;
  }
  t->bad = !finite;
  const double inverse = top > 0.0 ? kScreenTop / top : 0.0;
  t->step = top / kScreenTop;
  double rest[8] = {}, kept[8] = {}, all[8] = {}, low[8] = {};
  const int64_t padded = screenPadded(d);
  memset(digits, 0, size_t(2 * padded));
  if (!finite) return;
  for (int64_t i = 0; i < d; ++i) {
    const double v = double(x[i]), z = (v * inverse + kMagicRound) - kMagicRound, y = t->step * z, r = v - y;
    rest[i % 8] += r * r;
    kept[i % 8] += y * y;
    all[i % 8] += v * v;
    const int32_t u = int32_t(z) + 8192;
    const double l = t->step * double((u & 127) - 64);
    low[i % 8] += l * l;
    digits[i] = uint8_t(u >> 7);
    digits[padded + i] = uint8_t(u & 127);
  }
  screenSpreads(t, d, fold8(all), fold8(rest), fold8(kept));
  t->perDigit = __builtin_sqrt(fold8(low)) * kScreenSlack * kScreenSlack;
}

#ifdef ROTOR_AVX2
// Adds the products of unsigned and signed bytes, four to a sum. 2 * 127 * 127 fits 16 bits.
static inline __m256i addProducts(__m256i sums, __m256i x, __m256i codes) {
#ifdef ROTOR_AVX512
  return _mm256_dpbusd_epi32(sums, x, codes);
#else
  return _mm256_add_epi32(sums, _mm256_madd_epi16(_mm256_maddubs_epi16(x, codes), _mm256_set1_epi16(1)));
#endif
}
#endif

// Products of one row of codes with T rows of digits, `stride` bytes apart.
template <int T>
static inline void screenRow(const int8_t* q, const uint8_t* digits, int64_t stride, int64_t d, int32_t* sums) {
  int8_t last[kScreenStep] = {};
  const int64_t whole = d / kScreenStep * kScreenStep;
  if (whole < d) memcpy(last, q + whole, size_t(d - whole));
#ifdef ROTOR_AVX2
  __m256i acc[T];
  for (int t = 0; t < T; ++t) acc[t] = _mm256_setzero_si256();
  const auto step = [&](const int8_t* codes, const uint8_t* x) {
    const __m256i c = load256(codes);
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t) acc[t] = addProducts(acc[t], load256(x + t * stride), c);
  };
  for (int64_t i = 0; i < whole; i += kScreenStep) {
    _mm_prefetch((const char*)q + i + 2048, _MM_HINT_T0);
    step(q + i, digits + i);
  }
  if (whole < d) step(last, digits + whole);
  if constexpr (T == 8) {
    const __m256i a = _mm256_hadd_epi32(_mm256_hadd_epi32(acc[0], acc[1]), _mm256_hadd_epi32(acc[2], acc[3]));
    const __m256i b = _mm256_hadd_epi32(_mm256_hadd_epi32(acc[4], acc[5]), _mm256_hadd_epi32(acc[6], acc[7]));
    const __m256i all = _mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20), _mm256_permute2x128_si256(a, b, 0x31));
    _mm256_storeu_si256((__m256i*)sums, all);
    return;
  }
#pragma GCC unroll 8
  for (int t = 0; t < T; ++t) {
    const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(acc[t]), _mm256_extracti128_si256(acc[t], 1));
    const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
    sums[t] = _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xB1)));
  }
#else
  for (int t = 0; t < T; ++t) {
    const auto step = [&](const int8_t* codes, const uint8_t* x) {
      for (int j = 0; j < kScreenStep; ++j) sums[t] += int32_t(x[j]) * codes[j];
    };
    sums[t] = 0;
    for (int64_t i = 0; i < whole; i += kScreenStep) step(q + i, digits + t * stride + i);
    if (whole < d) step(last, digits + t * stride + whole);
  }
#endif
}

// From the high digit alone, the low one taken for 64: never the narrower of the two.
static inline LogitBound boundRoughly(const ScreenToken& t, const float* bounds, int64_t sum) {
  const double value = double(sum * 128 - (8192 - 64) * int64_t(bounds[3])) * (t.step * double(bounds[0]));
  const double error = double(bounds[1]), norm = double(bounds[2]);
  return {value, (t.perNorm * norm + t.perError * error + t.perDigit * (norm + error) + t.least) * (1.0 + 0x1p-36) + __builtin_fabs(value) * 0x1p-46};
}

// Offers v to the k largest values so far: a heap of *n of them whose root is the smallest.
static inline void offerLargest(double* heap, int64_t* n, int64_t k, double v) {
  int64_t i;
  if (*n < k) {
    for (i = (*n)++; i > 0 && heap[(i - 1) / 2] > v; i = (i - 1) / 2) heap[i] = heap[(i - 1) / 2];
  } else {
    if (!(v > heap[0])) return;
    i = 0;
    for (int64_t c = 1; c < k; c = 2 * i + 1) {
      if (c + 1 < k && heap[c + 1] < heap[c]) ++c;
      if (!(heap[c] < v)) break;
      heap[i] = heap[c];
      i = c;
    }
  }
  heap[i] = v;
}

// The k-th largest of n values, which are moved about; minus infinity when there are fewer. Expected time O(n).
static double kthLargest(double* v, int64_t n, int64_t k) {
  if (n < k) return -HUGE_VAL;
  uint32_t random = 1;
  for (int64_t lo = 0, hi = n;;) {
    random = random * 1664525u + 1013904223u;
    const double pivot = v[lo + int64_t(random >> 8) % (hi - lo)];
    int64_t a = lo, b = lo, c = hi;  // [lo, a) above the pivot, [a, b) equal, [c, hi) below
    while (b < c) {
      const double x = v[b];
      if (x > pivot) {
        v[b++] = v[a];
        v[a++] = x;
      } else if (x < pivot) {
        v[b] = v[--c];
        v[c] = x;
      } else {
        ++b;
      }
    }
    if (k <= a) hi = a;
    else if (k <= b) return pivot;
    else lo = b;
  }
}

}  // namespace ROTOR_TARGET
}  // namespace rotor
