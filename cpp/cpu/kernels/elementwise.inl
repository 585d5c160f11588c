// Copies, casts and broadcasting elementwise ops.
#pragma once
#include "../../math/dtypes.h"
#include "../../math/pointwise.h"

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

// One op, for float32 and int32.
#define ROTOR_BINARY(name, F)                                                                    \
  static void name(const Args& a, const Worker& w) {                                             \
    if (a.in[0].dtype == DType::f32) return map2<float, float>(a, w, F{});                       \
    map2<int32_t, decltype(F{}(int32_t(0), int32_t(0)))>(a, w, F{});                             \
  }
#define ROTOR_UNARY(name, F)                                                                     \
  static void name(const Args& a, const Worker& w) {                                             \
    if (a.in[0].dtype == DType::f32) return map1<float, float>(a, w, F{});                       \
    map1<int32_t, int32_t>(a, w, F{});                                                           \
  }
#define ROTOR_UNARY_F32(name, R, F) \
  static void name(const Args& a, const Worker& w) { map1<float, R>(a, w, F{}); }
#define ROTOR_COMPARE(name, F) \
  static void name(const Args& a, const Worker& w) { mapPlain(a, w, F{}); }
#define ROTOR_LOGICAL(name, F) \
  static void name(const Args& a, const Worker& w) { map2<uint8_t, uint8_t>(a, w, F{}); }

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

ROTOR_BINARY(add, Add)
ROTOR_BINARY(sub, Sub)
ROTOR_BINARY(mul, Mul)
ROTOR_BINARY(div, Div)
ROTOR_BINARY(maximum, Maximum)
ROTOR_BINARY(minimum, Minimum)
ROTOR_BINARY(mod, Mod)

static void pow(const Args& a, const Worker& w) { map2<float, float>(a, w, Pow{}); }

ROTOR_COMPARE(eq, Eq)
ROTOR_COMPARE(ne, Ne)
ROTOR_COMPARE(lt, Lt)
ROTOR_COMPARE(le, Le)
ROTOR_COMPARE(gt, Gt)
ROTOR_COMPARE(ge, Ge)

ROTOR_LOGICAL(logical_and, LogicalAnd)
ROTOR_LOGICAL(logical_or, LogicalOr)
ROTOR_LOGICAL(logical_xor, LogicalXor)

static void logical_not(const Args& a, const Worker& w) { map1<uint8_t, uint8_t>(a, w, LogicalNot{}); }

ROTOR_UNARY(neg, Neg)
ROTOR_UNARY(abs, Abs)
ROTOR_UNARY(sign, Sign)
ROTOR_UNARY(relu, Relu)
ROTOR_UNARY_F32(exp, float, Exp)
ROTOR_UNARY_F32(log, float, Log)
ROTOR_UNARY_F32(sqrt, float, Sqrt)
ROTOR_UNARY_F32(rsqrt, float, Rsqrt)
ROTOR_UNARY_F32(sin, float, Sin)
ROTOR_UNARY_F32(cos, float, Cos)
ROTOR_UNARY_F32(tanh, float, Tanh)
ROTOR_UNARY_F32(sigmoid, float, Sigmoid)
ROTOR_UNARY_F32(silu, float, Silu)
ROTOR_UNARY_F32(floor, float, Floor)
ROTOR_UNARY_F32(ceil, float, Ceil)
ROTOR_UNARY_F32(round, float, Round)
ROTOR_UNARY_F32(is_nan, uint8_t, IsNan)
ROTOR_UNARY_F32(is_finite, uint8_t, IsFinite)

template <class T>
static void whereAs(const Args& a, const Worker& w) {
  int64_t b, e;
  w.range(a.out[0].size, 1024, &b, &e);
  if (b >= e) return;
  const uint8_t* c = a.in[0].as<uint8_t>();
  const T *x = a.in[1].as<T>(), *z = a.in[2].as<T>();
  T* y = a.out[0].as<T>();
  Walk wc(a.in[0], a.out[0], b), wx(a.in[1], a.out[0], b), wz(a.in[2], a.out[0], b);
  for (int64_t i = b; i < e; ++i, wc.next(), wx.next(), wz.next()) y[i] = Where{}(c[wc.at], x[wx.at], z[wz.at]);
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

static void clamp(const Args& a, const Worker& w) {
  const Clamp f = {a.attrs[0], a.attrs[1]};
  if (a.in[0].dtype == DType::f32) return map1<float, float>(a, w, f);
  map1<int32_t, int32_t>(a, w, f);
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
