// The product of the avx512 target with many rows of activations: 64 rows by 256 columns of weights are spread to codes w + 1, one
// a byte, and multiplied with all activations while they are in the nearest cache.

namespace rotor {
namespace ROTOR_TARGET {

constexpr int kPanelGroups = 4;
constexpr int64_t kPanelRows = kPanelGroups * kGroupRows, kBlockCols = 256;
constexpr int64_t kRowChunk = 48;  // activations of a block and their sums share the nearest cache with 16 KiB of codes

// Codes of one group as [4 columns][panel of groups][16 rows][4 columns]. The next block is fetched meanwhile.
static inline void spreadGroup(const uint8_t* zero, const uint8_t* plus, int64_t chunks, uint8_t* codes) {
  for (int64_t c = 0; c < chunks; ++c, zero += kChunkBytes, plus += kChunkBytes, codes += 8 * kPanelRows * 4) {
    fetch(zero + kBlockCols / kChunkCols * kChunkBytes);
    fetch(plus + kBlockCols / kChunkCols * kChunkBytes);
    const Fields w = fieldsAt(zero, plus);
#pragma GCC unroll 4
    for (int f = 0; f < 4; ++f) {
      _mm512_storeu_si512(codes + (2 * f) * kPanelRows * 4, levelOf(w.even, f));
      _mm512_storeu_si512(codes + (2 * f + 1) * kPanelRows * 4, levelOf(w.odd, f));
    }
  }
}

// Adds the products of one block for T rows of activations and G groups of weights.
template <int G, int T>
static inline void blockTile(const uint8_t* codes, const int8_t* x, int64_t quads, int32_t (*sums)[kPanelRows], int64_t group) {
  __m512i acc[T][G];
#pragma GCC unroll 8
  for (int t = 0; t < T; ++t)
#pragma GCC unroll 4
    for (int g = 0; g < G; ++g) acc[t][g] = load512(sums[t] + (group + g) * kGroupRows);
  const uint8_t* c = codes + group * kChunkBytes;
  for (int64_t q = 0; q < quads; ++q, c += kPanelRows * 4) {
    __m512i u[G];
#pragma GCC unroll 4
    for (int g = 0; g < G; ++g) u[g] = load512(c + g * kChunkBytes);
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t) {
      const __m512i v = fourCodes(x + t * kBlockCols + 4 * q);
#pragma GCC unroll 4
      for (int g = 0; g < G; ++g) acc[t][g] = _mm512_dpbusd_epi32(acc[t][g], u[g], v);
    }
  }
#pragma GCC unroll 8
  for (int t = 0; t < T; ++t)
#pragma GCC unroll 4
    for (int g = 0; g < G; ++g) _mm512_storeu_si512(sums[t] + (group + g) * kGroupRows, acc[t][g]);
}

template <int G>
static void blockRows(const uint8_t* codes, const int8_t* x, int64_t n, int64_t quads, int32_t (*sums)[kPanelRows], int64_t group) {
  int64_t t = 0;
  for (; t + 6 <= n; t += 6) blockTile<G, 6>(codes, x + t * kBlockCols, quads, sums + t, group);
  if (n - t >= 4) blockTile<G, 4>(codes, x + t * kBlockCols, quads, sums + t, group), t += 4;
  if (n - t >= 2) blockTile<G, 2>(codes, x + t * kBlockCols, quads, sums + t, group), t += 2;
  if (n - t == 1) blockTile<G, 1>(codes, x + t * kBlockCols, quads, sums + t, group);
}

template <class Emit>
static void manyRows(const Args& a, const Worker& w, const int8_t* x, int64_t tokens, const uint8_t* packed, int64_t rows, int64_t cols, Emit emit) {
  const int64_t chunks = chunksOf(cols), padded = chunks * kChunkCols;
  int32_t* rowSum = reinterpret_cast<int32_t*>(a.scratch);
  // The activations, block of columns by block, so that what one block of weights meets lies together.
  int8_t* copy = reinterpret_cast<int8_t*>(a.scratch) + roundUp(tokens * 4, 64);
  int64_t b, e;
  w.range(tokens, 1, &b, &e);
  for (int64_t t = b; t < e; ++t) {
    for (int64_t k = 0; k < padded; k += kBlockCols) {
      int8_t* to = copy + (k * tokens + t * kBlockCols);
      const int64_t n = cols - k < kBlockCols ? cols - k : kBlockCols;
      memcpy(to, x + t * cols + k, size_t(n));
      memset(to + n, 0, size_t(kBlockCols - n));
    }
    rowSum[t] = sumOf(x + t * cols, cols);
  }
  w.sync();
  alignas(64) uint8_t codes[kBlockCols * kPanelRows];
  alignas(64) int32_t sums[kRowChunk][kPanelRows];
  const auto panel = [&](int64_t r) {
    const int64_t count = rows - r < kPanelRows ? rows - r : kPanelRows, groups = roundUp(count, kGroupRows) / kGroupRows;
    for (int64_t first = 0; first < tokens; first += kRowChunk) {
      const int64_t n = tokens - first < kRowChunk ? tokens - first : kRowChunk;
      memset(sums, 0, size_t(n) * sizeof sums[0]);
      for (int64_t k = 0; k < padded; k += kBlockCols) {
        const int64_t here = padded - k < kBlockCols ? padded - k : kBlockCols;
        for (int64_t g = 0; g < groups; ++g) {
          const uint8_t* zero = packed + ((r / kGroupRows + g) * chunks + k / kChunkCols) * kChunkBytes;
          spreadGroup(zero, zero + ternaryPlane(rows, cols), here / kChunkCols, codes + g * kChunkBytes);
        }
        const int8_t* at = copy + k * tokens + first * kBlockCols;
        if (groups == kPanelGroups) blockRows<kPanelGroups>(codes, at, n, here / 4, sums, 0);
        else
          for (int64_t g = 0; g < groups; ++g) blockRows<1>(codes, at, n, here / 4, sums, g);
      }
      for (int64_t t = 0; t < n; ++t) {
        for (int i = 0; i < kPanelRows; ++i) sums[t][i] -= rowSum[first + t];
        emit(first + t, r, count, sums[t]);
      }
    }
  };
  w.share(rows, kPanelRows, [&](int64_t from, int64_t to) {
    for (int64_t r = from; r < to; r += kPanelRows) panel(r);
  });
}

// Calls emit(t, firstRow, count, sums) for row t of the activations and each run of output rows of this worker.
template <class Emit>
static void ternaryProduct(const Args& a, const Worker& w, const int8_t* x, int64_t tokens, const uint8_t* packed, int64_t rows, int64_t cols, Emit emit) {
  if (tokens == 0) return;
  if (tokens <= kFewRows) return fewRows(a, w, x, tokens, packed, rows, cols, emit);
  manyRows(a, w, x, tokens, packed, rows, cols, emit);
}

}  // namespace ROTOR_TARGET
}  // namespace rotor
