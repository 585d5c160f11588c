// One lane of exp() in cpp/cpu/simd.h, operation for operation: softmax and attention give the CPU's bits.
#pragma once
#include "common.cuh"

namespace rotor {
namespace cuda {

// a * 2^n for integral n in [-126, 127].
__device__ __forceinline__ float scale2(float a, float n) { return a * __uint_as_float(uint32_t(int(n) + 127) << 23); }

// e^x within 2 ulp. Below -104 it is 0, above 89 inf, NaN stays.
__device__ __forceinline__ float expLane(float x) {
  const float raised = -104.0f > x ? -104.0f : x;  // NaN passes
  const float xc = 89.0f < raised ? 89.0f : raised;
  const float n = rintf(xc * 1.44269504088896341f);
  float r = fmaf(n, -0.693359375f, xc);
  r = fmaf(n, 2.12194440e-4f, r);
  float p = 1.9875691500e-4f;
  p = fmaf(p, r, 1.3981999507e-3f);
  p = fmaf(p, r, 8.3334519073e-3f);
  p = fmaf(p, r, 4.1665795894e-2f);
  p = fmaf(p, r, 1.6666665459e-1f);
  p = fmaf(p, r, 5.0000001201e-1f);
  p = fmaf(p, r * r, r) + 1.0f;
  const float half = rintf(n * 0.5f);
  p = scale2(scale2(p, half), n - half);
  return x < -104.0f ? 0.0f : p;
}

}  // namespace cuda
}  // namespace rotor
