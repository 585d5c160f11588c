// The six kernels of formats.h.
#include "formats.h"

namespace {

constexpr int kAhead = 1024;  // bytes fetched ahead

size_t twoBits(int64_t rows, int64_t cols) { return size_t(rows * cols / 4); }

__m256i add16(__m256i a, __m256i b) { return _mm256_add_epi16(a, b); }

// Adds 16-bit sums of pairs to 32-bit sums.
__m256i widen(__m256i sum, __m256i pairs) { return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1))); }

// y = sums of codes, fields of weight 1 and of weight 4, less the sum of the activations.
void storeEight(int32_t* y, __m256i ones, __m256i fours, int32_t sum) {
  _mm256_storeu_si256((__m256i*)y, _mm256_sub_epi32(_mm256_add_epi32(ones, _mm256_srai_epi32(fours, 2)), _mm256_set1_epi32(sum)));
}

// Four fields of two bits in every byte times four groups of four activations. Fields 1 and 3 stay where they are, four times as large.
struct Fields {
  __m256i ones = _mm256_setzero_si256(), fours = _mm256_setzero_si256();
  void add(__m256i codes, __m256i x0, __m256i x1, __m256i x2, __m256i x3) {
    const __m256i low = _mm256_set1_epi8(3), high = _mm256_set1_epi8(12), up = _mm256_srli_epi16(codes, 4);
    ones = add16(ones, _mm256_maddubs_epi16(_mm256_and_si256(codes, low), x0));
    fours = add16(fours, _mm256_maddubs_epi16(_mm256_and_si256(codes, high), x1));
    ones = add16(ones, _mm256_maddubs_epi16(_mm256_and_si256(up, low), x2));
    fours = add16(fours, _mm256_maddubs_epi16(_mm256_and_si256(up, high), x3));
  }
};

// ---- naive: row by row, four codes a byte, unpacked to a buffer of bytes and multiplied in plain C++ ---------------------
void setNaive(uint8_t* p, int64_t, int64_t cols, int64_t r, int64_t k, int w) { p[(r * cols + k) / 4] |= uint8_t((w + 1) << (2 * (k % 4))); }
void naive(const uint8_t* p, const Activations& a, int32_t* y, int64_t rows, int64_t cols) {
  std::vector<int8_t> row(static_cast<size_t>(cols));
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t k = 0; k < cols; ++k) row[size_t(k)] = int8_t((p[(r * cols + k) / 4] >> (2 * (k % 4)) & 3) - 1);
    int32_t sum = 0;
    for (int64_t k = 0; k < cols; ++k) sum += row[size_t(k)] * a.x[size_t(k)];
    y[r] = sum;
  }
}

// ---- packed 2 bit: 16 rows x 16 columns in 64 bytes, byte = row and column mod 4, field = column / 4 ---------------------
void setPacked(uint8_t* p, int64_t, int64_t cols, int64_t r, int64_t k, int w) {
  p[(r / 16 * (cols / 16) + k / 16) * 64 + r % 16 * 4 + k % 4] |= uint8_t((w + 1) << (k % 16 / 4 * 2));
}
void packed(const uint8_t* p, const Activations& a, int32_t* y, int64_t rows, int64_t cols) {
  for (int64_t r = 0; r < rows; r += 16) {
    const int8_t* x = a.x.data();
    __m256i sums[4] = {};
    for (int64_t k = 0; k < cols;) {
      Fields s, t;
      for (int i = 0; i < 8 && k < cols; ++i, k += 16, p += 64, x += 16) {  // 8 * 4096 fills 16 bits
        _mm_prefetch((const char*)p + kAhead, _MM_HINT_T0);
        const __m256i x0 = spread4(x), x1 = spread4(x + 4), x2 = spread4(x + 8), x3 = spread4(x + 12);
        s.add(load(p), x0, x1, x2, x3);
        t.add(load(p + 32), x0, x1, x2, x3);
      }
      sums[0] = widen(sums[0], s.ones);
      sums[1] = widen(sums[1], s.fours);
      sums[2] = widen(sums[2], t.ones);
      sums[3] = widen(sums[3], t.fours);
    }
    storeEight(y + r, sums[0], sums[1], a.sum);
    storeEight(y + r + 8, sums[2], sums[3], a.sum);
  }
}

// ---- planes merged to fields: 16 rows x 32 columns, 64 bytes of "is 0" and 64 of "is +1"; bit = column / 4 ---------------
void setMerged(uint8_t* p, int64_t, int64_t cols, int64_t r, int64_t k, int w) {
  uint8_t* at = p + (r / 16 * (cols / 32) + k / 32) * 128 + r % 16 * 4 + k % 4;
  if (w == 0) at[0] |= uint8_t(1 << (k % 32 / 4));
  if (w > 0) at[64] |= uint8_t(1 << (k % 32 / 4));
}
void merged(const uint8_t* p, const Activations& a, int32_t* y, int64_t rows, int64_t cols) {
  const __m256i even = _mm256_set1_epi8(0x55);
  for (int64_t r = 0; r < rows; r += 16) {
    const int8_t* x = a.x.data();
    __m256i sums[2][2] = {};
    for (int64_t k = 0; k < cols;) {
      Fields s[2];
      for (int i = 0; i < 4 && k < cols; ++i, k += 32, p += 128, x += 32) {
        _mm_prefetch((const char*)p + kAhead, _MM_HINT_T0);
        _mm_prefetch((const char*)p + kAhead + 64, _MM_HINT_T0);
        for (int h = 0; h < 2; ++h) {
          const __m256i zero = load(p + 32 * h), plus = load(p + 64 + 32 * h);
          const __m256i evens = _mm256_or_si256(_mm256_and_si256(zero, even), _mm256_andnot_si256(even, _mm256_add_epi8(plus, plus)));
          const __m256i odds = _mm256_or_si256(_mm256_and_si256(_mm256_srli_epi16(zero, 1), even), _mm256_andnot_si256(even, plus));
          s[h].add(evens, spread4(x), spread4(x + 8), spread4(x + 16), spread4(x + 24));
          s[h].add(odds, spread4(x + 4), spread4(x + 12), spread4(x + 20), spread4(x + 28));
        }
      }
      for (int h = 0; h < 2; ++h) {
        sums[h][0] = widen(sums[h][0], s[h].ones);
        sums[h][1] = widen(sums[h][1], s[h].fours);
      }
    }
    for (int h = 0; h < 2; ++h) storeEight(y + r + 8 * h, sums[h][0], sums[h][1], a.sum);
  }
}

// ---- planes as masks: row by row, a plane of +1 and a plane of -1; bits widened to byte masks ----------------------------
void setMasks(uint8_t* p, int64_t rows, int64_t cols, int64_t r, int64_t k, int w) {
  if (w != 0) p[(w < 0 ? rows * cols / 8 : 0) + (r * cols + k) / 8] |= uint8_t(1 << (k % 8));
}
void masks(const uint8_t* p, const Activations& a, int32_t* y, int64_t rows, int64_t cols) {
  const __m256i byteOf = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
  const __m256i bit = _mm256_set1_epi64x(int64_t(0x8040201008040201u)), one = _mm256_set1_epi8(1);
  const auto mask = [&](const uint8_t* q) {
    const __m256i bits = _mm256_and_si256(_mm256_shuffle_epi8(spread4((const int8_t*)q), byteOf), bit);
    return _mm256_cmpeq_epi8(bits, bit);
  };
  const uint8_t* m = p + rows * cols / 8;
  for (int64_t r = 0; r < rows; ++r) {
    __m256i sum = _mm256_setzero_si256();
    for (int64_t k = 0; k < cols; k += 32, p += 4, m += 4) {
      if (k % 512 == 0) {
        _mm_prefetch((const char*)p + kAhead, _MM_HINT_T0);
        _mm_prefetch((const char*)m + kAhead, _MM_HINT_T0);
      }
      const __m256i x = load(a.x.data() + k);
      const __m256i v = _mm256_sub_epi8(_mm256_and_si256(x, mask(p)), _mm256_and_si256(x, mask(m)));
      sum = widen(sum, _mm256_maddubs_epi16(one, v));
    }
    int32_t lanes[8];
    _mm256_storeu_si256((__m256i*)lanes, sum);
    y[r] = 0;
    for (int32_t v : lanes) y[r] += v;
  }
}

// ---- planes as table index: 32 rows x 8 columns, 32 bytes of +1 bits and 32 of -1 bits, a byte per row -------------------
void setTable(uint8_t* p, int64_t, int64_t cols, int64_t r, int64_t k, int w) {
  if (w != 0) p[(r / 32 * (cols / 8) + k / 8) * 64 + (w < 0 ? 32 : 0) + r % 32] |= uint8_t(1 << (k % 8));
}
void table(const uint8_t* p, const Activations& a, int32_t* y, int64_t rows, int64_t cols) {
  const __m256i nibble = _mm256_set1_epi8(15), bias = _mm256_set1_epi8(char(0x80));
  for (int64_t r = 0; r < rows; r += 32) {
    const uint8_t* t = a.tables.data();
    for (int i = 0; i < 32; ++i) y[r + i] = 0;
    for (int64_t k = 0; k < cols;) {
      __m256i acc[4] = {};
      int32_t steps = 0;
      for (; steps < 256 && k < cols; ++steps, k += 16, p += 128) {  // 256 biased bytes fill 16 bits
        _mm_prefetch((const char*)p + kAhead, _MM_HINT_T0);
        _mm_prefetch((const char*)p + kAhead + 64, _MM_HINT_T0);
        __m256i high = bias, low = bias;
        for (int h = 0; h < 2; ++h) {
          __m256i plus = load(p + 64 * h), minus = load(p + 64 * h + 32);
          for (int g = 0; g < 2; ++g, t += 32) {
            const __m256i i = _mm256_and_si256(plus, nibble), j = _mm256_and_si256(minus, nibble);
            const __m256i ta = _mm256_broadcastsi128_si256(*(const __m128i*)t), tb = _mm256_broadcastsi128_si256(*(const __m128i*)(t + 16));
            high = _mm256_add_epi8(high, _mm256_sub_epi8(_mm256_shuffle_epi8(ta, i), _mm256_shuffle_epi8(ta, j)));
            low = _mm256_add_epi8(low, _mm256_sub_epi8(_mm256_shuffle_epi8(tb, i), _mm256_shuffle_epi8(tb, j)));
            plus = _mm256_srli_epi16(plus, 4);
            minus = _mm256_srli_epi16(minus, 4);
          }
        }
        acc[0] = add16(acc[0], high);
        acc[1] = add16(acc[1], _mm256_srli_epi16(high, 8));
        acc[2] = add16(acc[2], low);
        acc[3] = add16(acc[3], _mm256_srli_epi16(low, 8));
      }
      uint16_t v[4][16];
      for (int i = 0; i < 4; ++i) _mm256_storeu_si256((__m256i*)v[i], acc[i]);
      const int32_t n = steps * 128;
      for (int i = 0; i < 16; ++i) {
        const int32_t a0 = uint16_t(v[0][i] - uint16_t(v[1][i] << 8)), b0 = uint16_t(v[2][i] - uint16_t(v[3][i] << 8));
        y[r + 2 * i] += (a0 - n) * 32 + (b0 - n);
        y[r + 2 * i + 1] += (v[1][i] - n) * 32 + (v[3][i] - n);
      }
    }
  }
}

// ---- 1.6 bit: five weights in a byte, base 3; 8 rows x 20 columns in 32 bytes ---------------------------------------------
constexpr int64_t kFive = 20;
int64_t chunksOf(int64_t cols) { return (cols + kFive - 1) / kFive; }
size_t base3Bytes(int64_t rows, int64_t cols) { return size_t(rows / 8 * chunksOf(cols) * 32); }
// A byte is ceil(v * 256 / 243), v = the digits in base 3, so that multiplying by 3 gives the next digit as what overflows.
void setBase3(uint8_t* p, int64_t, int64_t cols, int64_t r, int64_t k, int w) {
  static const int power[5] = {81, 27, 9, 3, 1};
  uint8_t& byte = p[(r / 8 * chunksOf(cols) + k / kFive) * 32 + r % 8 * 4 + k % 4];
  const int before = byte * 243 / 256;  // columns come in order: later digits are still 0
  byte = uint8_t(((before + (w + 1) * power[k % kFive / 4]) * 256 + 242) / 243);
}
void base3(const uint8_t* p, const Activations& a, int32_t* y, int64_t rows, int64_t cols) {
  const __m256i two = _mm256_set1_epi8(3), one8 = _mm256_set1_epi8(1), none = _mm256_setzero_si256();
  const int64_t chunks = chunksOf(cols);
  for (int64_t r = 0; r < rows; r += 8) {
    const int8_t* x = a.x.data();
    __m256i sum = none;
    for (int64_t c = 0; c < chunks;) {
      __m256i s = none;
      for (int i = 0; i < 12 && c < chunks; ++i, ++c, p += 32, x += kFive) {
        _mm_prefetch((const char*)p + kAhead, _MM_HINT_T0);
        __m256i v = load(p);
        for (int d = 0; d < 5; ++d) {
          // 3 v / 256 from two averages, which round up: hence one less.
          const __m256i u = _mm256_subs_epu8(v, one8);
          const __m256i digit = _mm256_and_si256(_mm256_srli_epi16(_mm256_avg_epu8(u, _mm256_avg_epu8(u, none)), 6), two);
          s = add16(s, _mm256_maddubs_epi16(digit, spread4(x + 4 * d)));
          v = _mm256_add_epi8(v, _mm256_add_epi8(v, v));
        }
      }
      sum = widen(sum, s);
    }
    _mm256_storeu_si256((__m256i*)(y + r), _mm256_sub_epi32(sum, _mm256_set1_epi32(a.sum)));
  }
}

}  // namespace

const std::vector<Format>& formats() {
  static const std::vector<Format> list = {
      {"naive unpacking", -128, 0, 0, twoBits, setNaive, naive},
      {"packed 2 bit", -128, 1.0 / 32, 0, twoBits, setPacked, packed},
      {"planes merged to fields", -128, 1.0 / 32, 0, twoBits, setMerged, merged},
      {"planes as masks", -127, 1.0 / 32, 2.0 / 32, twoBits, setMasks, masks},
      {"planes as table index", -128, 0, 1.0 / 32, twoBits, setTable, table},
      {"1.6 bit, base 3", -128, 1.0 / 32, 0, base3Bytes, setBase3, base3},
  };
  return list;
}
