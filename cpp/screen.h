// Sizes that the shape check and the kernel of screened_linear agree on.
#pragma once
#include "backend.h"

namespace rotor {

constexpr int64_t kScreenTokens = 16;     // rows that share one pass over the codes
constexpr int64_t kScreenWorkers = 1024;  // most threads of a pool
constexpr int64_t kScreenCols = 1 << 16;  // sums of 127 * 127 products stay inside 32 bits
constexpr int64_t kScreenStep = 32;       // codes of one vector step

// What is known of one row of activations.
struct ScreenToken {
  int64_t keep;      // how many of the best logits are wanted
  int64_t mode;      // kIdle, kWhole or kScreen
  int64_t bad;       // some bound was not a number, or too large to trust
  double step;       // the row is step * z and a rest, z whole
  double norm;       // at least ||x||
  double perNorm;    // the error of a logit is at most perNorm * ||w|| + perError * ||w - s q|| + least
  double perError;
  double perDigit;  // and without the low digit of z, at most perDigit * ||s q|| more
  double least;
  double cut;  // the keep-th largest lower bound
};

ROTOR_INLINE int64_t screenPadded(int64_t cols) { return (cols + kScreenStep - 1) / kScreenStep * kScreenStep; }

// Bytes of scratch for up to `tokens` rows: two doubles and an index per row and logit, two digits per activation, counts.
ROTOR_INLINE int64_t screenScratch(int64_t tokens, int64_t vocab, int64_t cols) {
  const int64_t n = tokens < kScreenTokens ? tokens : kScreenTokens;
  return n * (int64_t(sizeof(ScreenToken)) + vocab * 20 + 2 * screenPadded(cols) + kScreenWorkers * 4) + 64;
}

}  // namespace rotor
