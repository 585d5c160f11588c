// Sizes that the shape checks and the ternary kernels agree on.
#pragma once
#include <cstdint>

#include "abi.h"

namespace rotor {

constexpr int64_t kMaxTernaryCols = 65536;  // |sum| <= 65536 * 128 fits int32
constexpr int64_t kTableRows = 8;           // up to this many rows of activations, the table kernel runs

constexpr int64_t roundUp(int64_t n, int64_t step) { return (n + step - 1) / step * step; }

// Bytes of a row of one bit-plane.
ROTOR_ANYWHERE constexpr int64_t planeBytes(int64_t cols) { return (cols + 7) / 8; }

// Scratch of a ternary product, enough for every target: per row of activations its sum, and either tables (8 bytes per column) or
// a copy padded to 256 columns, and the rows to 16.
constexpr int64_t ternaryScratch(int64_t rows, int64_t cols) {
  return roundUp(rows * 4, 64) + (rows <= kTableRows ? rows * roundUp(cols, 16) * 8 : roundUp(rows, 16) * roundUp(cols, 256));
}

}  // namespace rotor
