// Float32 functions of vectors, written once for f32x16 of every CPU target and for Lane, a single float. V has set1, + - * /,
// fma, max, min, round, scale2 and select_lt with the meaning that Lane gives them.
#pragma once
#include "bits.h"

namespace rotor {

struct Lane {
  float v;
  ROTOR_ANYWHERE static Lane set1(float x) { return {x}; }
};
ROTOR_ANYWHERE Lane operator+(Lane a, Lane b) { return {a.v + b.v}; }
ROTOR_ANYWHERE Lane operator-(Lane a, Lane b) { return {a.v - b.v}; }
ROTOR_ANYWHERE Lane operator*(Lane a, Lane b) { return {a.v * b.v}; }
ROTOR_ANYWHERE Lane operator/(Lane a, Lane b) { return {a.v / b.v}; }
// a * b + c, rounded once.
ROTOR_ANYWHERE Lane fma(Lane a, Lane b, Lane c) { return {::fmaf(a.v, b.v, c.v)}; }
// The second operand wins on NaN.
ROTOR_ANYWHERE Lane max(Lane a, Lane b) { return {a.v > b.v ? a.v : b.v}; }
ROTOR_ANYWHERE Lane min(Lane a, Lane b) { return {a.v < b.v ? a.v : b.v}; }
// Nearest integer, ties to even.
ROTOR_ANYWHERE Lane round(Lane a) { return {::rintf(a.v)}; }
// a * 2^n for integral n in [-126, 127].
ROTOR_ANYWHERE Lane scale2(Lane a, Lane n) { return {a.v * bits_f32(uint32_t(int32_t(n.v) + 127) << 23)}; }
// x < y ? a : b
ROTOR_ANYWHERE Lane select_lt(Lane x, Lane y, Lane a, Lane b) { return x.v < y.v ? a : b; }

// e^x within 2 ulp: x = n ln2 + r, a degree-6 polynomial in r, exact scaling in two steps. Below -104 it is 0, above 89 inf, NaN stays.
template <class V>
ROTOR_ANYWHERE V expOf(V x) {
  const V lo = V::set1(-104.0f), hi = V::set1(89.0f);
  const V xc = min(hi, max(lo, x));  // NaN in x passes: the second operand wins
  const V n = round(xc * V::set1(1.44269504088896341f));
  V r = fma(n, V::set1(-0.693359375f), xc);
  r = fma(n, V::set1(2.12194440e-4f), r);
  V p = V::set1(1.9875691500e-4f);
  p = fma(p, r, V::set1(1.3981999507e-3f));
  p = fma(p, r, V::set1(8.3334519073e-3f));
  p = fma(p, r, V::set1(4.1665795894e-2f));
  p = fma(p, r, V::set1(1.6666665459e-1f));
  p = fma(p, r, V::set1(5.0000001201e-1f));
  p = fma(p, r * r, r) + V::set1(1.0f);
  const V half = round(n * V::set1(0.5f));  // n in [-151, 129]: two steps keep each exponent in range
  p = scale2(scale2(p, half), n - half);
  return select_lt(x, lo, V::set1(0.0f), p);
}

// The gated units of feed-forward networks.
struct Relu2Glu {
  template <class V>
  ROTOR_ANYWHERE V operator()(V gate, V up) const {
    const V r = max(V::set1(0.0f), gate);  // NaN in gate passes: the second operand wins
    return r * r * up;
  }
};
struct SiluGlu {
  template <class V>
  ROTOR_ANYWHERE V operator()(V gate, V up) const {
    return gate / (V::set1(1.0f) + expOf(V::set1(0.0f) - gate)) * up;
  }
};

}  // namespace rotor
