// Random elements from the four words of a Philox block.
#pragma once
#include "f64.h"
#include "philox.h"

namespace rotor {

struct Uniform {
  using Raw = float;
  double low, span;
  ROTOR_ANYWHERE void operator()(const uint32_t* words, float* y) const {
    for (int j = 0; j < 4; ++j) y[j] = canon(float(low + span * (double(words[j] >> 8) * 0x1p-24)));
  }
};

// Box and Muller: two words give two values.
struct Normal {
  using Raw = float;
  double mean, deviation;
  ROTOR_ANYWHERE void operator()(const uint32_t* words, float* y) const {
    for (int j = 0; j < 4; j += 2) {
      const double radius = ::sqrt(-2.0 * f64_log((double(words[j]) + 1.0) * 0x1p-32));
      const int64_t turn = words[j + 1], q = (turn + (int64_t(1) << 29)) >> 30;
      const double rest = double(turn - (q << 30)) * 0x1p-30 * 1.5707963267948966;
      y[j] = canon(float(mean + deviation * (radius * sinOf(int(q) + 1, rest))));
      y[j + 1] = canon(float(mean + deviation * (radius * sinOf(int(q), rest))));
    }
  }
};

// Whole numbers from low to low + span - 1.
struct WholeNumbers {
  using Raw = int32_t;
  int64_t low;
  uint64_t span;
  ROTOR_ANYWHERE void operator()(const uint32_t* words, int32_t* y) const {
    for (int j = 0; j < 4; ++j) y[j] = int32_t(low + int64_t(uint64_t(words[j]) * span >> 32));
  }
};

// The elements 4 block .. 4 block + 3 of a tensor that starts at Philox block `offset`.
template <class F>
ROTOR_ANYWHERE void randomBlock(uint64_t seed, uint64_t offset, uint64_t block, const F& f, typename F::Raw* y) {
  const uint64_t at = offset + block;
  const uint32_t counter[4] = {uint32_t(at), uint32_t(at >> 32), 0, 0};
  uint32_t words[4];
  philox(counter, uint32_t(seed), uint32_t(seed >> 32), words);
  f(words, y);
}

}  // namespace rotor
