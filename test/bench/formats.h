// Ternary weights in six formats, and a matrix-vector product for each. Weights come as -1, 0, +1, row by row; products are exact.
#pragma once
#include <immintrin.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <vector>

using Bytes = std::vector<uint8_t>;

inline __m256i load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }

// Four bytes in every lane of 32 bits.
inline __m256i spread4(const int8_t* x) {
  int32_t v;
  std::memcpy(&v, x, 4);
  return _mm256_set1_epi32(v);
}

// A vector of activations with what the kernels need of it, made once for all rows.
struct Activations {
  std::vector<int8_t> x;        // padded with zeros
  int32_t sum = 0;              // codes are w + 1: this is what they add too much
  std::vector<uint8_t> tables;  // for 4 columns the 16 sums of subsets v = 32 a + b: 16 bytes a, 16 bytes b

  explicit Activations(const std::vector<int8_t>& values) : x(values) {
    for (int8_t v : values) sum += v;
    x.resize(values.size() + 64, 0);
    tables.resize(values.size() / 4 * 32);
    for (size_t g = 0; g < values.size() / 4; ++g)
      for (int e = 0; e < 16; ++e) {
        int v = 0;
        for (int j = 0; j < 4; ++j) v += e >> j & 1 ? values[4 * g + size_t(j)] : 0;
        tables[32 * g + size_t(e)] = uint8_t((v - (v & 31)) / 32);
        tables[32 * g + 16 + size_t(e)] = uint8_t(v & 31);
      }
  }
};

struct Format {
  const char* name;
  int8_t least;                        // smallest activation that it takes
  double multiplies, shuffles;         // vpmaddubsw and vpshufb for one weight; 0 where the compiler chose the instructions
  size_t (*bytes)(int64_t rows, int64_t cols);
  void (*set)(uint8_t* packed, int64_t rows, int64_t cols, int64_t r, int64_t k, int w);
  void (*product)(const uint8_t* packed, const Activations& x, int32_t* y, int64_t rows, int64_t cols);

  Bytes pack(const std::vector<int8_t>& w, int64_t rows, int64_t cols) const {
    Bytes packed(bytes(rows, cols) + 4096, 0);  // kernels fetch ahead
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t k = 0; k < cols; ++k) set(packed.data(), rows, cols, r, k, w[size_t(r * cols + k)]);
    packed.resize(bytes(rows, cols));
    return packed;
  }
};

const std::vector<Format>& formats();
