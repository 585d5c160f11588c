// Copies, casts and broadcasting elementwise ops.
#pragma once
#include <limits>

#include "f64math.inl"

namespace rotor {
namespace ROTOR_TARGET {

// Walks the elements [begin, end) of a contiguous output of shape `out`, giving the offset of each in `in`,
// whose dimensions broadcast to it from the right.
struct Walk {
  int64_t index[kMaxDims], stride[kMaxDims], at;
  const View& out;
  Walk(const View& in, const View& o, int64_t begin) : at(0), out(o) {
    for (int d = o.ndim - 1; d >= 0; --d) {
      index[d] = begin % o.dims[d];
      begin /= o.dims[d];
      const int s = d - (o.ndim - in.ndim);
      stride[d] = s >= 0 && in.dims[s] != 1 ? in.strides[s] : 0;
      at += index[d] * stride[d];
    }
  }
  void next() {
    for (int d = out.ndim - 1; d >= 0; --d) {
      at += stride[d];
      if (++index[d] < out.dims[d]) return;
      at -= stride[d] * out.dims[d];
      index[d] = 0;
    }
  }
};

template <class T>
static void copyAs(const Args& a, const Worker& w) {
  int64_t b, e;
  w.range(a.out[0].size, 1024, &b, &e);
  if (b >= e) return;
  const T* x = a.in[0].as<T>();
  T* y = a.out[0].as<T>();
  if (a.in[0].contiguous() && a.in[0].size == a.out[0].size) {
    memcpy(y + b, x + b, size_t(e - b) * sizeof(T));
    return;
  }
  Walk walk(a.in[0], a.out[0], b);
  for (int64_t i = b; i < e; ++i, walk.next()) y[i] = x[walk.at];
}

static void copy(const Args& a, const Worker& w) {
  switch (dtypeBytes(a.in[0].dtype)) {
    case 4:
      return copyAs<uint32_t>(a, w);
    case 2:
      return copyAs<uint16_t>(a, w);
    default:
      return copyAs<uint8_t>(a, w);
  }
}

// Every NaN that arithmetic gives is this one: which operand's NaN an instruction passes on differs between targets.
static inline float canon(float v) { return v == v ? v : bits_f32(0x7fc00000u); }

// Step between elements when the operand can be read in the output's order without an index: 1, 0 for one value, else -1.
static inline int64_t flatStep(const View& in, const View& out) {
  return in.size == 1 ? 0 : in.size == out.size && in.contiguous() ? 1 : -1;
}

// y = f(x)
template <class T, class R, class F>
static void map1(const Args& a, const Worker& w, F f) {
  int64_t b, e;
  w.range(a.out[0].size, 1024, &b, &e);
  if (b >= e) return;
  const T* x = a.in[0].as<T>();
  R* y = a.out[0].as<R>();
  if (flatStep(a.in[0], a.out[0]) == 1) {
    for (int64_t i = b; i < e; ++i) y[i] = f(x[i]);
    return;
  }
  Walk walk(a.in[0], a.out[0], b);
  for (int64_t i = b; i < e; ++i, walk.next()) y[i] = f(x[walk.at]);
}

// y = f(x, z) with broadcasting. The plain loops are elementwise, so that compilers may use vectors without changing a bit.
template <class T, class R, class F>
static void map2(const Args& a, const Worker& w, F f) {
  int64_t b, e;
  w.range(a.out[0].size, 1024, &b, &e);
  if (b >= e) return;
  const T *x = a.in[0].as<T>(), *z = a.in[1].as<T>();
  R* y = a.out[0].as<R>();
  const int64_t sx = flatStep(a.in[0], a.out[0]), sz = flatStep(a.in[1], a.out[0]);
  if (sx == 1 && sz == 1) {
    for (int64_t i = b; i < e; ++i) y[i] = f(x[i], z[i]);
  } else if (sx == 1 && sz == 0) {
    const T c = z[0];
    for (int64_t i = b; i < e; ++i) y[i] = f(x[i], c);
  } else {
    Walk wx(a.in[0], a.out[0], b), wz(a.in[1], a.out[0], b);
    for (int64_t i = b; i < e; ++i, wx.next(), wz.next()) y[i] = f(x[wx.at], z[wz.at]);
  }
}

// One op: an expression for float32, and one in which uint32_t arithmetic wraps around for int32.
#define ROTOR_BINARY(name, ofFloat, ofInt)                                                               \
  static void name(const Args& a, const Worker& w) {                                                     \
    if (a.in[0].dtype == DType::f32)                                                                     \
      return map2<float, float>(a, w, [](float x, float z) { return canon(ofFloat); });                  \
    map2<int32_t, int32_t>(a, w, [](int32_t x, int32_t z) { return int32_t(ofInt); });                   \
  }
#define ROTOR_UNARY(name, ofFloat, ofInt)                                                                \
  static void name(const Args& a, const Worker& w) {                                                     \
    if (a.in[0].dtype == DType::f32) return map1<float, float>(a, w, [](float x) { return canon(ofFloat); }); \
    map1<int32_t, int32_t>(a, w, [](int32_t x) { return int32_t(ofInt); });                              \
  }
// Computed in double and rounded once.
#define ROTOR_UNARY_F64(name, expr)                                                                      \
  static void name(const Args& a, const Worker& w) {                                                     \
    map1<float, float>(a, w, [](float v) {                                                               \
      const double x = v;                                                                                \
      return canon(float(expr));                                                                         \
    });                                                                                                  \
  }
#define ROTOR_COMPARE(name, op)                                                                          \
  static void name(const Args& a, const Worker& w) {                                                     \
    mapPlain(a, w, [](auto x, auto z) { return uint8_t(x op z); });                                      \
  }
#define ROTOR_LOGICAL(name, expr)                                                                        \
  static void name(const Args& a, const Worker& w) {                                                     \
    map2<uint8_t, uint8_t>(a, w, [](uint8_t x, uint8_t z) { return uint8_t(expr); });                    \
  }

template <class F>
static void mapPlain(const Args& a, const Worker& w, F f) {
  switch (a.in[0].dtype) {
    case DType::f32:
      return map2<float, uint8_t>(a, w, f);
    case DType::i32:
      return map2<int32_t, uint8_t>(a, w, f);
    case DType::i8:
      return map2<int8_t, uint8_t>(a, w, f);
    default:
      return map2<uint8_t, uint8_t>(a, w, f);
  }
}

// The larger (smaller) one; NaN if either is, +0 above -0.
static inline float maximumOf(float x, float z) {
  return x > z ? x : x < z ? z : x == z ? (std::signbit(x) ? z : x) : x + z;
}
static inline float minimumOf(float x, float z) {
  return x < z ? x : x > z ? z : x == z ? (std::signbit(x) ? x : z) : x + z;
}
// Remainder with the sign of the divisor; fmod is exact.
static inline float modOf(double x, double z) {
  const double r = std::fmod(x, z);
  if (r == 0.0) return float(__builtin_copysign(0.0, z));
  return float((r < 0.0) != (z < 0.0) ? r + z : r);
}
static inline int32_t modOf(int32_t x, int32_t z) {
  if (z == 0 || z == -1) return 0;
  const int32_t r = x % z;
  return r != 0 && (r < 0) != (z < 0) ? r + z : r;
}

ROTOR_BINARY(add, x + z, uint32_t(x) + uint32_t(z))
ROTOR_BINARY(sub, x - z, uint32_t(x) - uint32_t(z))
ROTOR_BINARY(mul, x* z, uint32_t(x) * uint32_t(z))
ROTOR_BINARY(maximum, maximumOf(x, z), x > z ? x : z)
ROTOR_BINARY(minimum, minimumOf(x, z), x < z ? x : z)
ROTOR_BINARY(mod, modOf(double(x), double(z)), modOf(x, z))

static void div(const Args& a, const Worker& w) {
  if (a.in[0].dtype == DType::f32) return map2<float, float>(a, w, [](float x, float z) { return canon(x / z); });
  map2<int32_t, float>(a, w, [](int32_t x, int32_t z) { return canon(float(double(x) / double(z))); });
}

static void pow(const Args& a, const Worker& w) {
  map2<float, float>(a, w, [](float x, float z) { return canon(float(f64_pow(x, z))); });
}

ROTOR_COMPARE(eq, ==)
ROTOR_COMPARE(ne, !=)
ROTOR_COMPARE(lt, <)
ROTOR_COMPARE(le, <=)
ROTOR_COMPARE(gt, >)
ROTOR_COMPARE(ge, >=)

ROTOR_LOGICAL(logical_and, x && z)
ROTOR_LOGICAL(logical_or, x || z)
ROTOR_LOGICAL(logical_xor, (x != 0) != (z != 0))

static void logical_not(const Args& a, const Worker& w) {
  map1<uint8_t, uint8_t>(a, w, [](uint8_t x) { return uint8_t(x == 0); });
}

ROTOR_UNARY(neg, -x, 0u - uint32_t(x))
ROTOR_UNARY(abs, __builtin_fabsf(x), x < 0 ? 0u - uint32_t(x) : uint32_t(x))
ROTOR_UNARY(sign, x > 0 ? 1.0f : x < 0 ? -1.0f : x, (x > 0) - (x < 0))
ROTOR_UNARY(relu, x < 0 ? 0.0f : x, x < 0 ? 0 : x)
ROTOR_UNARY_F64(exp, f64_exp(x))
ROTOR_UNARY_F64(log, f64_log(x))
ROTOR_UNARY_F64(sqrt, std::sqrt(x))
ROTOR_UNARY_F64(rsqrt, 1.0 / std::sqrt(x))
ROTOR_UNARY_F64(sin, f64_sin(float(x)))
ROTOR_UNARY_F64(cos, f64_cos(float(x)))
ROTOR_UNARY_F64(tanh, f64_tanh(x))
ROTOR_UNARY_F64(sigmoid, 1.0 / (1.0 + f64_exp(-x)))
ROTOR_UNARY_F64(silu, x / (1.0 + f64_exp(-x)))
ROTOR_UNARY_F64(floor, std::floor(x))
ROTOR_UNARY_F64(ceil, std::ceil(x))
ROTOR_UNARY_F64(round, __builtin_rint(x))

static void is_nan(const Args& a, const Worker& w) {
  map1<float, uint8_t>(a, w, [](float x) { return uint8_t(x != x); });
}
static void is_finite(const Args& a, const Worker& w) {
  map1<float, uint8_t>(a, w, [](float x) { return uint8_t(__builtin_fabsf(x) < HUGE_VALF); });
}

template <class T>
static void whereAs(const Args& a, const Worker& w) {
  int64_t b, e;
  w.range(a.out[0].size, 1024, &b, &e);
  if (b >= e) return;
  const uint8_t* c = a.in[0].as<uint8_t>();
  const T *x = a.in[1].as<T>(), *z = a.in[2].as<T>();
  T* y = a.out[0].as<T>();
  Walk wc(a.in[0], a.out[0], b), wx(a.in[1], a.out[0], b), wz(a.in[2], a.out[0], b);
  for (int64_t i = b; i < e; ++i, wc.next(), wx.next(), wz.next()) y[i] = c[wc.at] ? x[wx.at] : z[wz.at];
}

static void where(const Args& a, const Worker& w) {
  switch (dtypeBytes(a.in[1].dtype)) {
    case 4:
      return whereAs<uint32_t>(a, w);
    case 2:
      return whereAs<uint16_t>(a, w);
    default:
      return whereAs<uint8_t>(a, w);
  }
}

// Toward zero, into the range [lo, hi]; NaN gives 0.
static inline double toWhole(double v, double lo, double hi) {
  return v != v ? 0.0 : v <= lo ? lo : v >= hi ? hi : std::trunc(v);
}

static void clamp(const Args& a, const Worker& w) {
  const double lo = a.attrs[0], hi = a.attrs[1];
  if (a.in[0].dtype == DType::f32)
    return map1<float, float>(a, w, [=](float x) { return canon(x < lo ? float(lo) : x > hi ? float(hi) : x); });
  map1<int32_t, int32_t>(a, w, [=](int32_t x) { return int32_t(toWhole(x < lo ? lo : x > hi ? hi : x, -2147483648.0, 2147483647.0)); });
}

// Every element of every dtype is a double exactly; a cast goes through it.
struct F32 {
  using Raw = float;
  static double get(float v) { return v; }
  static float put(double v) { return canon(float(v)); }
};
struct Bf16 {
  using Raw = uint16_t;
  static double get(uint16_t v) { return bf16_f32(v); }
  static uint16_t put(double v) { return f32_bf16(canon(float(v))); }
};
struct F16 {
  using Raw = uint16_t;
  static double get(uint16_t v) { return f16_f32(v); }
  static uint16_t put(double v) { return v == v ? f64_f16(v) : 0x7e00; }
};
template <class T>
struct Whole {
  using Raw = T;
  static double get(T v) { return v; }
  static T put(double v) { return T(toWhole(v, double(std::numeric_limits<T>::min()), double(std::numeric_limits<T>::max()))); }
};
struct Bool {
  using Raw = uint8_t;
  static double get(uint8_t v) { return v != 0; }
  static uint8_t put(double v) { return v != 0.0; }
};

template <class F>
static void withDType(DType t, F f) {
  switch (t) {
    case DType::f32:
      return f(F32{});
    case DType::bf16:
      return f(Bf16{});
    case DType::f16:
      return f(F16{});
    case DType::i32:
      return f(Whole<int32_t>{});
    case DType::i8:
      return f(Whole<int8_t>{});
    case DType::u8:
      return f(Whole<uint8_t>{});
    default:
      return f(Bool{});
  }
}

static void cast(const Args& a, const Worker& w) {
  withDType(a.in[0].dtype, [&](auto from) {
    withDType(a.out[0].dtype, [&](auto to) {
      using From = decltype(from);
      using To = decltype(to);
      map1<typename From::Raw, typename To::Raw>(a, w, [](typename From::Raw x) { return To::put(From::get(x)); });
    });
  });
}

static void fill(const Args& a, const Worker& w) {
  withDType(a.out[0].dtype, [&](auto to) {
    using To = decltype(to);
    const typename To::Raw value = To::put(a.attrs[0]);
    int64_t b, e;
    w.range(a.out[0].size, 1024, &b, &e);
    for (int64_t i = b; i < e; ++i) a.out[0].as<typename To::Raw>()[i] = value;
  });
}

}  // namespace ROTOR_TARGET
}  // namespace rotor
