// The bits of floating-point numbers. Everything in this folder is inlined into its caller, in CPU kernels of any target and in
// kernels of a GPU, and gives the same bits in all of them: IEEE operations in a written order, contracted nowhere.
#pragma once
#include <math.h>

#include <cstdint>
#include <cstring>

#include "../abi.h"

namespace rotor {

ROTOR_ANYWHERE float bits_f32(uint32_t u) {
  float f;
  memcpy(&f, &u, 4);
  return f;
}
ROTOR_ANYWHERE uint32_t f32_bits(float f) {
  uint32_t u;
  memcpy(&u, &f, 4);
  return u;
}
ROTOR_ANYWHERE double bits_f64(uint64_t u) {
  double v;
  memcpy(&v, &u, 8);
  return v;
}
ROTOR_ANYWHERE uint64_t f64_bits(double v) {
  uint64_t u;
  memcpy(&u, &v, 8);
  return u;
}

ROTOR_ANYWHERE bool negative(float v) { return f32_bits(v) >> 31 != 0; }
ROTOR_ANYWHERE bool negative(double v) { return f64_bits(v) >> 63 != 0; }

// Every NaN that arithmetic gives is this one: which operand's NaN an instruction passes on differs between machines.
ROTOR_ANYWHERE float canon(float v) { return v == v ? v : bits_f32(0x7fc00000u); }

}  // namespace rotor
