// Packed order of the avx512 and amx targets, and the product with few rows of activations.
// Order: the `zero` plane of the matrix, then its `plus` plane; in each, groups of 16 rows; in a group, chunks of 32 columns of
// 64 bytes: byte 4 n + j, bit i is row n, column 4 i + j. So bit i of a chunk (its level i) is 16 rows by 4 columns, what a
// lane-wise byte product takes. Rows are padded to 16 and columns to 32; what stands there meets activations of zero.

namespace rotor {
namespace ROTOR_TARGET {

constexpr int64_t kGroupRows = 16, kChunkCols = 32, kChunkBytes = 64;

static inline int64_t chunksOf(int64_t cols) { return roundUp(cols, kChunkCols) / kChunkCols; }
static inline int64_t ternaryPlane(int64_t rows, int64_t cols) { return roundUp(rows, kGroupRows) / kGroupRows * chunksOf(cols) * kChunkBytes; }
static int64_t ternaryBytes(int64_t rows, int64_t cols) { return 2 * ternaryPlane(rows, cols); }

// Eight weights of a row, from column 8 * b, as bits of the two planes: two levels of a chunk, a pair of bits in four bytes.
struct Bits {
  uint8_t zero, plus;
};

static inline uint8_t* pairsAt(uint8_t* packed, int64_t cols, int64_t r, int64_t b) {
  return packed + (r / kGroupRows * chunksOf(cols) + b / 4) * kChunkBytes + r % kGroupRows * 4;
}
static inline uint8_t getPairs(const uint8_t* p, int shift) {
  uint32_t v;
  memcpy(&v, p, 4);
  v >>= shift;
  const uint32_t low = (v & 0x01010101u) * 0x01020408u >> 24, high = (v >> 1 & 0x01010101u) * 0x01020408u >> 24;
  return uint8_t((low & 15) | high << 4);
}
static inline void setPairs(uint8_t* p, int shift, uint8_t bits) {
  uint32_t v;
  memcpy(&v, p, 4);
  const uint32_t low = (bits & 15u) * 0x00204081u & 0x01010101u, high = (bits >> 4) * 0x00204081u & 0x01010101u;
  v = (v & ~(0x03030303u << shift)) | (low | high << 1) << shift;
  memcpy(p, &v, 4);
}
static inline Bits getBits(const uint8_t* packed, int64_t rows, int64_t cols, int64_t r, int64_t b) {
  const uint8_t* p = pairsAt(const_cast<uint8_t*>(packed), cols, r, b);
  const int shift = int(b % 4 * 2);
  return {getPairs(p, shift), getPairs(p + ternaryPlane(rows, cols), shift)};
}
static inline void setBits(uint8_t* packed, int64_t rows, int64_t cols, int64_t r, int64_t b, Bits bits) {
  uint8_t* p = pairsAt(packed, cols, r, b);
  const int shift = int(b % 4 * 2);
  setPairs(p, shift, bits.zero);
  setPairs(p + ternaryPlane(rows, cols), shift, bits.plus);
}

static inline __m512i load512(const void* p) { return _mm512_loadu_si512(p); }
static inline __m512i fourCodes(const int8_t* x) {
  int32_t four;
  memcpy(&four, x, 4);
  return _mm512_set1_epi32(four);
}

// A chunk as fields of two bits, w + 1 each: level 2 f at bits 2 f of a byte of `even`, level 2 f + 1 there in `odd`.
struct Fields {
  __m512i even, odd;
};
static inline Fields fieldsAt(const uint8_t* zero, const uint8_t* plus) {
  const __m512i low = _mm512_set1_epi8(0x55), z = load512(zero), p = load512(plus);
  constexpr int select = 0xCA;  // low ? second : third
  return {_mm512_ternarylogic_epi32(low, z, _mm512_add_epi8(p, p), select), _mm512_ternarylogic_epi32(low, _mm512_srli_epi16(z, 1), p, select)};
}
static inline __m512i levelOf(__m512i fields, int f) {
  return _mm512_and_si512(f == 0 ? fields : _mm512_srli_epi16(fields, unsigned(2 * f)), _mm512_set1_epi8(3));
}

// Sum of the codes of a row.
static inline int32_t sumOf(const int8_t* x, int64_t n) {
  int32_t sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += x[i];
  return sum;
}

constexpr int64_t kAhead = 3072;  // bytes of each plane that are fetched ahead

static inline void fetch(const uint8_t* p) { _mm_prefetch((const char*)p, _MM_HINT_T0); }

// Sums of (w + 1) x of one group for one or two rows of activations. The fields stay where they are in their bytes: field f is
// 4^f times its value, in an accumulator of its own. At 65536 columns that is at most 2^27 (2 * 64 * 128 by 8192 columns).
template <int T>
static inline void scaledTile(const uint8_t* zero, const uint8_t* plus, int64_t chunks, const int8_t* x, int64_t stride, int32_t (*sums)[kGroupRows]) {
  __m512i even[T][4], odd[T][4], mask[4];
#pragma GCC unroll 4
  for (int f = 0; f < 4; ++f) {
    mask[f] = _mm512_set1_epi8(char(3 << 2 * f));
#pragma GCC unroll 2
    for (int t = 0; t < T; ++t) even[t][f] = odd[t][f] = _mm512_setzero_si512();
  }
  for (int64_t c = 0; c < chunks; ++c, zero += kChunkBytes, plus += kChunkBytes, x += kChunkCols) {
    fetch(zero + kAhead);
    fetch(plus + kAhead);
    const Fields w = fieldsAt(zero, plus);
#pragma GCC unroll 4
    for (int f = 0; f < 4; ++f) {
      const __m512i u = _mm512_and_si512(w.even, mask[f]), v = _mm512_and_si512(w.odd, mask[f]);
#pragma GCC unroll 2
      for (int t = 0; t < T; ++t) {
        even[t][f] = _mm512_dpbusd_epi32(even[t][f], u, fourCodes(x + t * stride + 8 * f));
        odd[t][f] = _mm512_dpbusd_epi32(odd[t][f], v, fourCodes(x + t * stride + 8 * f + 4));
      }
    }
  }
#pragma GCC unroll 2
  for (int t = 0; t < T; ++t) {
    __m512i sum = _mm512_add_epi32(even[t][0], odd[t][0]);
    sum = _mm512_add_epi32(sum, _mm512_srai_epi32(_mm512_add_epi32(even[t][1], odd[t][1]), 2));
    sum = _mm512_add_epi32(sum, _mm512_srai_epi32(_mm512_add_epi32(even[t][2], odd[t][2]), 4));
    sum = _mm512_add_epi32(sum, _mm512_srai_epi32(_mm512_add_epi32(even[t][3], odd[t][3]), 6));
    _mm512_storeu_si512(sums[t], sum);
  }
}

// The same for more rows: one shift a field, shared by the rows, instead of four accumulators for each.
template <int T>
static inline void fieldTile(const uint8_t* zero, const uint8_t* plus, int64_t chunks, const int8_t* x, int64_t stride, int32_t (*sums)[kGroupRows]) {
  __m512i even[T], odd[T];
#pragma GCC unroll 8
  for (int t = 0; t < T; ++t) even[t] = odd[t] = _mm512_setzero_si512();
  for (int64_t c = 0; c < chunks; ++c, zero += kChunkBytes, plus += kChunkBytes, x += kChunkCols) {
    fetch(zero + kAhead);
    fetch(plus + kAhead);
    const Fields w = fieldsAt(zero, plus);
#pragma GCC unroll 4
    for (int f = 0; f < 4; ++f) {
      const __m512i u = levelOf(w.even, f), v = levelOf(w.odd, f);
#pragma GCC unroll 8
      for (int t = 0; t < T; ++t) {
        even[t] = _mm512_dpbusd_epi32(even[t], u, fourCodes(x + t * stride + 8 * f));
        odd[t] = _mm512_dpbusd_epi32(odd[t], v, fourCodes(x + t * stride + 8 * f + 4));
      }
    }
  }
#pragma GCC unroll 8
  for (int t = 0; t < T; ++t) _mm512_storeu_si512(sums[t], _mm512_add_epi32(even[t], odd[t]));
}

constexpr int64_t kFewRows = 16;  // up to this many rows of activations, planes are read anew for every eight

template <class Emit>
static void fewRows(const Args& a, const Worker& w, const int8_t* x, int64_t tokens, const uint8_t* packed, int64_t rows, int64_t cols, Emit emit) {
  const int64_t chunks = chunksOf(cols), stride = chunks * kChunkCols;
  int32_t* rowSum = reinterpret_cast<int32_t*>(a.scratch);
  int8_t* copy = reinterpret_cast<int8_t*>(a.scratch) + roundUp(tokens * 4, 64);
  int64_t b, e;
  w.range(tokens, 1, &b, &e);
  for (int64_t t = b; t < e; ++t) {
    memcpy(copy + t * stride, x + t * cols, size_t(cols));
    memset(copy + t * stride + cols, 0, size_t(stride - cols));
    rowSum[t] = sumOf(x + t * cols, cols);
  }
  w.sync();
  int32_t sums[kFewRows][kGroupRows];
  w.share(rows, kGroupRows, [&](int64_t from, int64_t to) {
    for (int64_t r = from; r < to; r += kGroupRows) {
      const uint8_t* zero = packed + r / kGroupRows * chunks * kChunkBytes;
      const uint8_t* plus = zero + ternaryPlane(rows, cols);
      int64_t t = 0;
      for (; tokens - t >= 8; t += 8) fieldTile<8>(zero, plus, chunks, copy + t * stride, stride, sums + t);
      if (tokens - t >= 4) fieldTile<4>(zero, plus, chunks, copy + t * stride, stride, sums + t), t += 4;
      if (tokens - t == 3) fieldTile<3>(zero, plus, chunks, copy + t * stride, stride, sums + t), t += 3;
      if (tokens - t == 2) scaledTile<2>(zero, plus, chunks, copy + t * stride, stride, sums + t), t += 2;
      if (tokens - t == 1) scaledTile<1>(zero, plus, chunks, copy + t * stride, stride, sums + t);
      const int64_t count = rows - r < kGroupRows ? rows - r : kGroupRows;
      for (t = 0; t < tokens; ++t) {
        for (int i = 0; i < kGroupRows; ++i) sums[t][i] -= rowSum[t];
        emit(t, r, count, sums[t]);
      }
    }
  });
}

}  // namespace ROTOR_TARGET
}  // namespace rotor
