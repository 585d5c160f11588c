// add … ge, logical_*, neg … is_finite, clamp: y = f(x) or f(x, z), by the functions that the CPU kernels use.
// data:  reads x (and z) once, strided or broadcast; writes y (contiguous) once
// map:   a thread 16 bytes of the widest operand where all are neighbours or one value; else, and where much is computed, an element;
//        256 to a block
// bound: bytes of x, z and y; functions computed in double are bound by it on chips with few double units; measured: not taken
#include "../elementwise.cuh"
#include "../../cpp/math/pointwise.h"

namespace rotor {
namespace cuda {
namespace {

// Ops of float32 and int32, whose results may be of another type.
template <int V = 4, class F>
void binary(const Args& a, Launch& launch, F f) {
  if (a.in[0].dtype == DType::f32) return map2<float, float, V>(a, launch, f);
  map2<int32_t, decltype(f(int32_t(0), int32_t(0))), V>(a, launch, f);
}
template <class F>
void unary(const Args& a, Launch& launch, F f) {
  if (a.in[0].dtype == DType::f32) return map1<float, float>(a, launch, f);
  map1<int32_t, int32_t>(a, launch, f);
}
template <class F>
void compare(const Args& a, Launch& launch, F f) {
  switch (a.in[0].dtype) {
    case DType::f32:
      return map2<float, uint8_t>(a, launch, f);
    case DType::i32:
      return map2<int32_t, uint8_t>(a, launch, f);
    case DType::i8:
      return map2<int8_t, uint8_t>(a, launch, f);
    default:
      return map2<uint8_t, uint8_t>(a, launch, f);
  }
}

}  // namespace

#define ROTOR_OP(name, call) \
  void name(const Args& a, Launch& launch) { call; }
ROTOR_OP(add, binary(a, launch, Add{}))
ROTOR_OP(sub, binary(a, launch, Sub{}))
ROTOR_OP(mul, binary(a, launch, Mul{}))
ROTOR_OP(div, binary(a, launch, Div{}))
ROTOR_OP(maximum, binary(a, launch, Maximum{}))
ROTOR_OP(minimum, binary(a, launch, Minimum{}))
ROTOR_OP(mod, binary<1>(a, launch, Mod{}))
ROTOR_OP(pow, (map2<float, float, 1>(a, launch, Pow{})))
ROTOR_OP(eq, compare(a, launch, Eq{}))
ROTOR_OP(ne, compare(a, launch, Ne{}))
ROTOR_OP(lt, compare(a, launch, Lt{}))
ROTOR_OP(le, compare(a, launch, Le{}))
ROTOR_OP(gt, compare(a, launch, Gt{}))
ROTOR_OP(ge, compare(a, launch, Ge{}))
ROTOR_OP(logical_and, (map2<uint8_t, uint8_t>(a, launch, LogicalAnd{})))
ROTOR_OP(logical_or, (map2<uint8_t, uint8_t>(a, launch, LogicalOr{})))
ROTOR_OP(logical_xor, (map2<uint8_t, uint8_t>(a, launch, LogicalXor{})))
ROTOR_OP(logical_not, (map1<uint8_t, uint8_t>(a, launch, LogicalNot{})))
ROTOR_OP(neg, unary(a, launch, Neg{}))
ROTOR_OP(abs, unary(a, launch, Abs{}))
ROTOR_OP(sign, unary(a, launch, Sign{}))
ROTOR_OP(relu, unary(a, launch, Relu{}))
ROTOR_OP(exp, (map1<float, float, 1>(a, launch, Exp{})))
ROTOR_OP(log, (map1<float, float, 1>(a, launch, Log{})))
ROTOR_OP(sqrt, (map1<float, float, 1>(a, launch, Sqrt{})))
ROTOR_OP(rsqrt, (map1<float, float, 1>(a, launch, Rsqrt{})))
ROTOR_OP(sin, (map1<float, float, 1>(a, launch, Sin{})))
ROTOR_OP(cos, (map1<float, float, 1>(a, launch, Cos{})))
ROTOR_OP(tanh, (map1<float, float, 1>(a, launch, Tanh{})))
ROTOR_OP(sigmoid, (map1<float, float, 1>(a, launch, Sigmoid{})))
ROTOR_OP(silu, (map1<float, float, 1>(a, launch, Silu{})))
ROTOR_OP(floor, (map1<float, float>(a, launch, Floor{})))
ROTOR_OP(ceil, (map1<float, float>(a, launch, Ceil{})))
ROTOR_OP(round, (map1<float, float>(a, launch, Round{})))
ROTOR_OP(is_nan, (map1<float, uint8_t>(a, launch, IsNan{})))
ROTOR_OP(is_finite, (map1<float, uint8_t>(a, launch, IsFinite{})))
ROTOR_OP(clamp, unary(a, launch, Clamp{a.attrs[0], a.attrs[1]}))
#undef ROTOR_OP

}  // namespace cuda
}  // namespace rotor
