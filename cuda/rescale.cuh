// How an exact sum becomes a float: y = sum * (rowScale / scale), in double, rounded once; the same bits as on the CPU.
#pragma once
#include "common.cuh"

namespace rotor {
namespace cuda {

__device__ __forceinline__ float rounded(double v) {
  const float y = float(v);
  return y == y ? y : __uint_as_float(0x7fc00000u);
}

// `inverse` is 1.0 / scale, rounded. One correction of rowScale * inverse is the rounded quotient itself: both numbers have 24 bits, so the
// remainder is exact, and no quotient of such numbers is within 2^-78 of the middle between two doubles. It saves a division an output.
__device__ __forceinline__ float rescaled(int sum, float rowScale, float scale, double inverse) {
  const double r = double(rowScale), s = double(scale), q = r * inverse;
  const double quotient = fabs(q) > 0.0 && fabs(q) <= 1e300 ? fma(fma(-q, s, r), inverse, q) : r / s;
  return rounded(double(sum) * quotient);
}

}  // namespace cuda
}  // namespace rotor
