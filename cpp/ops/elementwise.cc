// Shape checks of copies and broadcasting arithmetic.
#include "plans.h"

namespace rotor {
namespace {

// `in` must broadcast, from the right, to the output's shape.
void needBroadcast(const char* op, const View& in, const View& out) {
  bool ok = in.ndim <= out.ndim;
  for (int i = 0; ok && i < in.ndim; ++i) ok = in.last(i) == 1 || in.last(i) == out.last(i);
  if (!ok) failShape(op, "a shape that broadcasts to " + shapeText(out), shapeText(in));
}

}  // namespace

Plan plan_copy(const Args& a) {
  needDType("copy", "the output", a.out[0], {a.in[0].dtype});
  needBroadcast("copy", a.in[0], a.out[0]);
  return {double(a.out[0].size)};
}

Plan plan_add(const Args& a) {
  needDType("add", "input 0", a.in[0], {DType::f32, DType::i32});
  needDType("add", "input 1", a.in[1], {a.in[0].dtype});
  needDType("add", "the output", a.out[0], {a.in[0].dtype});
  needBroadcast("add", a.in[0], a.out[0]);
  needBroadcast("add", a.in[1], a.out[0]);
  return {double(a.out[0].size)};
}

}  // namespace rotor
