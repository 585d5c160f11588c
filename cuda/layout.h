// The order of packed ternary weights on a GPU, and of activations made ready for the tensor cores: index functions that kernels share.
//
// Weights: tiles of 16 rows x 256 columns, 1 KB each, those of 16 rows one after the other. A tile is two bit planes of 512 bytes, "plus"
// (w = +1) and "zero" (w = 0), so that 2 plus + zero = w + 1. Lane l = 4 g + t of a warp owns 16 bytes of a plane, four words of 32 columns:
//   row g columns 64 t ..+31 | row g + 8, the same columns | row g columns 64 t + 32 ..+31 | row g + 8, the same columns
// which are registers a0, a1, a2, a3 of mma.m16n8k256.b1: in another order each fragment would cost four moves. Columns beyond the last are zeros; rows beyond the last are undefined.
#pragma once
#include <cstdint>

#include "../cpp/abi.h"

namespace rotor {
namespace cuda {

constexpr int kTileRows = 16;
constexpr int kTileCols = 256;
constexpr int kPlaneBytes = kTileRows * kTileCols / 8;
constexpr int kTileBytes = 2 * kPlaneBytes;
constexpr int kTileWords = kTileCols / 32;  // of a row, in one plane

ROTOR_ANYWHERE constexpr int64_t rowTiles(int64_t rows) { return (rows + kTileRows - 1) / kTileRows; }
// Tiles along the columns.
ROTOR_ANYWHERE constexpr int64_t colTiles(int64_t cols) { return (cols + kTileCols - 1) / kTileCols; }

// Bytes from the start of the plane of a tile to columns 32 `word` ..+31 of its row `row`.
ROTOR_ANYWHERE constexpr int tileWord(int row, int word) { return ((row % 8 * 4 + word / 2) * 4 + word % 2 * 2 + row / 8) * 4; }
// Bytes from the start of the packed matrix to the plus plane of 32 columns of a row; the zero plane is kPlaneBytes later.
ROTOR_ANYWHERE constexpr int64_t packedWord(int64_t row, int64_t word, int64_t cols) {
  return (row / kTileRows * colTiles(cols) + word / kTileWords) * kTileBytes + tileWord(int(row % kTileRows), int(word % kTileWords));
}

// Activations for int8 tensor cores: taking every eighth column of a word at once makes the interleaved planes come out as bytes in the
// order of a fragment. Of the columns of a tile, product q = 0..7 takes
//   slot 4 t + b: column 64 t + 8 b + q,   slot 16 + 4 t + b: column 64 t + 32 + 8 b + q   (t, b = 0..3).
// So 32 columns of a row of activations (word `word` of the tile) become eight 4-byte words, one for each q, at slot 16 half + 4 t.
constexpr int kProducts = 8;
constexpr int kGroup = 8;  // tokens of one mma
constexpr int kGroupBytes = kGroup * kTileCols;

// As B fragments: for each column tile and group of 8 tokens 2 KB; lane 4 token + t owns 16 bytes of each pair of products: q even b0, b1, q odd b0, b1.
ROTOR_ANYWHERE constexpr int64_t fragmentWord(int64_t tile, int64_t groups, int64_t token, int word, int q) {
  return ((tile * groups + token / kGroup) * (kProducts / 2) + q / 2) * 512 + (token % kGroup * 4 + word / 2) * 16 + (q % 2 * 2 + word % 2) * 4;
}
// As rows of 128 bytes with the 128-byte swizzle of wgmma: for each column tile two blocks of [tokens, 128], products 0..3 and 4..7.
ROTOR_ANYWHERE constexpr int64_t swizzledWord(int64_t tile, int64_t tokens, int64_t token, int word, int q) {
  return ((tile * 2 + q / 4) * tokens + token) * 128 + ((q % 4 * 2 + word % 2) ^ int(token % 8)) * 16 + word / 2 * 4;
}

// Bytes of a packed matrix: Target::ternaryBytes.
int64_t ternaryBytes(int64_t rows, int64_t cols);

}  // namespace cuda
}  // namespace rotor
