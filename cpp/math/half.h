// bfloat16 and IEEE binary16, as their bits.
#pragma once
#include "bits.h"

namespace rotor {

ROTOR_ANYWHERE float bf16_f32(uint16_t h) { return bits_f32(uint32_t(h) << 16); }
// Round to nearest even; NaN stays NaN.
ROTOR_ANYWHERE uint16_t f32_bf16(float f) {
  const uint32_t u = f32_bits(f);
  if ((u & 0x7fffffffu) > 0x7f800000u) return uint16_t((u >> 16) | 0x40);
  return uint16_t((u + 0x7fffu + ((u >> 16) & 1)) >> 16);
}
// IEEE binary16, exact; a signalling NaN becomes a quiet one, as F16C has it.
ROTOR_ANYWHERE float f16_f32(uint16_t h) {
  const uint32_t sign = uint32_t(h & 0x8000u) << 16, rest = h & 0x7fffu;
  if (rest > 0x7c00u) return bits_f32(sign | 0x7fc00000u | rest << 13);
  if (rest == 0x7c00u) return bits_f32(sign | 0x7f800000u);
  if (rest < 0x400u) return bits_f32(sign | f32_bits(float(rest) * 5.9604644775390625e-8f));  // times 2^-24
  return bits_f32(sign | ((rest << 13) + 0x38000000u));
}
// Round to nearest even; 65520 and more give infinity. v is not NaN.
ROTOR_ANYWHERE uint16_t f64_f16(double v) {
  const double a = ::fabs(v), whole = 4503599627370496.0;  // 2^52: adding it rounds to a whole number
  const uint32_t sign = negative(v) ? 0x8000u : 0u;
  if (a >= 65520.0) return uint16_t(sign | 0x7c00u);
  const int e = a < 6.103515625e-5 ? -14 : int(f64_bits(a) >> 52) - 1023;  // 2^-14 is the smallest normal number
  const double scale = bits_f64(uint64_t(1023 + 10 - e) << 52);
  return uint16_t(sign | (uint32_t(a * scale + whole - whole) + (uint32_t(e + 14) << 10)));
}
// NaN stays NaN, with what fits of its bits.
ROTOR_ANYWHERE uint16_t f32_f16(float f) {
  const uint32_t u = f32_bits(f);
  if ((u & 0x7fffffffu) > 0x7f800000u) return uint16_t((u >> 16 & 0x8000u) | 0x7e00u | (u >> 13 & 0x3ffu));
  return f64_f16(f);
}

}  // namespace rotor
