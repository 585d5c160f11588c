// The product of the amx target with many rows of activations. Planes are spread to codes w + 1, one a byte: 64 columns of a group
// of 16 weight rows are a tile as they come (level i of two chunks is row i of it), and so are 16 rows of activations by 64
// columns, stored one after the other. A step multiplies two tiles of each kind into four tiles of sums.

namespace rotor {
namespace ROTOR_TARGET {

constexpr int64_t kTileBytes = 1024, kTileCols = 64, kTileTokens = 16;
constexpr int64_t kBlockCols = 640;   // 20 KiB of codes, in the nearest cache with the sums
constexpr int64_t kRowChunk = 256;    // activations whose sums wait for the next block of columns
constexpr int64_t kPairRows = 2 * kGroupRows;

// Makes the compiler write what it owes to memory: it does not see what the tile instructions read there.
static inline void writeBack(const void* p) { __asm__ volatile("" : : "r"(p) : "memory"); }

// Tiles 0..3 sums [activations][weights], 4 and 5 activations, 6 and 7 weights: all of 16 rows by 64 bytes.
class TileConfig {
 public:
  TileConfig() {
    struct alignas(64) {
      uint8_t palette, start, reserved[14];
      uint16_t rowBytes[16];
      uint8_t rows[16];
    } config = {};
    config.palette = 1;
    for (int i = 0; i < 8; ++i) {
      config.rowBytes[i] = 64;
      config.rows[i] = 16;
    }
    writeBack(&config);
    _tile_loadconfig(&config);
  }
  ~TileConfig() { _tile_release(); }
};

// Codes of a group, tile by tile. A last half tile is filled up with zeros. The next block is fetched meanwhile.
static inline void spreadTiles(const uint8_t* zero, const uint8_t* plus, int64_t chunks, uint8_t* codes) {
  for (int64_t c = 0; c < chunks; ++c, zero += kChunkBytes, plus += kChunkBytes, codes += kTileBytes / 2) {
    fetch(zero + kBlockCols / kChunkCols * kChunkBytes);
    fetch(plus + kBlockCols / kChunkCols * kChunkBytes);
    const Fields w = fieldsAt(zero, plus);
#pragma GCC unroll 4
    for (int f = 0; f < 4; ++f) {
      _mm512_storeu_si512(codes + 128 * f, levelOf(w.even, f));
      _mm512_storeu_si512(codes + 128 * f + 64, levelOf(w.odd, f));
    }
  }
  if (chunks % 2 != 0) memset(codes, 0, kTileBytes / 2);
}

// Sums of 32 rows of activations and 32 of weights, [activations][weights][16][16].
using PairSums = int32_t[2][2][kTileTokens][kGroupRows];

// Adds the products of `tiles` tiles of columns.
static inline void tileStep(const int8_t* x0, const int8_t* x1, const uint8_t* w0, const uint8_t* w1, int64_t tiles, PairSums& sums) {
  writeBack(w0);
  writeBack(w1);
  writeBack(sums);
  _tile_loadd(0, sums[0][0], 64);
  _tile_loadd(1, sums[0][1], 64);
  _tile_loadd(2, sums[1][0], 64);
  _tile_loadd(3, sums[1][1], 64);
  for (int64_t i = 0; i < tiles; ++i, x0 += kTileBytes, x1 += kTileBytes, w0 += kTileBytes, w1 += kTileBytes) {
    _tile_loadd(6, w0, 64);
    _tile_loadd(4, x0, 64);
    _tile_dpbsud(0, 4, 6);
    _tile_loadd(7, w1, 64);
    _tile_dpbsud(1, 4, 7);
    _tile_loadd(5, x1, 64);
    _tile_dpbsud(2, 5, 6);
    _tile_dpbsud(3, 5, 7);
  }
  _tile_stored(0, sums[0][0], 64);
  _tile_stored(1, sums[0][1], 64);
  _tile_stored(2, sums[1][0], 64);
  _tile_stored(3, sums[1][1], 64);
}

// The activations as tiles of 16 rows by 64 columns, [rows][columns], and the sum of each row.
static void tileActivations(const int8_t* x, int64_t tokens, int64_t cols, int64_t tiles, int64_t begin, int64_t end, int8_t* copy, int32_t* rowSum) {
  for (int64_t t = begin; t < end; ++t) {
    int8_t* to = copy + t / kTileTokens * tiles * kTileBytes + t % kTileTokens * kTileCols;
    for (int64_t k = 0; k < cols; k += kTileCols, to += kTileBytes) {
      const int64_t n = t >= tokens ? 0 : cols - k < kTileCols ? cols - k : kTileCols;
      if (n > 0) memcpy(to, x + t * cols + k, size_t(n));
      memset(to + n, 0, size_t(kTileCols - n));
    }
    if (t < tokens) rowSum[t] = sumOf(x + t * cols, cols);
  }
}

template <class Emit>
static void manyRows(const Args& a, const Worker& w, const int8_t* x, int64_t tokens, const uint8_t* packed, int64_t rows, int64_t cols, Emit emit) {
  const int64_t chunks = chunksOf(cols), tiles = roundUp(cols, kTileCols) / kTileCols;
  const int64_t bands = roundUp(tokens, kTileTokens) / kTileTokens, groups = roundUp(rows, kGroupRows) / kGroupRows;
  int32_t* rowSum = reinterpret_cast<int32_t*>(a.scratch);
  int8_t* copy = reinterpret_cast<int8_t*>(a.scratch) + roundUp(tokens * 4, 64);
  int64_t b, e;
  w.range(bands * kTileTokens, 1, &b, &e);
  tileActivations(x, tokens, cols, tiles, b, e, copy, rowSum);
  w.sync();
  const TileConfig config;
  alignas(64) uint8_t codes[2][kBlockCols * kGroupRows];
  alignas(64) PairSums sums[kRowChunk / (2 * kTileTokens)];
  const auto pairOfGroups = [&](int64_t r) {
    for (int64_t first = 0; first < bands; first += kRowChunk / kTileTokens) {
      const int64_t last = first + kRowChunk / kTileTokens < bands ? first + kRowChunk / kTileTokens : bands;
      memset(sums, 0, size_t((last - first + 1) / 2) * sizeof sums[0]);
      for (int64_t k = 0; k < cols; k += kBlockCols) {
        const int64_t here = chunks - k / kChunkCols < kBlockCols / kChunkCols ? chunks - k / kChunkCols : kBlockCols / kChunkCols;
        // A group or a band that is not there is the one before it once more: nobody reads its sums.
        const int64_t second = r / kGroupRows + 1 < groups ? 1 : 0;
        for (int64_t g = 0; g <= second; ++g) {
          const uint8_t* zero = packed + ((r / kGroupRows + g) * chunks + k / kChunkCols) * kChunkBytes;
          spreadTiles(zero, zero + ternaryPlane(rows, cols), here, codes[g]);
        }
        for (int64_t m = first; m < last; m += 2) {
          const int8_t* x0 = copy + (m * tiles + k / kTileCols) * kTileBytes;
          const int8_t* x1 = m + 1 < last ? x0 + tiles * kTileBytes : x0;
          tileStep(x0, x1, codes[0], codes[second], (here + 1) / 2, sums[(m - first) / 2]);
        }
      }
      const int64_t count = rows - r < kPairRows ? rows - r : kPairRows;
      for (int64_t t = first * kTileTokens; t < tokens && t < last * kTileTokens; ++t) {
        const int64_t at = t - first * kTileTokens;
        PairSums& pair = sums[at / (2 * kTileTokens)];
        int32_t row[kPairRows];
        for (int64_t g = 0; g < 2; ++g)
          for (int64_t i = 0; i < kGroupRows; ++i)
            row[g * kGroupRows + i] = pair[at / kTileTokens % 2][g][at % kTileTokens][i] - rowSum[t];
        emit(t, r, count, row);
      }
    }
  };
  w.share(rows, kPairRows, [&](int64_t from, int64_t to) {
    for (int64_t r = from; r < to; r += kPairRows) pairOfGroups(r);
  });
}

constexpr int64_t kFewestTileRows = 9;  // fewer go through the lane-wise product: a tile costs the same with one row and with sixteen
static_assert(kFewestTileRows > kTableRows, "the scratch of fewer rows has no tiles");

// Calls emit(t, firstRow, count, sums) for row t of the activations and each run of output rows of this worker.
template <class Emit>
static void ternaryProduct(const Args& a, const Worker& w, const int8_t* x, int64_t tokens, const uint8_t* packed, int64_t rows, int64_t cols, Emit emit) {
  if (tokens == 0) return;
  if (tokens < kFewestTileRows) return fewRows(a, w, x, tokens, packed, rows, cols, emit);
  manyRows(a, w, x, tokens, packed, rows, cols, emit);
}

}  // namespace ROTOR_TARGET
}  // namespace rotor
