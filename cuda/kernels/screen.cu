// quantize_rows: int8 codes of each row of a weight, its scale max|w| / 127, and what bounds the error of a product with them.
// data:  reads  w [V,K] bf16 or f32 (twice, the second time from L1 or L2)     writes codes [V,K] i8, bounds [V,4] f32
//        sums of squares in double, in the eight lanes of the CPU and their fold: the bounds are the CPU's bits
// map:   eight threads a row, element i belongs to thread i mod 8
// bound: done once, at load: bytes = V * K * (1 + bytes of an element), a few times that for the narrow loads; measured: not taken
#include "../../cpp/math/screen.h"
#include "../dot.cuh"

namespace rotor {
namespace cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kEach = 8;  // threads of a row

template <class W>
__global__ void __launch_bounds__(kThreads) codeRows(const W* weight, int64_t rows, int64_t cols, int8_t* codes, float* bounds) {
  const int64_t row = int64_t(blockIdx.x) * (kThreads / kEach) + threadIdx.x / kEach;
  const int64_t d = row < rows ? cols : 0;  // threads beyond the rows still fold with their warp
  const W* w = weight + (row < rows ? row : 0) * cols;
  const int lane = threadIdx.x % kEach;
  uint32_t top = 0;  // |w| as float bits: ordered like the values, NaN above infinity
  for (int64_t i = lane; i < d; i += kEach) {
    const uint32_t u = __float_as_uint(widened(w[i])) & 0x7fffffffu;
    top = u > top ? u : top;
  }
  top = fold<kEach>(top, Max());
  const bool finite = top < 0x7f800000u;
  const float scale = finite ? float(double(__uint_as_float(top)) / 127.0) : 0.0f;
  const double step = double(scale), inverse = step > 0.0 ? 1.0 / step : 0.0;
  double rest = 0.0, all = 0.0;
  int total = 0;
  for (int64_t i = lane; i < d; i += kEach) {
    double v = double(widened(w[i])), c = 0.0;
    if (finite) {
      c = (v * inverse + kMagicRound) - kMagicRound;
      c = c < -127.0 ? -127.0 : c;
      c = c > 127.0 ? 127.0 : c;
    }
    codes[row * cols + i] = int8_t(int(c));
    total += int(c);
    all += v * v;
    v -= step * c;
    rest += v * v;
  }
  all = fold<kEach>(all, Sum());
  rest = fold<kEach>(rest, Sum());
  total = fold<kEach>(total, Sum());
  if (lane != 0 || row >= rows) return;
  float* b = bounds + 4 * row;
  b[0] = scale;
  b[1] = finite ? roundUp32(::sqrt(rest) * kScreenSlack) : HUGE_VALF;
  b[2] = finite ? roundUp32(::sqrt(all) * kScreenSlack) : HUGE_VALF;
  b[3] = finite ? float(total) : 0.0f;  // exact: below 2^24
}

}  // namespace

void quantize_rows(const Args& a, Launch& launch) {
  const View& w = a.in[0];
  const Grid grid{dim3(unsigned(ceilDiv(w.dims[0], kThreads / kEach))), dim3(kThreads)};
  int8_t* codes = a.out[0].as<int8_t>();
  float* bounds = a.out[1].as<float>();
  if (w.dtype == DType::bf16) launch(grid, codeRows<uint16_t>, w.as<uint16_t>(), w.dims[0], w.dims[1], codes, bounds);
  else launch(grid, codeRows<float>, w.as<float>(), w.dims[0], w.dims[1], codes, bounds);
}

}  // namespace cuda
}  // namespace rotor
