// Elements of every dtype as doubles, which hold each of them exactly; a cast goes through one.
#pragma once
#include "half.h"
#include "pointwise.h"

namespace rotor {

struct F32 {
  using Raw = float;
  ROTOR_ANYWHERE static double get(float v) { return v; }
  ROTOR_ANYWHERE static float put(double v) { return canon(float(v)); }
};
struct Bf16 {
  using Raw = uint16_t;
  ROTOR_ANYWHERE static double get(uint16_t v) { return bf16_f32(v); }
  ROTOR_ANYWHERE static uint16_t put(double v) { return f32_bf16(canon(float(v))); }
};
struct F16 {
  using Raw = uint16_t;
  ROTOR_ANYWHERE static double get(uint16_t v) { return f16_f32(v); }
  ROTOR_ANYWHERE static uint16_t put(double v) { return v == v ? f64_f16(v) : uint16_t(0x7e00); }
};
// Integers from LO to HI.
template <class T, int64_t LO, int64_t HI>
struct Whole {
  using Raw = T;
  ROTOR_ANYWHERE static double get(T v) { return v; }
  ROTOR_ANYWHERE static T put(double v) { return T(toWhole(v, double(LO), double(HI))); }
};
using I32 = Whole<int32_t, -2147483648, 2147483647>;
using I8 = Whole<int8_t, -128, 127>;
using U8 = Whole<uint8_t, 0, 255>;
struct Bool {
  using Raw = uint8_t;
  ROTOR_ANYWHERE static double get(uint8_t v) { return v != 0; }
  ROTOR_ANYWHERE static uint8_t put(double v) { return v != 0.0; }
};

// Calls f with the type of this file that stands for t.
template <class F>
ROTOR_ANYWHERE void withDType(DType t, F f) {
  switch (t) {
    case DType::f32:
      return f(F32{});
    case DType::bf16:
      return f(Bf16{});
    case DType::f16:
      return f(F16{});
    case DType::i32:
      return f(I32{});
    case DType::i8:
      return f(I8{});
    case DType::u8:
      return f(U8{});
    default:
      return f(Bool{});
  }
}

}  // namespace rotor
