// Shape checks of copies, casts and broadcasting elementwise ops.
#include "plans.h"

namespace rotor {
namespace {

constexpr double kSlow = 20;  // work of an exp or the like, in additions

// `in` must broadcast, from the right, to the output's shape.
void needBroadcast(const char* op, const View& in, const View& out) {
  bool ok = in.ndim <= out.ndim;
  for (int i = 0; ok && i < in.ndim; ++i) ok = in.last(i) == 1 || in.last(i) == out.last(i);
  if (!ok) failShape(op, "a shape that broadcasts to " + shapeText(out), shapeText(in));
}

// Inputs from `first` on have one dtype among `allowed`; all broadcast to the output.
Plan planMap(const char* op, const Args& a, std::initializer_list<DType> allowed, DType out, double work = 1, int first = 0) {
  for (int i = 0; i < a.nIn; ++i) {
    if (i == first) needDType(op, "the input", a.in[i], allowed);
    if (i > first) needDType(op, "a further input", a.in[i], {a.in[first].dtype});
    needBroadcast(op, a.in[i], a.out[0]);
  }
  needDType(op, "the output", a.out[0], {out});
  return {double(a.out[0].size) * work};
}

}  // namespace

Plan plan_copy(const Args& a) {
  return planMap("copy", a, {a.in[0].dtype}, a.in[0].dtype);
}

Plan plan_cast(const Args& a) {
  return planMap("cast", a, {a.in[0].dtype}, a.out[0].dtype, 2);
}

Plan plan_fill(const Args& a) {
  return {double(a.out[0].size)};
}

#define SAME(name, work, ...) \
  Plan plan_##name(const Args& a) { return planMap(#name, a, {__VA_ARGS__}, a.in[0].dtype, work); }
#define TO_BOOL(name, ...) \
  Plan plan_##name(const Args& a) { return planMap(#name, a, {__VA_ARGS__}, DType::boolean); }
#define NUMERIC DType::f32, DType::i32
#define PLAIN DType::f32, DType::i32, DType::i8, DType::u8, DType::boolean

SAME(add, 1, NUMERIC)
SAME(sub, 1, NUMERIC)
SAME(mul, 1, NUMERIC)
SAME(maximum, 1, NUMERIC)
SAME(minimum, 1, NUMERIC)
SAME(mod, kSlow, NUMERIC)
SAME(pow, 3 * kSlow, DType::f32)
SAME(neg, 1, NUMERIC)
SAME(abs, 1, NUMERIC)
SAME(sign, 1, NUMERIC)
SAME(relu, 1, NUMERIC)
SAME(exp, kSlow, DType::f32)
SAME(log, kSlow, DType::f32)
SAME(sqrt, 2, DType::f32)
SAME(rsqrt, 4, DType::f32)
SAME(sin, kSlow, DType::f32)
SAME(cos, kSlow, DType::f32)
SAME(tanh, kSlow, DType::f32)
SAME(sigmoid, kSlow, DType::f32)
SAME(silu, kSlow, DType::f32)
SAME(floor, 1, DType::f32)
SAME(ceil, 1, DType::f32)
SAME(round, 1, DType::f32)
TO_BOOL(eq, PLAIN)
TO_BOOL(ne, PLAIN)
TO_BOOL(lt, PLAIN)
TO_BOOL(le, PLAIN)
TO_BOOL(gt, PLAIN)
TO_BOOL(ge, PLAIN)
TO_BOOL(is_nan, DType::f32)
TO_BOOL(is_finite, DType::f32)
TO_BOOL(logical_and, DType::boolean)
TO_BOOL(logical_or, DType::boolean)
TO_BOOL(logical_xor, DType::boolean)
TO_BOOL(logical_not, DType::boolean)

Plan plan_div(const Args& a) {
  return planMap("div", a, {NUMERIC}, DType::f32);
}

Plan plan_where(const Args& a) {
  needDType("where", "the condition", a.in[0], {DType::boolean});
  return planMap("where", a, {a.in[1].dtype}, a.in[1].dtype, 1, 1);
}

Plan plan_clamp(const Args& a) {
  if (!(a.attrs[0] <= a.attrs[1])) throw OpError("OPTION", "[clamp] expected bounds with lo <= hi, received others.");
  return planMap("clamp", a, {NUMERIC}, a.in[0].dtype);
}

}  // namespace rotor
