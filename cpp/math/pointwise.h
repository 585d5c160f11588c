// What each elementwise op computes from one element of each input. Float32 results are canonical, int32 arithmetic wraps around.
#pragma once
#include "f64.h"

namespace rotor {

// The larger (smaller) one; NaN if either is, +0 above -0.
ROTOR_ANYWHERE float maximumOf(float x, float z) {
  return x > z ? x : x < z ? z : x == z ? (negative(x) ? z : x) : x + z;
}
ROTOR_ANYWHERE float minimumOf(float x, float z) {
  return x < z ? x : x > z ? z : x == z ? (negative(x) ? x : z) : x + z;
}
ROTOR_ANYWHERE int32_t maximumOf(int32_t x, int32_t z) { return x > z ? x : z; }
ROTOR_ANYWHERE int32_t minimumOf(int32_t x, int32_t z) { return x < z ? x : z; }
// Remainder with the sign of the divisor; fmod is exact.
ROTOR_ANYWHERE float modOf(float x, float z) {
  const double by = z, r = ::fmod(double(x), by);
  if (r == 0.0) return float(::copysign(0.0, by));
  return float((r < 0.0) != (by < 0.0) ? r + by : r);
}
ROTOR_ANYWHERE int32_t modOf(int32_t x, int32_t z) {
  if (z == 0 || z == -1) return 0;
  const int32_t r = x % z;
  return r != 0 && (r < 0) != (z < 0) ? r + z : r;
}

// Toward zero, into the range [lo, hi]; NaN gives 0.
ROTOR_ANYWHERE double toWhole(double v, double lo, double hi) {
  return v != v ? 0.0 : v <= lo ? lo : v >= hi ? hi : ::trunc(v);
}

// Names of the ops, with a capital.
#define ROTOR_BINARY(Name, ofFloat, ofInt)                                                         \
  struct Name {                                                                                    \
    ROTOR_ANYWHERE float operator()(float x, float z) const { return canon(ofFloat); }             \
    ROTOR_ANYWHERE int32_t operator()(int32_t x, int32_t z) const { return int32_t(ofInt); }       \
  };
#define ROTOR_UNARY(Name, ofFloat, ofInt)                                                          \
  struct Name {                                                                                    \
    ROTOR_ANYWHERE float operator()(float x) const { return canon(ofFloat); }                      \
    ROTOR_ANYWHERE int32_t operator()(int32_t x) const { return int32_t(ofInt); }                  \
  };
// Computed in double and rounded once.
#define ROTOR_UNARY_F64(Name, expr)                                                                \
  struct Name {                                                                                    \
    ROTOR_ANYWHERE float operator()(float v) const {                                               \
      const double x = v;                                                                          \
      return canon(float(expr));                                                                   \
    }                                                                                              \
  };
#define ROTOR_COMPARE(Name, op)                                                                    \
  struct Name {                                                                                    \
    template <class T>                                                                             \
    ROTOR_ANYWHERE uint8_t operator()(T x, T z) const {                                            \
      return uint8_t(x op z);                                                                      \
    }                                                                                              \
  };
#define ROTOR_LOGICAL(Name, expr)                                                                  \
  struct Name {                                                                                    \
    ROTOR_ANYWHERE uint8_t operator()(uint8_t x, uint8_t z) const { return uint8_t(expr); }        \
  };

ROTOR_BINARY(Add, x + z, uint32_t(x) + uint32_t(z))
ROTOR_BINARY(Sub, x - z, uint32_t(x) - uint32_t(z))
ROTOR_BINARY(Mul, x* z, uint32_t(x) * uint32_t(z))
ROTOR_BINARY(Maximum, maximumOf(x, z), maximumOf(x, z))
ROTOR_BINARY(Minimum, minimumOf(x, z), minimumOf(x, z))
ROTOR_BINARY(Mod, modOf(x, z), modOf(x, z))

struct Div {
  ROTOR_ANYWHERE float operator()(float x, float z) const { return canon(x / z); }
  ROTOR_ANYWHERE float operator()(int32_t x, int32_t z) const { return canon(float(double(x) / double(z))); }
};
struct Pow {
  ROTOR_ANYWHERE float operator()(float x, float z) const { return canon(float(f64_pow(x, z))); }
};

ROTOR_COMPARE(Eq, ==)
ROTOR_COMPARE(Ne, !=)
ROTOR_COMPARE(Lt, <)
ROTOR_COMPARE(Le, <=)
ROTOR_COMPARE(Gt, >)
ROTOR_COMPARE(Ge, >=)

ROTOR_LOGICAL(LogicalAnd, x && z)
ROTOR_LOGICAL(LogicalOr, x || z)
ROTOR_LOGICAL(LogicalXor, (x != 0) != (z != 0))

struct LogicalNot {
  ROTOR_ANYWHERE uint8_t operator()(uint8_t x) const { return uint8_t(x == 0); }
};

ROTOR_UNARY(Neg, -x, 0u - uint32_t(x))
ROTOR_UNARY(Abs, ::fabsf(x), x < 0 ? 0u - uint32_t(x) : uint32_t(x))
ROTOR_UNARY(Sign, x > 0 ? 1.0f : x < 0 ? -1.0f : x, (x > 0) - (x < 0))
ROTOR_UNARY(Relu, x < 0 ? 0.0f : x, x < 0 ? 0 : x)
ROTOR_UNARY_F64(Exp, f64_exp(x))
ROTOR_UNARY_F64(Log, f64_log(x))
ROTOR_UNARY_F64(Sqrt, ::sqrt(x))
ROTOR_UNARY_F64(Rsqrt, 1.0 / ::sqrt(x))
ROTOR_UNARY_F64(Sin, f64_sin(float(x)))
ROTOR_UNARY_F64(Cos, f64_cos(float(x)))
ROTOR_UNARY_F64(Tanh, f64_tanh(x))
ROTOR_UNARY_F64(Sigmoid, 1.0 / (1.0 + f64_exp(-x)))
ROTOR_UNARY_F64(Silu, x / (1.0 + f64_exp(-x)))
ROTOR_UNARY_F64(Floor, ::floor(x))
ROTOR_UNARY_F64(Ceil, ::ceil(x))
ROTOR_UNARY_F64(Round, ::rint(x))

#undef ROTOR_BINARY
#undef ROTOR_UNARY
#undef ROTOR_UNARY_F64
#undef ROTOR_COMPARE
#undef ROTOR_LOGICAL

struct IsNan {
  ROTOR_ANYWHERE uint8_t operator()(float x) const { return uint8_t(x != x); }
};
struct IsFinite {
  ROTOR_ANYWHERE uint8_t operator()(float x) const { return uint8_t(::fabsf(x) < HUGE_VALF); }
};

struct Clamp {
  double lo, hi;
  ROTOR_ANYWHERE float operator()(float x) const { return canon(x < lo ? float(lo) : x > hi ? float(hi) : x); }
  ROTOR_ANYWHERE int32_t operator()(int32_t x) const { return int32_t(toWhole(x < lo ? lo : x > hi ? hi : x, -2147483648.0, 2147483647.0)); }
};

struct Where {
  template <class T>
  ROTOR_ANYWHERE T operator()(uint8_t c, T x, T z) const {
    return c ? x : z;
  }
};

}  // namespace rotor
