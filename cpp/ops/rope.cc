// Shape checks of rotary positions.
#include "plans.h"

namespace rotor {

Plan plan_rope(const Args& a) {
  const View &x = a.in[0], &pos = a.in[1], &cos = a.in[2], &sin = a.in[3];
  needDType("rope", "x", x, {DType::f32});
  needShape("rope", "x", x, {-1, -1, -1});
  if (x.dims[2] % 2 != 0) failShape("rope", "an even head size", shapeText(x));
  needDType("rope", "positions", pos, {DType::i32});
  needShape("rope", "positions", pos, {x.dims[0]});
  for (const View* table : {&cos, &sin}) {
    needDType("rope", "a table", *table, {DType::f32});
    needShape("rope", "a table", *table, {cos.ndim > 0 ? cos.dims[0] : 0, x.dims[2] / 2});
  }
  needDType("rope", "the output", a.out[0], {DType::f32});
  needShape("rope", "the output", a.out[0], {x.dims[0], x.dims[1], x.dims[2]});
  return {double(x.size)};
}

}  // namespace rotor
