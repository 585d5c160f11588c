// What the kernels of a ternary product share: the call, and where its results go.
#pragma once
#include "layout.h"
#include "ptx.cuh"
#include "rescale.cuh"

namespace rotor {
namespace cuda {

constexpr int kMaxOutputs = kMaxOut;

// x [tokens, cols] times the transpose of the packed matrix [rows, cols]. Results are the sums, or floats in up to four outputs.
struct Product {
  const int8_t* x;
  const char* packed;
  int tokens, rows, cols;
  int* sums;  // [tokens, rows], or null
  const float* scale;
  const float* rowScale;
  float* out[kMaxOutputs];     // [tokens, its rows]
  int begin[kMaxOutputs + 1];  // rows of the matrix before each output; of one that is not there, INT_MAX
};

// `inverse` is 1.0 / scale[token].
__device__ __forceinline__ void emit(const Product& p, int token, int row, int sum, double inverse) {
  if (p.sums) {
    p.sums[int64_t(token) * p.rows + row] = sum;
    return;
  }
  float* out = p.out[0];
  int begin = 0, end = p.begin[1];
#pragma unroll  // indices known to the compiler keep the call in constant memory
  for (int i = 1; i < kMaxOutputs; ++i)
    if (row >= p.begin[i]) {
      out = p.out[i];
      begin = p.begin[i];
      end = p.begin[i + 1];
    }
  out[int64_t(token) * (end - begin) + row - begin] = rescaled(sum, p.rowScale[row], p.scale[token], inverse);
}
__device__ __forceinline__ double inverseScale(const Product& p, int token) { return p.sums ? 0.0 : 1.0 / double(p.scale[token]); }

// Activations in the order of layout.h, with what the epilogue needs.
struct Prepared {
  const char* words;
  const int* sum;         // of each token's codes
  const double* inverse;  // of each token's scale
  int tokens;             // padded
  int* partial;           // zeros [tokens, padded rows], where several blocks share a sum
  unsigned* arrived;      // zeros, one for each block of results
};

// The 32 weights of a row in a pair of plane words as 2-bit codes w + 1: those of even columns, and those of odd ones.
// Field f of byte b is column 8 b + 2 f (+ 1).
__device__ __forceinline__ uint32_t evenCodes(uint32_t plus, uint32_t zero) { return (zero & 0x55555555u) | ((plus << 1) & 0xaaaaaaaau); }
__device__ __forceinline__ uint32_t oddCodes(uint32_t plus, uint32_t zero) { return ((zero >> 1) & 0x55555555u) | (plus & 0xaaaaaaaau); }

// The kernels, each for the products that its line in the table of ternary_matmul.cu admits.
void ternaryB1(const Product& p, Launch& launch);
void ternaryImma(const Product& p, Launch& launch);
void ternaryWgmma(const Product& p, Launch& launch);
void ternaryGemm(const Product& p, Launch& launch);
void ternaryDp4a(const Product& p, Launch& launch);
// Shared memory that ternaryB1 needs.
int64_t b1SharedBytes(int64_t tokens, int64_t cols);

enum class Order { fragments, swizzled };
// Launches the kernel that makes activations ready. Tokens are padded to a multiple of `tokenStep`; zeros are made for `partial` [tokens,
// partialRows] and `arrived` where asked for.
Prepared prepareActivations(const Product& p, Launch& launch, Order order, int tokenStep, int64_t partialRows, int64_t arrived);

}  // namespace cuda
}  // namespace rotor
