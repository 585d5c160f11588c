// Our own exp, log, sin, cos, tanh and pow in double precision: additions, multiplications and divisions in a
// written order, no fma, no tables, so that every target gives the same bits. Their relative error stays below
// 2^-49 (pow: 2^-44), so a result rounded to float32 is the correctly rounded one nearly always.
#pragma once
#include "bits.h"

namespace rotor {

constexpr double kLn2Hi = 6.93147180369123816490e-01;  // 32 bits: n * kLn2Hi is exact for |n| < 2^21
constexpr double kLn2Lo = 1.90821492927058770002e-10;

// e^r - 1 for |r| <= 0.7: the Taylor series; the first term left out is below 2^-60 of the result.
ROTOR_ANYWHERE double f64_expm1_small(double r) {
  double p = 1.0 / 6402373705728000.0;
  constexpr double c[] = {355687428096000.0, 20922789888000.0, 1307674368000.0, 87178291200.0, 6227020800.0, 479001600.0,
                          39916800.0,        3628800.0,        362880.0,        40320.0,       5040.0,       720.0,
                          120.0,             24.0,             6.0,             2.0};
  for (double factorial : c) p = p * r + 1.0 / factorial;
  return p * r * r + r;
}

// 2^n for n in [-1022, 1023].
ROTOR_ANYWHERE double f64_pow2(int64_t n) { return bits_f64(uint64_t(n + 1023) << 52); }

ROTOR_ANYWHERE double f64_exp(double x) {
  if (x != x) return x;
  if (x > 709.8) return HUGE_VAL;
  if (x < -745.2) return 0.0;
  const double n = ::rint(x * 1.4426950408889634);
  const double r = (x - n * kLn2Hi) - n * kLn2Lo;
  const int64_t half = int64_t(n) / 2;  // two steps keep each factor in range
  return (f64_expm1_small(r) + 1.0) * f64_pow2(half) * f64_pow2(int64_t(n) - half);
}

// x = m 2^e with m in [sqrt(1/2), sqrt(2)); log m = 2 atanh((m - 1) / (m + 1)).
ROTOR_ANYWHERE double f64_log(double x) {
  if (x != x || x < 0.0) return bits_f64(0x7ff8000000000000u);
  if (x == 0.0) return -HUGE_VAL;
  if (x == HUGE_VAL) return x;
  int64_t e = 0;
  if (x < 2.2250738585072014e-308) {
    x *= 18014398509481984.0;  // 2^54: a denormal becomes normal
    e = -54;
  }
  uint64_t u = f64_bits(x);
  e += int64_t(u >> 52) - 1023;
  double m = bits_f64((u & 0x000fffffffffffffu) | 0x3ff0000000000000u);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++e;
  }
  const double s = (m - 1.0) / (m + 1.0), z = s * s;
  double p = 0.0;
  for (int k = 23; k >= 3; k -= 2) p = p * z + 1.0 / k;
  return double(e) * kLn2Hi + (2.0 * s + (2.0 * s * z * p + double(e) * kLn2Lo));
}

ROTOR_ANYWHERE double f64_tanh(double x) {
  if (x != x) return x;
  const double a = x < 0.0 ? -x : x;
  double t;
  if (a < 0.35) {
    const double e = f64_expm1_small(2.0 * a);
    t = e / (e + 2.0);
  } else {
    t = a > 20.0 ? 1.0 : 1.0 - 2.0 / (f64_exp(2.0 * a) + 1.0);
  }
  return ::copysign(t, x);
}

// x^y as C99 defines the special cases, for x and y that are float32 values.
ROTOR_ANYWHERE double f64_pow(double x, double y) {
  if (y == 0.0 || x == 1.0) return 1.0;
  if (x != x || y != y) return x + y;
  const double a = x < 0.0 ? -x : x;
  const bool below = negative(x);
  const bool whole = ::rint(y) == y;
  const bool odd = whole && ::fabs(y) < 9007199254740992.0 && (int64_t(y) & 1) != 0;
  double r;
  if (::fabs(y) == HUGE_VAL) return a == 1.0 ? 1.0 : ((a > 1.0) == (y > 0.0) ? HUGE_VAL : 0.0);
  if (a == 0.0 || a == HUGE_VAL)
    r = (a == 0.0) == (y > 0.0) ? 0.0 : HUGE_VAL;
  else if (below && !whole)
    return bits_f64(0x7ff8000000000000u);
  else
    r = y == 1.0 ? a : f64_exp(y * f64_log(a));
  return below && odd ? -r : r;
}

// The quadrant q (mod 4) and the rest r in [-pi/4, pi/4] of x = q pi/2 + r, exact to 2^-70 for every float: the
// mantissa times the bits of 2/pi that matter, in 128-bit integers (Payne and Hanek).
ROTOR_ANYWHERE int quadrant(float x, double* rest) {
  constexpr uint32_t twoOverPi[] = {0,          0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0,
                                    0xdb629599, 0x3c439041, 0xfe5163ab, 0xdebbc561, 0xb7246e3a};
  const uint32_t u = f32_bits(x) & 0x7fffffffu;
  if (u < 0x3f490fdbu) {  // |x| < pi/4
    *rest = x;
    return 0;
  }
  const int exponent = int(u >> 23) - 150;  // |x| = mantissa * 2^exponent, exponent >= -24
  const uint64_t mantissa = (u & 0x7fffffu) | 0x800000u;
  const int at = exponent + 30, word = at / 32, shift = at % 32;
  unsigned __int128 window = 0;
  for (int i = 0; i < 4; ++i) {
    const uint64_t two = uint64_t(twoOverPi[word + i]) << 32 | twoOverPi[word + i + 1];
    window = window << 32 | uint32_t(two >> (32 - shift));
  }
  const unsigned __int128 product = window * mantissa;  // |x| 2/pi mod 4, in units of 2^-126
  const int q = int((product + ((unsigned __int128)1 << 125)) >> 126) & 3;
  const __int128 fraction = __int128(product - ((unsigned __int128)q << 126));
  const double r = double(fraction) * 0x1p-126 * 1.5707963267948966;
  *rest = negative(x) ? -r : r;
  return negative(x) ? (4 - q) & 3 : q;
}

// Taylor series on [-pi/4, pi/4].
ROTOR_ANYWHERE double sinSmall(double r) {
  const double z = r * r;
  double p = 1.0 / 355687428096000.0;
  constexpr double c[] = {-1307674368000.0, 6227020800.0, -39916800.0, 362880.0, -5040.0, 120.0, -6.0};
  for (double factorial : c) p = p * z + 1.0 / factorial;
  return r + r * z * p;
}
ROTOR_ANYWHERE double cosSmall(double r) {
  const double z = r * r;
  double p = -1.0 / 6402373705728000.0;
  constexpr double c[] = {20922789888000.0, -87178291200.0, 479001600.0, -3628800.0, 40320.0, -720.0, 24.0};
  for (double factorial : c) p = p * z + 1.0 / factorial;
  return (p * z - 0.5) * z + 1.0;
}
ROTOR_ANYWHERE double sinOf(int q, double r) {
  const double v = q & 1 ? cosSmall(r) : sinSmall(r);
  return q & 2 ? -v : v;
}

ROTOR_ANYWHERE double f64_sin(float x) {
  if (!(::fabsf(x) < HUGE_VALF)) return bits_f64(0x7ff8000000000000u);
  double r;
  const int q = quadrant(x, &r);
  return sinOf(q, r);
}
ROTOR_ANYWHERE double f64_cos(float x) {
  if (!(::fabsf(x) < HUGE_VALF)) return bits_f64(0x7ff8000000000000u);
  double r;
  const int q = quadrant(x, &r);
  return sinOf(q + 1, r);
}

}  // namespace rotor
