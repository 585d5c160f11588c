// Packed order and product of the avx2 target.
// Order: groups of 32 rows; in a group, tiles of 8 columns: 32 bytes of +1 bits (a byte per row, bit j = column j), then 32 bytes
// of -1 bits. Columns are padded to 16 and rows to 32 with zero weights.

namespace rotor {
namespace ROTOR_TARGET {

constexpr int64_t kTileRows = 32, kTileBytes = 64, kStepCols = 16;

static int64_t ternaryBytes(int64_t rows, int64_t cols) {
  return roundUp(rows, kTileRows) / kTileRows * (roundUp(cols, kStepCols) / 8) * kTileBytes;
}

// Eight weights of a row, from column 8 * b, as bits of the two canonical planes.
struct Bits {
  uint8_t zero, plus;
};

static inline int64_t tileAt(int64_t cols, int64_t r, int64_t b) {
  return (r / kTileRows * (roundUp(cols, kStepCols) / 8) + b) * kTileBytes + r % kTileRows;
}
static inline Bits getBits(const uint8_t* packed, int64_t, int64_t cols, int64_t r, int64_t b) {
  const uint8_t* p = packed + tileAt(cols, r, b);
  return {uint8_t(~(p[0] | p[kTileRows])), p[0]};
}
static inline void setBits(uint8_t* packed, int64_t, int64_t cols, int64_t r, int64_t b, Bits bits) {
  uint8_t* p = packed + tileAt(cols, r, b);
  p[0] = bits.plus;
  p[kTileRows] = uint8_t(~(bits.zero | bits.plus));
}

// Keeps the compiler from moving work across, which would spill accumulators. Emits nothing.
static inline void keepOrder(__m256i& v) { __asm__ volatile("" : "+x"(v)); }

// ---- few rows of activations: tables -----------------------------------------------------------------------------
// For each 4 columns a table of the 16 possible sums v of a subset of their activations, as v = 32 a + b with a in [-16, 15] and
// b in [0, 31]. A nibble of a tile byte is the index, so a shuffle looks up 32 rows at once.

static void buildTables(const int8_t* x, int64_t cols, uint8_t* tables, int64_t begin, int64_t end) {
  const __m256i lane = _mm256_setr_epi16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  __m256i mask[4];
  for (int j = 0; j < 4; ++j) {
    const __m256i bit = _mm256_set1_epi16(short(1 << j));
    mask[j] = _mm256_cmpeq_epi16(_mm256_and_si256(lane, bit), bit);
  }
  const __m256i low = _mm256_set1_epi16(31);
  for (int64_t g = begin; g < end; ++g) {
    int8_t v[4] = {};
    for (int64_t j = 0; j < 4 && 4 * g + j < cols; ++j) v[j] = x[4 * g + j];
    __m256i sum = _mm256_and_si256(_mm256_set1_epi16(v[0]), mask[0]);
    for (int j = 1; j < 4; ++j) sum = _mm256_add_epi16(sum, _mm256_and_si256(_mm256_set1_epi16(v[j]), mask[j]));
    const __m256i both = _mm256_packs_epi16(_mm256_srai_epi16(sum, 5), _mm256_and_si256(sum, low));
    _mm256_store_si256((__m256i*)(tables + 32 * g), _mm256_permute4x64_epi64(both, 0xD8));
  }
}

// Sums of 32 rows for T rows of activations, over steps of 16 columns.
template <int T>
[[gnu::noinline]] static void tableTile(const uint8_t* w, const uint8_t* tables, int64_t stride, int64_t steps, int32_t (*sums)[kTileRows]) {
  const __m256i nibble = _mm256_set1_epi8(15), bias = _mm256_set1_epi8(char(0x80));
  memset(sums, 0, sizeof(int32_t) * T * kTileRows);
  for (int64_t from = 0; from < steps; from += 256) {  // 256 biased bytes fill 16 bits
    const int64_t to = from + 256 < steps ? from + 256 : steps;
    __m256i acc[T][4];
#pragma GCC unroll 4
    for (int t = 0; t < T; ++t)
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) acc[t][i] = _mm256_setzero_si256();
    for (int64_t s = from; s < to; ++s, w += 2 * kTileBytes) {
      _mm_prefetch((const char*)w + 1024, _MM_HINT_T0);
      _mm_prefetch((const char*)w + 1088, _MM_HINT_T0);
      __m256i hi[T], lo[T];
#pragma GCC unroll 4
      for (int t = 0; t < T; ++t) hi[t] = lo[t] = bias;
#pragma GCC unroll 4
      for (int h = 0; h < 2; ++h) {
        __m256i plus = load256(w + h * kTileBytes), minus = load256(w + h * kTileBytes + 32);
#pragma GCC unroll 4
        for (int g = 0; g < 2; ++g) {
          const __m256i p = _mm256_and_si256(plus, nibble), m = _mm256_and_si256(minus, nibble);
#pragma GCC unroll 4
          for (int t = 0; t < T; ++t) {
            const uint8_t* table = tables + t * stride + s * 128 + (2 * h + g) * 32;
            const __m256i ta = _mm256_broadcastsi128_si256(*(const __m128i*)table);
            const __m256i tb = _mm256_broadcastsi128_si256(*(const __m128i*)(table + 16));
            hi[t] = _mm256_add_epi8(hi[t], _mm256_sub_epi8(_mm256_shuffle_epi8(ta, p), _mm256_shuffle_epi8(ta, m)));
            lo[t] = _mm256_add_epi8(lo[t], _mm256_sub_epi8(_mm256_shuffle_epi8(tb, p), _mm256_shuffle_epi8(tb, m)));
            keepOrder(hi[t]);
            keepOrder(lo[t]);
          }
          plus = _mm256_srli_epi16(plus, 4);
          minus = _mm256_srli_epi16(minus, 4);
        }
      }
#pragma GCC unroll 4
      for (int t = 0; t < T; ++t) {
        acc[t][0] = _mm256_add_epi16(acc[t][0], hi[t]);
        acc[t][1] = _mm256_add_epi16(acc[t][1], _mm256_srli_epi16(hi[t], 8));
        acc[t][2] = _mm256_add_epi16(acc[t][2], lo[t]);
        acc[t][3] = _mm256_add_epi16(acc[t][3], _mm256_srli_epi16(lo[t], 8));
      }
    }
    const int32_t n = int32_t(to - from) * 128;
#pragma GCC unroll 4
    for (int t = 0; t < T; ++t) {
      alignas(32) uint16_t v[4][16];
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) _mm256_store_si256((__m256i*)v[i], acc[t][i]);
      for (int i = 0; i < 16; ++i) {
        const int32_t a0 = uint16_t(v[0][i] - uint16_t(v[1][i] << 8)), b0 = uint16_t(v[2][i] - uint16_t(v[3][i] << 8));
        sums[t][2 * i] += (a0 - n) * 32 + (b0 - n);
        sums[t][2 * i + 1] += (v[1][i] - n) * 32 + (v[3][i] - n);
      }
    }
  }
}

// ---- many rows of activations: bytes -----------------------------------------------------------------------------
// 32 rows by 256 columns are spread to codes w + 1, one per byte, and multiplied with all activations while they are in cache.

constexpr int64_t kBlockCols = 256;  // 64 sums of 4 * 2 * 128 / 2 fit 16 bits
constexpr int64_t kRowChunk = 66;   // a multiple of the widest tile; what it meets stays in the nearest cache

// Rows of the four octets of a spread block, as two runs of 4: 4 * octet and 16 + 4 * octet. Unpacking leaves them so.
constexpr int kFarRows = 16;

// Codes of `quads` groups of 4 columns, as [group][octet][8 rows][4 columns]. The planes are merged to fields of two bits, w + 1
// each, and spread by unpacking. The next blocks are fetched meanwhile: while codes are multiplied, no weights are read.
static inline void spreadBlock(const uint8_t* w, int64_t quads, uint8_t* codes) {
  const __m256i even = _mm256_set1_epi8(0x55), field = _mm256_set1_epi8(3);
  for (int64_t q = 0; q < quads; q += 2, w += kTileBytes, codes += 256) {
    _mm_prefetch((const char*)w + 2 * kBlockCols / 8 * kTileBytes, _MM_HINT_T0);
    const __m256i p = load256(w), m = load256(w + 32);
    const __m256i p1 = _mm256_srli_epi16(p, 1), m1 = _mm256_srli_epi16(m, 1);
    const __m256i a = _mm256_sub_epi8(_mm256_add_epi8(even, _mm256_and_si256(p, even)), _mm256_and_si256(m, even));     // columns 0, 2, 4, 6
    const __m256i b = _mm256_sub_epi8(_mm256_add_epi8(even, _mm256_and_si256(p1, even)), _mm256_and_si256(m1, even));  // columns 1, 3, 5, 7
    const __m256i rows[2] = {_mm256_unpacklo_epi8(a, b), _mm256_unpackhi_epi8(a, b)};
    for (int r = 0; r < 2; ++r) {
      const __m256i c0 = _mm256_and_si256(rows[r], field), c2 = _mm256_and_si256(_mm256_srli_epi16(rows[r], 2), field);
      const __m256i c4 = _mm256_and_si256(_mm256_srli_epi16(rows[r], 4), field), c6 = _mm256_and_si256(_mm256_srli_epi16(rows[r], 6), field);
      __m256i* to = (__m256i*)codes + 2 * r;
      _mm256_store_si256(to, _mm256_unpacklo_epi16(c0, c2));
      _mm256_store_si256(to + 1, _mm256_unpackhi_epi16(c0, c2));
      _mm256_store_si256(to + 4, _mm256_unpacklo_epi16(c4, c6));
      _mm256_store_si256(to + 5, _mm256_unpackhi_epi16(c4, c6));
    }
  }
}

// Adds the products of one block for T rows of activations and two octets of weights.
template <int T>
[[gnu::noinline]] static void byteTile(const uint8_t* codes, const int8_t* x, int64_t quads, int32_t (*sums)[kTileRows], int octet) {
  __m256i acc[T][2];
#pragma GCC unroll 8
  for (int t = 0; t < T; ++t) acc[t][0] = acc[t][1] = _mm256_setzero_si256();
  const uint8_t* c = codes + octet * 32;
  for (int64_t q = 0; q < quads; ++q, c += 128) {
    const __m256i u0 = _mm256_load_si256((const __m256i*)c), u1 = _mm256_load_si256((const __m256i*)(c + 32));
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t) {
      int32_t four;
      memcpy(&four, x + t * kBlockCols + 4 * q, 4);
      const __m256i v = _mm256_set1_epi32(four);
      acc[t][0] = _mm256_add_epi16(acc[t][0], _mm256_maddubs_epi16(u0, v));
      acc[t][1] = _mm256_add_epi16(acc[t][1], _mm256_maddubs_epi16(u1, v));
      keepOrder(acc[t][0]);
      keepOrder(acc[t][1]);
    }
  }
  const __m256i one = _mm256_set1_epi16(1);
  const auto addTo = [](int32_t* s, __m128i v) { _mm_store_si128((__m128i*)s, _mm_add_epi32(_mm_load_si128((const __m128i*)s), v)); };
#pragma GCC unroll 8
  for (int t = 0; t < T; ++t)
#pragma GCC unroll 2
    for (int o = 0; o < 2; ++o) {
      const __m256i sum = _mm256_madd_epi16(acc[t][o], one);
      addTo(sums[t] + (octet + o) * 4, _mm256_castsi256_si128(sum));
      addTo(sums[t] + (octet + o) * 4 + kFarRows, _mm256_extracti128_si256(sum, 1));
    }
}

template <class Emit>
static void byteProduct(const Args& a, const Worker& w, const int8_t* x, int64_t tokens, const uint8_t* packed, int64_t rows, int64_t cols, Emit emit) {
  const int64_t padded = roundUp(cols, kStepCols), groupBytes = padded / 8 * kTileBytes;
  int32_t* rowSum = reinterpret_cast<int32_t*>(a.scratch);
  // The activations, block of columns by block, so that what one block of weights meets lies together.
  int8_t* copy = reinterpret_cast<int8_t*>(a.scratch) + roundUp(tokens * 4, 64);
  int64_t b, e;
  w.range(tokens, 1, &b, &e);
  for (int64_t t = b; t < e; ++t) {
    int32_t sum = 0;
    for (int64_t k = 0; k < padded; k += kBlockCols) {
      int8_t* to = copy + (k * tokens + t * kBlockCols);
      const int64_t n = cols - k < kBlockCols ? cols - k : kBlockCols;
      memcpy(to, x + t * cols + k, size_t(n));
      memset(to + n, 0, size_t(kBlockCols - n));
      for (int64_t i = 0; i < kBlockCols; ++i) sum += to[i];
    }
    rowSum[t] = sum;
  }
  w.sync();
  alignas(64) uint8_t codes[kBlockCols / 4 * 128];
  alignas(64) int32_t sums[kRowChunk][kTileRows];
  const auto group = [&](int64_t r) {
    for (int64_t first = 0; first < tokens; first += kRowChunk) {
      const int64_t n = tokens - first < kRowChunk ? tokens - first : kRowChunk;
      memset(sums, 0, size_t(n) * sizeof sums[0]);
      for (int64_t k = 0; k < padded; k += kBlockCols) {
        const int64_t quads = (padded - k < kBlockCols ? padded - k : kBlockCols) / 4;
        spreadBlock(packed + r / kTileRows * groupBytes + k / 8 * kTileBytes, quads, codes);
        const int8_t* at = copy + k * tokens + first * kBlockCols;
        for (int octet = 0; octet < 4; octet += 2) {
          int64_t t = 0;
          for (; t + 6 <= n; t += 6) byteTile<6>(codes, at + t * kBlockCols, quads, sums + t, octet);
          if (n - t >= 4) byteTile<4>(codes, at + t * kBlockCols, quads, sums + t, octet), t += 4;
          if (n - t >= 2) byteTile<2>(codes, at + t * kBlockCols, quads, sums + t, octet), t += 2;
          if (n - t == 1) byteTile<1>(codes, at + t * kBlockCols, quads, sums + t, octet);
        }
      }
      const int64_t count = rows - r < kTileRows ? rows - r : kTileRows;
      for (int64_t t = 0; t < n; ++t) {
        for (int i = 0; i < kTileRows; ++i) sums[t][i] -= rowSum[first + t];
        emit(first + t, r, count, sums[t]);
      }
    }
  };
  w.share(rows, kTileRows, [&](int64_t from, int64_t to) {
    for (int64_t r = from; r < to; r += kTileRows) group(r);
  });
}

template <class Emit>
static void tableProduct(const Args& a, const Worker& w, const int8_t* x, int64_t tokens, const uint8_t* packed, int64_t rows, int64_t cols, Emit emit) {
  const int64_t padded = roundUp(cols, kStepCols), steps = padded / kStepCols, groupBytes = padded / 8 * kTileBytes;
  uint8_t* tables = reinterpret_cast<uint8_t*>(a.scratch);
  int64_t b, e;
  w.range(padded / 4, 2, &b, &e);
  for (int64_t t = 0; t < tokens; ++t) buildTables(x + t * cols, cols, tables + t * padded * 8, b, e);
  w.sync();
  alignas(64) int32_t sums[kTableRows][kTileRows];
  w.share(rows, kTileRows, [&](int64_t from, int64_t to) {
    for (int64_t r = from; r < to; r += kTileRows) {
      const uint8_t* tile = packed + r / kTileRows * groupBytes;
      int64_t t = 0;
      for (; tokens - t >= 3 && tokens - t != 4; t += 3) tableTile<3>(tile, tables + t * padded * 8, padded * 8, steps, sums + t);
      for (; tokens - t >= 2; t += 2) tableTile<2>(tile, tables + t * padded * 8, padded * 8, steps, sums + t);
      if (tokens - t == 1) tableTile<1>(tile, tables + t * padded * 8, padded * 8, steps, sums + t);
      const int64_t count = rows - r < kTileRows ? rows - r : kTileRows;
      for (t = 0; t < tokens; ++t) emit(t, r, count, sums[t]);
    }
  });
}

// Calls emit(t, firstRow, count, sums) for row t of the activations and each run of output rows of this worker.
template <class Emit>
static void ternaryProduct(const Args& a, const Worker& w, const int8_t* x, int64_t tokens, const uint8_t* packed, int64_t rows, int64_t cols, Emit emit) {
  if (tokens == 0) return;
  if (tokens <= kTableRows) return tableProduct(a, w, x, tokens, packed, rows, cols, emit);
  byteProduct(a, w, x, tokens, packed, rows, cols, emit);
}

}  // namespace ROTOR_TARGET
}  // namespace rotor
